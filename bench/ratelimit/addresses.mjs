const TEN = '10.'

/**
 * The address of client `i`, as limiters get it: a fresh string each time, so that a store that keeps it keeps one of its own.
 *
 * @param {number} i below 2 ** 24
 */
export function address(i) {
  return `${TEN}${(i >>> 16) & 255}.${(i >>> 8) & 255}.${i & 255}`
}

/** The addresses of so many clients, flat strings, as a socket hands them over. */
export function addresses(count) {
  return Array.from({ length: count }, (_, i) => Buffer.from(address(i)).toString('latin1'))
}

/**
 * Draws from a list, each item as likely as the others (xorshift32).
 *
 * @template T
 * @param {readonly T[]} items
 * @returns {() => T}
 */
export function drawn(items) {
  const { length } = items
  let state = 0x9e3779b9
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return items[(state >>> 0) % length]
  }
}
