import type { CountOperation } from './demands.ts'
import type { CounterState, Demand, Receipt, StoreAnswer } from '../window-store.ts'

/** How many numbers the count script says of each counter. */
const numbers = 6

/**
 * Reads what the count script said.
 *
 * @throws {TypeError} when it is something else: another script, or a client that changes answers.
 */
export function answerOf(said: unknown, operation: CountOperation, demands: readonly Demand[]): StoreAnswer {
  if (!Array.isArray(said) || said.length !== demands.length * numbers || !said.every(Number.isSafeInteger)) {
    throw new TypeError('Redis gave another answer than the script does')
  }
  const values = said as readonly number[]
  const counters = demands.map((demand, i) => counterOf(values, i * numbers, operation, demand))
  return { admitted: demands.every(({ rule }, i) => rule.shadow || counters[i]?.admits === true), counters }
}

function counterOf(
  values: readonly number[],
  from: number,
  operation: CountOperation,
  { rule, key, cost }: Demand,
): CounterState {
  const [remaining = 0, retry = 0, resetMs = 0, now = 0, at = 0, mark = 0] = values.slice(from, from + numbers)
  let receipt: Receipt | undefined
  if (mark !== 0) receipt = { rule, key, at, units: operation === 'take' ? cost : Math.min(cost, rule.limit), mark }
  return { admits: retry === 0, remaining, retryAfterMs: retry < 0 ? null : retry, resetMs, now, receipt }
}
