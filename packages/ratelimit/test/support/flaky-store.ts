import type { Demand, OpenWindows, Receipt, StoreAnswer, WindowRule, WindowStore } from '../../src/window-store.ts'

/** What happens to a call: it is answered at once, or later, or the store throws, or rejects, or answers what is no answer. */
export type Mood = 'answers' | 'answers later' | 'throws' | 'rejects' | 'babbles'

/** The moods in which nothing is decided. */
export const failures: readonly Mood[] = ['throws', 'rejects', 'babbles']

/** A store in front of another one, that can be told to fail. */
export interface FlakyStore extends WindowStore {
  mood: Mood
  /** How many calls reached it, failed ones included. */
  calls: number
  /** What it fails with. */
  error: unknown
}

export function flakyStore(inner: WindowStore): FlakyStore {
  const store: FlakyStore = { mood: 'answers', calls: 0, error: new Error('secret-host:6379'), open }
  function open(rules: readonly WindowRule[]): OpenWindows {
    return flakyWindows(store, inner.open(rules))
  }
  return store
}

function flakyWindows(store: FlakyStore, inner: OpenWindows): OpenWindows {
  function work<T>(run: () => T | Promise<T>): T | Promise<T> {
    store.calls++
    const { mood, error } = store
    if (mood === 'answers') return run()
    if (mood === 'answers later') return new Promise((resolve) => setTimeout(resolve, 1)).then(run)
    if (mood === 'throws') throw error
    // oxlint-disable-next-line typescript/prefer-promise-reject-errors -- likewise
    if (mood === 'rejects') return Promise.reject(error)
    return undefined as T
  }
  return {
    take: (demands: readonly Demand[]) => work<StoreAnswer>(() => inner.take(demands)),
    peek: (demands: readonly Demand[]) => work<StoreAnswer>(() => inner.peek(demands)),
    penalize: (demands: readonly Demand[]) => work<StoreAnswer>(() => inner.penalize(demands)),
    refund: (receipts: readonly Receipt[]) => work(() => inner.refund(receipts)),
    reset: (rule: WindowRule, key: string) => work(() => inner.reset(rule, key)),
    block: (rule: WindowRule, key: string, forMs: number) => work(() => inner.block(rule, key, forMs)),
  }
}
