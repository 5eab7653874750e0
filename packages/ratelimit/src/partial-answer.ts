import type { Question } from './local-share.ts'
import type { Verdict } from './limiter-decision.ts'
import type { CounterState, Demand, OpenWindows, Receipt, StoreAnswer } from './window-store.ts'

/** What is made of an answer in which some counters are missing, and what the store must get back. */
export interface PartialVerdict {
  readonly verdict: Verdict
  readonly giveBack: readonly Receipt[]
}

/**
 * Decides a call of which some counters could not be reached. What the others refuse is refused. Only about those that are missing somebody else
 * decides; if they refuse, the others get back what was taken.
 *
 * @param windows who answered.
 * @param alone decides about counters that could not be reached.
 */
export function decidePartly(
  question: Question,
  demands: readonly Demand[],
  { counters }: StoreAnswer,
  windows: OpenWindows,
  alone: (question: Question, lost: readonly Demand[]) => Verdict,
): PartialVerdict {
  const known = counters.map((state) => (state.failed ? undefined : state))
  const refuses = demands.some(({ rule }, i) => !rule.shadow && known[i]?.admits === false)
  // A penalty counts wherever it can.
  if (refuses && question !== 'penalize') return refused({ allowed: false, source: 'store', states: known, windows })
  const isTaken = question !== 'take' || demands.every(({ rule }, i) => rule.shadow || isCounted(known[i]))
  const lost = demands.filter((_, i) => known[i] === undefined)
  const { allowed, source, states: others } = alone(isTaken ? question : 'peek', lost)
  let next = 0
  const states = known.map((state) => state ?? others[next++])
  if (question === 'take' && !(allowed && isTaken)) {
    // A share that was free again just now does not make up for what was not taken elsewhere.
    return refused({ allowed: false, source: allowed ? 'failure' : source, states, windows })
  }
  return { verdict: { allowed: allowed && !refuses, source, states, windows }, giveBack: [] }
}

/** A counter that answered and admits has counted the call. */
function isCounted(state: CounterState | undefined): boolean {
  return state === undefined || state.receipt !== undefined
}

/** Nothing is left to refund by the decision. */
function refused(verdict: Verdict): PartialVerdict {
  const giveBack = verdict.states.flatMap((state) => state?.receipt ?? [])
  const states = verdict.states.map((state) => (state?.receipt ? { ...state, receipt: undefined } : state))
  return { verdict: { ...verdict, states }, giveBack }
}
