import type { Clock } from '@mosaajii/core'

/** The latest moment that a `Date` can hold. Later readings are no time. */
const latest = 8.64e15

/** The clock of the machine, as far as it goes forward only: what the runtime measures since it started, on top of when that was. */
export function monotonicClock(): Clock {
  // Kept: on Node each use of the global one calls a getter.
  const { performance: watch } = globalThis
  const { timeOrigin } = watch
  return { now: () => timeOrigin + watch.now() }
}

/**
 * Whole milliseconds that never go back. A clock that throws, gives no number or an earlier one makes time stand still. Then no hit expires: that
 * admits no more than the limit, where an error would let rules that allow on a store failure pass everything.
 */
export class LimiterTime {
  readonly #clock: Clock
  #last = 0

  /** @throws {RangeError} when the clock gives no time at all: a first reading cannot be bounded by an earlier one. */
  constructor(clock: Clock) {
    this.#clock = clock
    const first = clock.now()
    if (!(first >= 0 && first <= latest))
      throw new RangeError('memoryStore: clock.now() must give milliseconds since 1970')
    this.#last = Math.floor(first)
  }

  now(): number {
    try {
      const now = Math.floor(this.#clock.now())
      if (now > this.#last && now <= latest) this.#last = now
    } catch {
      // A clock that fails moves nothing on.
    }
    return this.#last
  }
}
