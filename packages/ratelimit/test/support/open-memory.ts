import { type SettableClock, settableClock } from '@mosaajii/core/testing'
import { type MemoryStore, memoryStore } from '../../src/stores/memory.ts'
import type { CounterState, OpenWindows, StoreAnswer, WindowRule } from '../../src/window-store.ts'

/** A store of one rule, and its calls in short. */
export interface OpenMemory {
  readonly rule: WindowRule
  readonly clock: SettableClock
  readonly store: MemoryStore
  readonly windows: OpenWindows
  take(key: string, cost?: number): CounterState
  peek(key: string, cost?: number): CounterState
  penalize(key: string, cost?: number): CounterState
}

/** Opens a store in memory for one rule, on a clock that stands still. */
export function openMemory(rule: WindowRule, options: { readonly maxBytes?: number } = {}): OpenMemory {
  const clock = settableClock()
  const store = memoryStore({ ...options, clock })
  const windows = store.open([rule])
  const first = (answer: unknown): CounterState => (answer as StoreAnswer).counters[0] as CounterState
  return {
    rule,
    clock,
    store,
    windows,
    take: (key, cost = 1) => first(windows.take([{ rule, key, cost }])),
    peek: (key, cost = 1) => first(windows.peek([{ rule, key, cost }])),
    penalize: (key, cost = 1) => first(windows.penalize([{ rule, key, cost }])),
  }
}
