import type { HeaderPair } from './guard.ts'

/** What a callback gives for an answer that no guard saw. An answer without them is better than none: here a throw would end the process. */
export function headersFrom(headers: () => readonly HeaderPair[]): readonly HeaderPair[] {
  try {
    return headers()
  } catch {
    return []
  }
}
