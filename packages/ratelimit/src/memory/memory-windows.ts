import { RateLimitError } from '../errors.ts'
import type { Fingerprint } from '../fingerprint.ts'
import type { CounterState, Demand, OpenWindows, Receipt, StoreAnswer, WindowRule } from '../window-store.ts'
import type { CounterTable, TableUsage } from './counter-table.ts'
import type { LimiterTime } from './limiter-time.ts'

/** The counters of one limiter in memory. Each method runs to its end at once, and so is atomic. */
export class MemoryWindows implements OpenWindows {
  readonly #tables: ReadonlyMap<WindowRule, CounterTable>
  readonly #time: LimiterTime
  readonly #fingerprint: Fingerprint
  /** The tables of the call, in the order of its demands; what stands behind those is older. Kept, so that a call allocates its answer alone. */
  readonly #asked: CounterTable[] = []
  #calls = 0

  constructor(tables: ReadonlyMap<WindowRule, CounterTable>, time: LimiterTime, fingerprint: Fingerprint) {
    this.#tables = tables
    this.#time = time
    this.#fingerprint = fingerprint
  }

  take(demands: readonly Demand[]): StoreAnswer {
    return this.#answer(demands, true)
  }

  peek(demands: readonly Demand[]): StoreAnswer {
    return this.#answer(demands, false)
  }

  penalize(demands: readonly Demand[]): StoreAnswer {
    const tables = this.#look(demands)
    for (const [i, { cost }] of demands.entries()) {
      const table = tables[i] as CounterTable
      if (table.canPenalize(cost)) continue
      const message = `rule '${table.rule.name}' has no block left to count a penalty; give memoryStore more maxBytes`
      throw new RateLimitError('WINDOW_STORE_FULL', message, { status: 503 })
    }
    const counters: CounterState[] = []
    let admitted = true
    for (const [i, demand] of demands.entries()) {
      const table = tables[i] as CounterTable
      counters.push(table.penalize(demand))
      table.settle()
      if (!table.admits && !demand.rule.shadow) admitted = false
    }
    return { admitted, counters }
  }

  refund(receipts: readonly Receipt[]): void {
    const now = this.#time.now()
    for (const receipt of receipts) {
      if (receipt.at + receipt.rule.window > now) this.#lookUp(receipt.rule, receipt.key, now).refund(receipt)
    }
  }

  reset(rule: WindowRule, key: string): void {
    this.#lookUp(rule, key, this.#time.now()).reset()
  }

  block(rule: WindowRule, key: string, forMs: number): void {
    this.#lookUp(rule, key, this.#time.now()).block(forMs)
  }

  usage(): TableUsage[] {
    const now = this.#time.now()
    return Array.from(this.#tables.values(), (table) => table.usage(now))
  }

  #answer(demands: readonly Demand[], isTake: boolean): StoreAnswer {
    const tables = this.#look(demands)
    let admitted = true
    for (let i = 0; i < demands.length; i++) {
      const { rule, cost } = demands[i] as Demand
      if (!(tables[i] as CounterTable).weigh(cost) && !rule.shadow) admitted = false
    }
    const isTaken = isTake && admitted
    // Not `[]` and push(): that makes room for seventeen.
    const counters = [stateOf(tables[0] as CounterTable, demands[0] as Demand, isTaken)]
    for (let i = 1; i < demands.length; i++) {
      counters.push(stateOf(tables[i] as CounterTable, demands[i] as Demand, isTaken))
    }
    return { admitted, counters }
  }

  /** Looks up the counter of each demand, before anything is counted. */
  #look(demands: readonly Demand[]): readonly CounterTable[] {
    const now = this.#time.now()
    const fingerprint = this.#fingerprint
    const call = ++this.#calls
    const tables = this.#asked
    let hashed: string | undefined
    for (let i = 0; i < demands.length; i++) {
      const { rule, key } = demands[i] as Demand
      const table = this.#table(rule)
      if (table.call === call) throw new TypeError(`memoryStore: rule '${rule.name}' is asked for twice in one call`)
      table.call = call
      tables[i] = table
      // Rules often share a key, and to compare is cheaper than to hash.
      if (key !== hashed) fingerprint.hash(key)
      hashed = key
      table.look(fingerprint.low, fingerprint.high, now)
    }
    return tables
  }

  #lookUp(rule: WindowRule, key: string, now: number): CounterTable {
    const table = this.#table(rule)
    this.#fingerprint.hash(key)
    table.look(this.#fingerprint.low, this.#fingerprint.high, now)
    return table
  }

  #table(rule: WindowRule): CounterTable {
    const table = this.#tables.get(rule)
    if (table === undefined) throw new TypeError('memoryStore: this rule is not one that the store was opened with')
    return table
  }
}

/** Ends the part of a call that is about one table. */
function stateOf(table: CounterTable, demand: Demand, isTaken: boolean): CounterState {
  const state = isTaken && table.admits ? table.take(demand) : table.read(demand)
  table.settle()
  return state
}
