import type { Demand, OpenWindows, Receipt, StoreAnswer, WindowRule } from '../window-store.ts'
import type { Calls } from './calls.ts'

/** Counters on one server, each call one script: atomic over all counters of the call. */
export class SingleWindows implements OpenWindows {
  readonly #calls: Calls

  constructor(calls: Calls) {
    this.#calls = calls
  }

  take(demands: readonly Demand[]): Promise<StoreAnswer> {
    return this.#calls.once((deadline) => this.#calls.count('take', demands, deadline))
  }

  peek(demands: readonly Demand[]): Promise<StoreAnswer> {
    return this.#calls.once((deadline) => this.#calls.count('peek', demands, deadline))
  }

  penalize(demands: readonly Demand[]): Promise<StoreAnswer> {
    return this.#calls.once((deadline) => this.#calls.count('penalize', demands, deadline))
  }

  refund(receipts: readonly Receipt[]): Promise<void> {
    return this.#calls.once((deadline) => this.#calls.refund(receipts, deadline))
  }

  reset(rule: WindowRule, key: string): Promise<void> {
    return this.#calls.once((deadline) => this.#calls.reset(rule, key, deadline))
  }

  block(rule: WindowRule, key: string, forMs: number): Promise<void> {
    return this.#calls.once((deadline) => this.#calls.block(rule, key, forMs, deadline))
  }
}
