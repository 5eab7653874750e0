import type {
  CounterState,
  Demand,
  OpenWindows,
  Receipt,
  StoreAnswer,
  WindowRule,
  WindowStore,
} from '../window-store.ts'
import { must } from './contract.ts'

/** What a case says of a rule; the rest is usual. */
export type RuleShape = Partial<WindowRule> & { readonly subWindows?: number }

/** A window that does not end while a case runs. */
export const hour = 3_600_000

/** The store of one case, and short ways to ask it. */
export class Trial {
  readonly #store: WindowStore
  readonly #advance: ((ms: number) => void | Promise<void>) | undefined
  readonly #seen = new Map<string, number>()
  #windows: OpenWindows | undefined
  /** No other case's, in a storage that cases share. */
  readonly key: string = `key ${globalThis.crypto.randomUUID()}`

  constructor(store: WindowStore, advance: ((ms: number) => void | Promise<void>) | undefined) {
    this.#store = store
    this.#advance = advance
  }

  get windows(): OpenWindows {
    must(this.#windows !== undefined, 'the case has not opened its rules')
    return this.#windows
  }

  /** Opens rules and returns them. Once a case. */
  open<const T extends readonly RuleShape[]>(...shapes: T): { readonly [I in keyof T]: WindowRule } {
    const rules = shapes.map((shape, i): WindowRule => {
      const { name = `contract-${i}`, limit = 3, window = hour, algorithm = 'exact', subWindows = 60 } = shape
      const quantum = algorithm === 'exact' ? 1 : Math.ceil(window / subWindows)
      return { name, limit, window, algorithm, quantum, shadow: shape.shadow ?? false, backoff: shape.backoff }
    })
    this.#windows = this.#store.open(rules)
    return rules as { readonly [I in keyof T]: WindowRule }
  }

  demand(rule: WindowRule, cost = 1, key: string = this.key): Demand {
    return { rule, key, cost }
  }

  async ask(question: 'take' | 'peek' | 'penalize', demands: readonly Demand[]): Promise<StoreAnswer> {
    const before = demands.map((demand) => this.#seen.get(nameOf(demand)) ?? 0)
    const answer = await this.windows[question](demands)
    must(answer.counters.length === demands.length, 'there is not one answer for each counter')
    for (const [i, demand] of demands.entries()) {
      const state = answer.counters[i] as CounterState
      this.#checkTime(demand, state.now, before[i] ?? 0)
      check(question, demand, answer, state)
    }
    const admits = answer.counters.every((state, i) => state.admits || demands[i]?.rule.shadow)
    must(answer.admitted === admits, `admitted is ${answer.admitted}, and its counters say ${admits}`)
    return answer
  }

  /** Takes from one counter. */
  async take(rule: WindowRule, cost = 1, key: string = this.key): Promise<CounterState> {
    return one(await this.ask('take', [{ rule, key, cost }]))
  }

  /** Takes from one counter, which must let it pass. */
  async taken(
    rule: WindowRule,
    cost = 1,
    key: string = this.key,
  ): Promise<CounterState & { readonly receipt: Receipt }> {
    const state = await this.take(rule, cost, key)
    must(state.receipt !== undefined, `${cost} of ${rule.limit} refused, ${state.remaining} remain`)
    return { ...state, receipt: state.receipt }
  }

  async peek(rule: WindowRule, cost = 1, key: string = this.key): Promise<CounterState> {
    return one(await this.ask('peek', [{ rule, key, cost }]))
  }

  async mustRemain(rule: WindowRule, wanted: number, when: string, key: string = this.key): Promise<void> {
    const { remaining } = await this.peek(rule, 1, key)
    must(remaining === wanted, `${remaining} remain ${when}, not ${wanted}`)
  }

  /** Lets time pass: in a moment where a clock can be moved, else by waiting. */
  async pass(ms: number): Promise<void> {
    if (this.#advance) await this.#advance(ms)
    else await new Promise((resolve) => setTimeout(resolve, ms))
  }

  /** Looks at a counter before, at and after a time, and lets it pass. */
  async *watch(rule: WindowRule, edge: number, cost = 1): AsyncGenerator<CounterState, void> {
    for (let now = 0; now <= edge; ) {
      const state = await this.peek(rule, cost)
      now = state.now
      yield state
      const left = edge - now
      await this.pass(left > 20 ? left - 10 : left > 1 && this.#advance ? left - 1 : 1)
    }
  }

  /** Later than what was known when it was asked. Answers to calls at once may come in any order. */
  #checkTime(demand: Demand, now: number, before: number): void {
    must(Number.isSafeInteger(now) && now >= before, `the time went back from ${before} to ${now}`)
    this.#seen.set(nameOf(demand), Math.max(now, this.#seen.get(nameOf(demand)) ?? 0))
  }
}

function nameOf({ rule, key }: Demand): string {
  return `${rule.name} ${key}`
}

/** What holds of every answer. */
function check(question: string, { rule, key, cost }: Demand, { admitted }: StoreAnswer, state: CounterState): void {
  const { now, remaining, retryAfterMs, resetMs, receipt } = state
  must(Number.isSafeInteger(remaining) && remaining >= 0 && remaining <= rule.limit, `${remaining} remain`)
  must(Number.isSafeInteger(resetMs) && resetMs >= 0, `more remains in ${resetMs} ms`)
  must(
    (resetMs === 0) === (remaining === rule.limit),
    `more remains in ${resetMs} ms, ${remaining} of ${rule.limit} now`,
  )
  if (retryAfterMs === null) must(cost > rule.limit, `${cost} of ${rule.limit} is said to pass never`)
  else must(Number.isSafeInteger(retryAfterMs) && retryAfterMs >= 0, `it passes in ${retryAfterMs} ms`)
  must(state.admits === (retryAfterMs === 0), `admits is ${state.admits}, and it passes in ${retryAfterMs} ms`)
  const isTaken = question === 'take' && admitted && state.admits
  if (isTaken) must(receipt !== undefined, 'there is no receipt')
  if (receipt === undefined) return
  must(isTaken || question === 'penalize', 'there is a receipt for nothing')
  must(receipt.rule === rule && receipt.key === key, 'the receipt is for another counter')
  must(receipt.at >= now && receipt.at < now + rule.quantum + slack(rule), `kept at ${receipt.at}, taken at ${now}`)
}

/** By how many milliseconds a store may round up the times of a very long window. */
export function slack({ window }: WindowRule): number {
  return window <= 2 ** 30 ? 0 : Math.ceil(window / 2 ** 30)
}

/** The state of the only counter that was asked for. */
export function one({ counters }: StoreAnswer): CounterState {
  return counters[0] as CounterState
}
