import type { CounterState, Demand, Receipt, StoreAnswer, WindowRule } from '../window-store.ts'
import type { CountOperation } from './demands.ts'
import { answerLength, never } from './counter-form.ts'

/**
 * Reads what the count script said.
 *
 * @throws {TypeError} when it is something else: another script, or a client that changes answers.
 */
export function answerOf(said: unknown, operation: CountOperation, demands: readonly Demand[]): StoreAnswer {
  if (!Buffer.isBuffer(said) || said.length !== demands.length * answerLength) {
    throw new TypeError('Redis gave another answer than the script does')
  }
  const counters = demands.map((demand, i) => counterOf(said, i * answerLength, operation, demand))
  return { admitted: demands.every(({ rule }, i) => rule.shadow || counters[i]?.admits === true), counters }
}

function counterOf(said: Buffer, from: number, operation: CountOperation, { rule, key, cost }: Demand): CounterState {
  const retry = said.readUIntBE(from + 4, 6)
  return {
    admits: retry === 0,
    remaining: said.readUInt32BE(from),
    retryAfterMs: retry === never ? null : retry,
    resetMs: said.readUIntBE(from + 10, 6),
    now: said.readUIntBE(from + 16, 6),
    receipt: receiptOf(said, from + 22, rule, key, operation === 'take' ? cost : Math.min(cost, rule.limit)),
  }
}

function receiptOf(said: Buffer, from: number, rule: WindowRule, key: string, units: number): Receipt | undefined {
  const mark = said.readUInt8(from + 6) * 2 ** 48 + said.readUIntBE(from + 7, 6)
  return mark === 0 ? undefined : { rule, key, at: said.readUIntBE(from, 6), units, mark }
}
