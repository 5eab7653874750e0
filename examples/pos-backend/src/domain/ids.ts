import type { Clock } from '@mosaajii/core'

/**
 * A UUID version 7 (RFC 9562): its time makes rows sort in the order of their creation. It is made before the insert, because a sealed
 * value is bound to its row and the row must have a name by then.
 *
 * @example
 * uuidv7(systemClock) // '01998f3c-7a1e-7c52-9d41-5f0c2b6a9e10'
 */
export function uuidv7(clock: Clock): string {
  const time = clock.now().toString(16).padStart(12, '0')
  const random = globalThis.crypto.getRandomValues(new Uint8Array(10))
  // The two variant bits of RFC 9562 are 10.
  random[2] = ((random[2] ?? 0) & 0x3f) | 0x80
  const hex = Array.from(random, (byte) => byte.toString(16).padStart(2, '0')).join('')
  return `${time.slice(0, 8)}-${time.slice(8)}-7${hex.slice(1, 4)}-${hex.slice(4, 8)}-${hex.slice(8)}`
}

/** Whether a text has the form of an id that {@link uuidv7} makes. */
export function isId(text: string): boolean {
  return /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(text)
}
