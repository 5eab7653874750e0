import { isHeaderValue } from './foreign-error.ts'
import type { HeaderPair } from './guard.ts'

/**
 * What a callback gives for an answer that no guard saw. An answer without a header is better than none: here a throw, or a header that cannot
 * be set, would end the process.
 */
export function headersFrom(headers: () => readonly HeaderPair[]): readonly HeaderPair[] {
  try {
    const given: unknown = headers()
    if (given instanceof Promise) given.catch(() => undefined)
    return Array.isArray(given) ? given.filter(isHeader) : []
  } catch {
    return []
  }
}

function isHeader(pair: unknown): pair is HeaderPair {
  if (!Array.isArray(pair)) return false
  const [name, value] = pair as unknown[]
  return (
    typeof name === 'string' && /^[!#$%&'*+.^_`|~\w-]+$/.test(name) && typeof value === 'string' && isHeaderValue(value)
  )
}
