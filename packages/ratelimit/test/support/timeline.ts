import { setTimeout as delay } from 'node:timers/promises'
import type { Clock } from '@mosaajii/core'

/** What a call gave, and all times at which the store may have seen it come. */
export interface Timed<T> {
  readonly value: T
  readonly times: readonly number[]
}

/** The time of a schedule. */
export interface Timeline {
  /** What the store reads, if it reads a clock of ours. */
  readonly clock: Clock
  /** Where the clock stands. */
  now(): number
  /** Goes to a time, also back where that is possible. */
  goTo(time: number): void | Promise<void>
  /** Makes the clock give something that is no time, where that is possible. */
  derail(value: number): void
  /** Does something that may read the clock. */
  during<T>(work: () => T | Promise<T>): Promise<Timed<T>>
  /** An answer named the time. */
  settle(now: number): void
}

/** A clock that stands still between the steps. The time of the limiter is the latest that it showed when it was read. */
export class SteppedTime implements Timeline {
  readonly clock: Clock = { now: () => this.#shown }
  #time: number
  #shown: number
  /** The latest time that the store can have read, as far as the answers tell. */
  #latest: readonly number[]

  constructor(start: number) {
    this.#time = start
    this.#shown = start
    // A store reads the clock when it is opened.
    this.#latest = [Math.floor(start)]
  }

  now(): number {
    return this.#time
  }

  goTo(time: number): void {
    this.#time = Math.max(0, time)
    this.#shown = this.#time
  }

  derail(value: number): void {
    this.#shown = value
  }

  async during<T>(work: () => T | Promise<T>): Promise<Timed<T>> {
    const value = await work()
    const time = Math.floor(this.#shown)
    const times = Number.isFinite(time) ? this.#latest.map((latest) => Math.max(latest, time)) : this.#latest
    // Until an answer tells, nobody knows whether the clock was read.
    if (times.some((one) => !this.#latest.includes(one))) this.#latest = [...new Set([...this.#latest, ...times])]
    return { value, times }
  }

  settle(now: number): void {
    this.#latest = [now]
  }
}

/** The clock of the machine, which a store that runs here reads too. A step waits. */
export class RealTime implements Timeline {
  readonly clock: Clock = { now: () => Date.now() }
  readonly #longest: number

  /** @param longest how long a step waits at most, in milliseconds. */
  constructor(longest: number) {
    this.#longest = longest
  }

  now(): number {
    return Date.now()
  }

  async goTo(time: number): Promise<void> {
    const wait = time - Date.now()
    if (wait > 0) await delay(Math.min(wait, this.#longest))
  }

  derail(): void {
    // Nobody can.
  }

  async during<T>(work: () => T | Promise<T>): Promise<Timed<T>> {
    const from = Date.now() - 1
    const value = await work()
    return { value, times: Array.from({ length: Date.now() + 2 - from }, (_, i) => from + i) }
  }

  settle(): void {
    // The next call looks at the clock again.
  }
}
