/** Who decided: the store, this process alone, the memory of a refusal just before, or nobody, because the store could not be reached. */
export type DecisionSource = 'store' | 'local' | 'denyCache' | 'failure'

/** One rule as a call left it. When the store could not be reached it says what `onStoreFailure` makes of the rule. */
export interface RuleState {
  readonly limit: number
  /** The length of the window in milliseconds. */
  readonly window: number
  /** The units that would be admitted now. */
  readonly remaining: number
  /** 0 when the call's cost passes, else the first millisecond at which it does if nothing else is admitted; `null`: it never does, or nobody knows. */
  readonly retryAfterMs: number | null
  /** In how many milliseconds `remaining` grows next; 0: it cannot grow. */
  readonly resetMs: number
  readonly shadow: boolean
}

/**
 * What a limiter says. A value, never a rejection: also when the store is gone.
 *
 * `N` are the names of all rules of the limiter, `M` those that the call named, whose states are certainly there.
 */
export interface Decision<N extends string = string, M extends N = never> {
  readonly allowed: boolean
  readonly source: DecisionSource
  /** The rules that refused, in the order of the call. Empty when the call is allowed, or refused because the store could not be reached. */
  readonly violated: readonly N[]
  /** When the call would pass, by all of its rules: 0 now, `null` never, or nobody knows because the store could not be reached. */
  readonly retryAfterMs: number | null
  /** Every rule that was checked, those of `with` included. */
  readonly rules: Readonly<Record<M, RuleState> & Partial<Record<N, RuleState>>>
}
