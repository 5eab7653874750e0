import type { Duration } from '@mosaajii/core'
import type { Algorithm } from './window-store.ts'

/** A part of a key. `undefined` is what an address is that nobody knows: a clear error at the call, never a counter that all share. */
export type KeyPart = string | number | undefined

/** A growing wait between attempts, for sign-in. */
export interface Backoff {
  /** From this many units in the window on each attempt waits. At least 1, below the limit. */
  readonly after: number
  /** The first wait. */
  readonly base: Duration
  /** What each further unit multiplies it by, 1 to 10. Default 2. */
  readonly factor?: number
  /** The longest wait, at most the window. */
  readonly max: Duration
}

/** What happens when the store cannot be reached. A call that is let through counts nowhere, except by `localShare`. */
export type OnStoreFailure = 'deny' | 'allow' | { readonly localShare: number }

/** One limit: so many units in any trailing window, for each key. */
export interface Rule<S> {
  /** How many units any trailing window may hold, 1 to 1,000,000,000. */
  readonly limit: number
  /** Up to 366 days. */
  readonly window: Duration
  /** Names the counter of a subject. An array is one composite key: account and address together. To count them separately, write two rules. */
  readonly key: (subject: S) => KeyPart | readonly KeyPart[]
  /** What a call costs by this rule. Default: the `cost` of the call, which is 1 by default. */
  readonly cost?: number | ((subject: S) => number)
  /** `exact` keeps each hit, for limits up to 1024; `strict` rounds their times. Default: `exact` for limits up to 64. */
  readonly algorithm?: Algorithm
  /** Into how many parts `strict` divides the window, 1 to 1000. Default 60. */
  readonly subWindows?: number
  /** It counts and is told, and refuses nobody: to try a limit out. */
  readonly shadow?: boolean
  /** A growing wait between attempts; for `exact` rules. */
  readonly backoff?: Backoff
  /** Rules that are checked whenever this one is. */
  readonly with?: readonly string[]
  /** What to do when the store cannot be reached. No default: only the application knows which mistake costs more. */
  readonly onStoreFailure: OnStoreFailure
}
