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
  readonly #refusals: Sample
  /** Rules on trial have a sample of their own: one that is too tight must not hide who is really refused. */
  readonly #trials: Sample

  /** @param elapsed milliseconds that never go back. */
  constructor(events: EventSink, clock: Clock, elapsed: () => number, fingerprint: Fingerprint) {
    this.#events = events
    this.#clock = clock
    this.#elapsed = elapsed
    this.#fingerprint = fingerprint
    this.#refusals = new Sample(elapsed())
    this.#trials = new Sample(elapsed())
  }

  /** Looks at the counters of a call, and tells of those that refuse. */
  saw(demands: readonly Demand[], states: readonly (CounterState | undefined)[], source: DecisionSource): void {
    for (let i = 0; i < demands.length; i++) {
      const demand = demands[i]
      if (demand !== undefined && states[i]?.admits === false) this.#refused(demand, source)
    }
  }

  #refused({ rule, key }: Demand, source: DecisionSource): void {
    const { name, shadow } = rule
    const sample = shadow ? this.#trials : this.#refusals
    const now = this.#elapsed()
    // Before the hash: a flood is not worth one.
    if (!sample.hasRoom(now)) return
    const subject = this.#fingerprint.hex(key)
    const suppressed = sample.take(`${name}:${subject}`, now)
    if (suppressed === undefined) return
    emit(this.#events, 'ratelimit.refused', { rule: name, subject, source, shadow, suppressed }, this.#clock)
  }
}

/** Chooses what is told, and counts what is not. */
class Sample {
  /** When each counter was told of, the oldest first. The budget bounds it: no more are told within `toldEvery`. */
  readonly #told = new Map<string, number>()
  #tokens = burst
  #filled: number
  #suppressed = 0

  constructor(now: number) {
    this.#filled = now
  }

  /** Whether anything can be told now. */
  hasRoom(now: number): boolean {
    this.#tokens = Math.min(burst, this.#tokens + ((now - this.#filled) * perSecond) / 1000)
    this.#filled = now
    if (this.#tokens >= 1) return true
    this.#suppressed++
    return false
  }

  /** How many were not told before this one; `undefined` when this one is not told either. */
  take(counter: string, now: number): number | undefined {
    this.#forget(now)
    if (this.#told.has(counter)) {
      this.#suppressed++
      return undefined
    }
    this.#told.set(counter, now)
    this.#tokens--
    const suppressed = this.#suppressed
    this.#suppressed = 0
    return suppressed
  }

  #forget(now: number): void {
    for (const [counter, told] of this.#told) {
      if (now - told < toldEvery) return
      this.#told.delete(counter)
    }
  }
}
