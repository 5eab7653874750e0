import type { Clock } from '@mosaajii/core'
import type {
  CounterState,
  Demand,
  OpenWindows,
  Receipt,
  StoreAnswer,
  WindowRule,
  WindowStore,
} from '../../src/window-store.ts'
import { NaiveCounter } from './naive-counter.ts'

/** A store over plain arrays, after the definitions: what the contract and the schedules are tried out on. */
export function naiveStore({ clock }: { readonly clock: Clock }): WindowStore {
  return { open: () => new NaiveWindows(clock) }
}

type Kind = 'take' | 'peek' | 'penalize'

interface Asked {
  readonly demand: Demand
  readonly counter: NaiveCounter
  readonly receipt: Receipt | undefined
  readonly admits: boolean
  readonly retryAfterMs: number | null
}

/** The counters of a naive store. The steps of a call are methods of their own, so that a test can break one. */
export class NaiveWindows implements OpenWindows {
  readonly counters: Map<string, NaiveCounter> = new Map()
  readonly marks: Map<string, number> = new Map()
  readonly clock: Clock
  #last = 0

  constructor(clock: Clock) {
    this.clock = clock
    this.#last = Math.floor(clock.now())
  }

  take(demands: readonly Demand[]): StoreAnswer {
    return this.answer('take', demands)
  }

  peek(demands: readonly Demand[]): StoreAnswer {
    return this.answer('peek', demands)
  }

  penalize(demands: readonly Demand[]): StoreAnswer {
    return this.answer('penalize', demands)
  }

  refund(receipts: readonly Receipt[]): void {
    for (const receipt of receipts) {
      const { rule, key, mark } = receipt
      if (mark === this.markOf(rule, key)) this.giveBack(receipt)
    }
  }

  reset(rule: WindowRule, key: string): void {
    this.counter(rule, key).reset()
    this.endLife(rule, key)
  }

  block(rule: WindowRule, key: string, forMs: number): void {
    this.counter(rule, key).blockedUntil = this.now() + forMs
  }

  now(): number {
    const time = Math.floor(this.clock.now())
    if (Number.isFinite(time)) this.#last = Math.max(this.#last, time)
    return this.#last
  }

  answer(kind: Kind, demands: readonly Demand[]): StoreAnswer {
    const now = this.now()
    const asked = demands.map((demand) => this.asked(kind, demand, now))
    const admitted = this.allAdmit(demands, asked)
    const counters = asked.map(({ demand, counter, receipt, admits, retryAfterMs }): CounterState => {
      const isTaken = kind === 'take' && this.isTaken(demand, admits, admitted)
      if (isTaken) counter.count(demand.cost, now)
      const state = { admits, retryAfterMs, remaining: counter.remaining(now), resetMs: counter.resetMs(now), now }
      return { ...state, receipt: isTaken ? this.receipt(demand, now) : receipt }
    })
    return { admitted, counters }
  }

  asked(kind: Kind, demand: Demand, now: number): Asked {
    const { rule, key, cost } = demand
    const counter = this.counter(rule, key)
    let receipt: Receipt | undefined
    if (kind === 'penalize') {
      if (counter.penalize(cost, now)) this.endLife(rule, key)
      else receipt = this.receipt(demand, now)
    }
    return {
      demand,
      counter,
      receipt,
      admits: counter.admits(cost, now),
      retryAfterMs: counter.retryAfterMs(cost, now),
    }
  }

  allAdmit(demands: readonly Demand[], states: readonly { readonly admits: boolean }[]): boolean {
    return states.every(({ admits }, i) => admits || demands[i]?.rule.shadow)
  }

  isTaken(_: Demand, admits: boolean, admitted: boolean): boolean {
    return admitted && admits
  }

  giveBack({ rule, key, at, units }: Receipt): void {
    this.counter(rule, key).refund(at, units)
  }

  receipt({ rule, key, cost }: Demand, now: number): Receipt {
    return { rule, key, at: NaiveCounter.keptAt(rule, now), units: cost, mark: this.markOf(rule, key) }
  }

  /** Receipts from before give nothing back. */
  endLife(rule: WindowRule, key: string): void {
    this.marks.set(name(rule, key), this.markOf(rule, key) + 1)
  }

  markOf(rule: WindowRule, key: string): number {
    return this.marks.get(name(rule, key)) ?? 0
  }

  counter(rule: WindowRule, key: string): NaiveCounter {
    const counter = this.counters.get(name(rule, key)) ?? this.makeCounter(rule)
    this.counters.set(name(rule, key), counter)
    return counter
  }

  makeCounter(rule: WindowRule): NaiveCounter {
    return new NaiveCounter(rule)
  }
}

function name({ name }: WindowRule, key: string): string {
  return `${name} ${key}`
}
