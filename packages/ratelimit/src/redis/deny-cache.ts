import type { CounterState, Demand, OpenWindows, Receipt, StoreAnswer, WindowRule } from '../window-store.ts'

/** How long a refusal is remembered at most. */
const longest = 1000
const mostEntries = 10_000

/** A refusal of a counter, with the whole answer that it came in. */
interface Refusal {
  /** The smallest cost that was refused: what costs less may pass. */
  readonly cost: number
  readonly until: number
  readonly at: number
  readonly demands: readonly Demand[]
  readonly counters: readonly CounterState[]
}

/**
 * Says no again without asking the store, for as long as a refused cost cannot pass, and for a second at most. What this process gives back is seen
 * at once, what another one gives back when that time is over.
 */
export class DenyCache implements OpenWindows {
  readonly #windows: OpenWindows
  readonly #elapsed: () => number
  /** By rule and key. The oldest entry goes when there are too many: it only costs a question. */
  readonly #refusals = new Map<string, Refusal>()
  /** How often something was given back. A refusal from before that may arrive after it, and must not be remembered. */
  #changes = 0

  /** @param elapsed milliseconds that never go back. */
  constructor(windows: OpenWindows, elapsed: () => number) {
    this.#windows = windows
    this.#elapsed = elapsed
  }

  async take(demands: readonly Demand[], goesOn?: (lost: readonly Demand[]) => boolean): Promise<StoreAnswer> {
    // From before the question: the store's time of the answer is later, so nothing is refused for longer than the store would.
    const asked = this.#elapsed()
    const known = this.#refusalOf(demands, asked)
    if (known !== undefined) return remembered(known, demands, asked)
    const changes = this.#changes
    const answer = await this.#windows.take(demands, goesOn)
    if (!answer.admitted && changes === this.#changes) this.#remember(demands, answer.counters, asked)
    return answer
  }

  async peek(demands: readonly Demand[]): Promise<StoreAnswer> {
    return this.#windows.peek(demands)
  }

  async penalize(demands: readonly Demand[]): Promise<StoreAnswer> {
    return this.#windows.penalize(demands)
  }

  async refund(receipts: readonly Receipt[]): Promise<void> {
    try {
      await this.#windows.refund(receipts)
    } finally {
      for (const { rule, key } of receipts) this.#forget(rule, key)
    }
  }

  async reset(rule: WindowRule, key: string): Promise<void> {
    try {
      await this.#windows.reset(rule, key)
    } finally {
      this.#forget(rule, key)
    }
  }

  async block(rule: WindowRule, key: string, forMs: number): Promise<void> {
    try {
      await this.#windows.block(rule, key, forMs)
    } finally {
      this.#forget(rule, key)
    }
  }

  #forget(rule: WindowRule, key: string): void {
    this.#changes++
    this.#refusals.delete(nameOf(rule, key))
  }

  #refusalOf(demands: readonly Demand[], now: number): Refusal | undefined {
    if (this.#refusals.size === 0) return undefined
    for (const { rule, key, cost } of demands) {
      if (rule.shadow) continue
      const refusal = this.#refusals.get(nameOf(rule, key))
      if (refusal !== undefined && now < refusal.until && cost >= refusal.cost) return refusal
    }
    return undefined
  }

  #remember(demands: readonly Demand[], counters: readonly CounterState[], at: number): void {
    for (const [i, { rule, key, cost }] of demands.entries()) {
      const state = counters[i]
      if (state === undefined || state.admits || state.failed || rule.shadow) continue
      const until = at + Math.min(state.retryAfterMs ?? longest, longest)
      const name = nameOf(rule, key)
      this.#refusals.delete(name)
      this.#refusals.set(name, { cost, until, at, demands, counters })
    }
    for (const oldest of this.#refusals.keys()) {
      if (this.#refusals.size <= mostEntries) break
      this.#refusals.delete(oldest)
    }
  }
}

function nameOf({ name }: WindowRule, key: string): string {
  return `${name} ${key}`
}

/** What can be said without asking: of a counter that was asked with the refused one, what it said then; of any other, that nothing remains. */
function remembered(refusal: Refusal, demands: readonly Demand[], now: number): StoreAnswer {
  // Down, so that nobody is told to come too early.
  const age = Math.floor(now - refusal.at)
  const counters = demands.map(({ rule, key, cost }) => {
    const i = refusal.demands.findIndex((known) => known.rule === rule && known.key === key)
    const state = refusal.counters[i]
    return state === undefined || state.failed ? unknown : aged(state, age, cost >= (refusal.demands[i]?.cost ?? 0))
  })
  return { admitted: false, counters, source: 'denyCache' }
}

const unknown: CounterState = { admits: true, remaining: 0, retryAfterMs: 0, resetMs: 0, now: 0, receipt: undefined }

function aged(state: CounterState, age: number, isAsked: boolean): CounterState {
  const left = (ms: number): number => Math.max(0, ms - age)
  const { retryAfterMs } = state
  const retry = isAsked && retryAfterMs !== 0 ? (retryAfterMs === null ? null : left(retryAfterMs)) : 0
  return {
    admits: retry === 0,
    remaining: state.remaining,
    retryAfterMs: retry,
    resetMs: left(state.resetMs),
    now: state.now + age,
    receipt: undefined,
  }
}
