import type { WindowBackoff, WindowRule } from './window-store.ts'

/** What a counter holds: the kept times of its hits, the oldest first, and the units of each. Some may have expired. */
export interface CounterView {
  readonly times: readonly number[]
  readonly units: readonly number[]
  /** Everything is refused before this time. 0: not blocked. */
  readonly blockedUntil: number
}

/** What is said of a counter at one moment. */
export interface CounterReading {
  readonly remaining: number
  readonly retryAfterMs: number | null
  readonly resetMs: number
}

/** The time at which a hit is kept: rounded up, so that it never expires early. */
export function keptAt(rule: WindowRule, now: number): number {
  return Math.ceil(now / rule.quantum) * rule.quantum
}

/** How long after its newest hit a counter with so many units waits, in whole milliseconds. */
export function backoffGap(backoff: WindowBackoff | undefined, live: number): number {
  if (backoff === undefined || live < backoff.after) return 0
  let gap = backoff.base
  // One by one, and not by a power, whose last bit is another one in Lua.
  for (let unit = backoff.after; unit < live && gap < backoff.max; unit++) gap *= backoff.factor
  return Math.ceil(Math.min(gap, backoff.max))
}

/**
 * Reads a counter: what would be admitted now, when a cost passes if nothing else is admitted, and when more is admitted than now. One pass over
 * its hits.
 *
 * @param cost what the call costs, a positive safe integer.
 * @returns `retryAfterMs` is 0 when the cost passes now and `null` when it never does.
 */
export function readCounter(rule: WindowRule, view: CounterView, now: number, cost: number): CounterReading {
  const moments = new Moments(rule, view, now)
  const { remaining } = moments
  let resetMs = 0
  let retryAfterMs = remaining >= cost ? 0 : null
  const isPossible = cost <= rule.limit
  while ((resetMs === 0 || (retryAfterMs === null && isPossible)) && moments.next()) {
    if (resetMs === 0 && moments.remaining > remaining) resetMs = moments.time - now
    if (retryAfterMs === null && moments.remaining >= cost) retryAfterMs = moments.time - now
  }
  return { remaining, retryAfterMs, resetMs }
}

/** Goes from each moment at which a counter may admit more to the next, if nothing is admitted meanwhile. */
class Moments {
  readonly #rule: WindowRule
  readonly #view: CounterView
  readonly #newest: number
  time: number
  /** The oldest hit that still counts. */
  #oldest = 0
  #live = 0

  constructor(rule: WindowRule, view: CounterView, now: number) {
    this.#rule = rule
    this.#view = view
    this.#newest = view.times.at(-1) ?? 0
    this.time = now
    for (const units of view.units) this.#live += units
    this.#expire()
  }

  get remaining(): number {
    if (this.time < this.#view.blockedUntil || this.time < this.#waitsUntil) return 0
    return Math.max(0, this.#rule.limit - this.#live)
  }

  /** Goes on to the next moment. False when nothing changes any more. */
  next(): boolean {
    let next = Number.POSITIVE_INFINITY
    const oldest = this.#view.times[this.#oldest]
    if (oldest !== undefined) next = oldest + this.#rule.window
    if (this.#view.blockedUntil > this.time) next = Math.min(next, this.#view.blockedUntil)
    if (this.#waitsUntil > this.time) next = Math.min(next, this.#waitsUntil)
    if (next === Number.POSITIVE_INFINITY) return false
    this.time = next
    this.#expire()
    return true
  }

  /** 0 without a wait: the newest hit of a rounded log may itself lie ahead. */
  get #waitsUntil(): number {
    const gap = backoffGap(this.#rule.backoff, this.#live)
    return gap === 0 ? 0 : this.#newest + gap
  }

  #expire(): void {
    const { times, units } = this.#view
    for (let time = times[this.#oldest]; time !== undefined && time + this.#rule.window <= this.time; ) {
      this.#live -= units[this.#oldest] ?? 0
      this.#oldest++
      time = times[this.#oldest]
    }
  }
}
