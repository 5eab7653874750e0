import { isHeaderPair } from './foreign-error.ts'
import type { HeaderPair } from './guard.ts'

/**
 * What a callback gives for an answer that no guard saw. An answer without a header is better than none: here a throw, or a header that cannot
 * be set, would end the process.
 */
export function headersFrom(headers: () => readonly HeaderPair[]): readonly HeaderPair[] {
  try {
    const given: unknown = headers()
    if (given instanceof Promise) given.catch(() => undefined)
    return Array.isArray(given) ? given.filter(isHeaderPair) : []
  } catch {
    return []
  }
}
