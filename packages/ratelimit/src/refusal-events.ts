import { type Clock, emit, type EventSink } from '@mosaajii/core'
import type { DecisionSource } from './decision.ts'
import type { Fingerprint } from './fingerprint.ts'
import type { CounterState, Demand } from './window-store.ts'

/** A counter that keeps refusing is told of once in this time. */
const toldEvery = 10_000
/** All counters together: so many events a second in the long run, and so many at once after a quiet time. */
const perSecond = 10
const burst = 50

/** Tells of refusals, so that a flood of them makes no flood of events: what is not told is counted, and the next event has the number. */
export class RefusalEvents {
  readonly #events: EventSink
  readonly #clock: Clock
  readonly #elapsed: () => number
  readonly #fingerprint: Fingerprint
  /** When each counter was told of, the oldest first. The budget bounds it: no more are told within `toldEvery`. */
  readonly #told = new Map<string, number>()
  #tokens = burst
  #filled: number
  #suppressed = 0

  /** @param elapsed milliseconds that never go back. */
  constructor(events: EventSink, clock: Clock, elapsed: () => number, fingerprint: Fingerprint) {
    this.#events = events
    this.#clock = clock
    this.#elapsed = elapsed
    this.#fingerprint = fingerprint
    this.#filled = elapsed()
  }

  /** Looks at the counters of a call, and tells of those that refuse. */
  saw(demands: readonly Demand[], states: readonly (CounterState | undefined)[], source: DecisionSource): void {
    for (let i = 0; i < demands.length; i++) {
      const demand = demands[i]
      if (demand !== undefined && states[i]?.admits === false) this.#refused(demand, source)
    }
  }

  #refused({ rule, key }: Demand, source: DecisionSource): void {
    const now = this.#elapsed()
    this.#tokens = Math.min(burst, this.#tokens + ((now - this.#filled) * perSecond) / 1000)
    this.#filled = now
    // Before the hash: a flood is not worth one.
    if (this.#tokens < 1) {
      this.#suppressed++
      return
    }
    const subject = this.#fingerprint.hex(key)
    const counter = `${rule.name}:${subject}`
    this.#forget(now)
    if (this.#told.has(counter)) {
      this.#suppressed++
      return
    }
    this.#told.set(counter, now)
    this.#tokens--
    const suppressed = this.#suppressed
    this.#suppressed = 0
    const data = { rule: rule.name, subject, source, shadow: rule.shadow, suppressed }
    emit(this.#events, 'ratelimit.refused', data, this.#clock)
  }

  #forget(now: number): void {
    for (const [counter, told] of this.#told) {
      if (now - told < toldEvery) return
      this.#told.delete(counter)
    }
  }
}
