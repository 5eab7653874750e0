import type { Caller, Limits, LimitView } from '../limits.ts'
import type { RefusalCount } from '../refusal-count.ts'

/** What the page shows of the limits, and fetches again and again from `/limits`. */
export interface LimitsView {
  readonly store: Limits['store']
  /** How many requests were refused since the start, of anybody. */
  readonly refused: number
  /** How far the caller is. */
  readonly rules: readonly LimitView[]
}

/** Looks at the limits of a caller without counting anything. */
export async function limitsView(limits: Limits, refusals: RefusalCount, caller: Caller): Promise<LimitsView> {
  return { store: limits.store, refused: refusals.count(), rules: await limits.look(caller) }
}
