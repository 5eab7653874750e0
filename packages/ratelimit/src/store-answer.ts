import type { StoreAnswer } from './window-store.ts'

/** Whether a value that a store gave is an answer about so many counters. A store that says anything else has not decided. */
export function isStoreAnswer(value: unknown, counters: number): value is StoreAnswer {
  if (typeof value !== 'object' || value === null) return false
  const { admitted, counters: states } = value as Partial<StoreAnswer>
  return typeof admitted === 'boolean' && Array.isArray(states) && states.length === counters
}
