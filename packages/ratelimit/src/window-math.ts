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
  return backoff === undefined ? 0 : gapsOf(backoff).at(live)
}

/** The gaps of each backoff: a counter is read at each moment at which a hit expires, and each has another one. */
const allGaps = new WeakMap<WindowBackoff, Gaps>()

function gapsOf(backoff: WindowBackoff): Gaps {
  let gaps = allGaps.get(backoff)
  if (gaps === undefined) allGaps.set(backoff, (gaps = new Gaps(backoff)))
  return gaps
}

/** A growing gap, each step of which is worked out once: when it is first asked for. */
class Gaps {
  readonly #backoff: WindowBackoff
  readonly #gaps: number[]
  /** The last of them, before it is rounded. */
  #last: number

  constructor(backoff: WindowBackoff) {
    this.#backoff = backoff
    this.#last = backoff.base
    this.#gaps = [rounded(backoff, backoff.base)]
  }

  at(live: number): number {
    const gaps = this.#gaps
    const step = live - this.#backoff.after
    if (step < 0) return 0
    while (gaps.length <= step && this.#grow()) gaps.push(rounded(this.#backoff, this.#last))
    return gaps[Math.min(step, gaps.length - 1)] as number
  }

  /** One by one, and not by a power, whose last bit is another one in Lua. False when it grows no more. */
  #grow(): boolean {
    const { factor, max } = this.#backoff
    const next = this.#last * factor
    if (this.#last >= max || next === this.#last) return false
    this.#last = next
    return true
  }
}

function rounded({ max }: WindowBackoff, gap: number): number {
  return Math.ceil(Math.min(gap, max))
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
  readonly #gaps: Gaps | undefined
  time: number
  /** The oldest hit that still counts. */
  #oldest = 0
  #live = 0

  constructor(rule: WindowRule, view: CounterView, now: number) {
    this.#rule = rule
    this.#view = view
    this.#newest = view.times.at(-1) ?? 0
    this.#gaps = rule.backoff && gapsOf(rule.backoff)
    this.time = now
    for (const units of view.units) this.#live += units
    this.#expire()
  }

  get remaining(): number {
    if (this.time < this.#view.blockedUntil || this.time < this.#waitsUntil) return 0
    return Math.max(0, this.#rule.limit - this.#live)
  }

  /** Goes on to the next moment: the end of a block first, as nothing passes before. False when nothing changes any more. */
  next(): boolean {
    const next = this.#view.blockedUntil > this.time ? this.#view.blockedUntil : this.#nextChange()
    if (next === Number.POSITIVE_INFINITY) return false
    this.time = next
    this.#expire()
    return true
  }

  /** When the oldest hit expires, or the wait ends. */
  #nextChange(): number {
    const oldest = this.#view.times[this.#oldest]
    const expiry = oldest === undefined ? Number.POSITIVE_INFINITY : oldest + this.#rule.window
    const end = this.#waitsUntil
    return end > this.time ? Math.min(expiry, end) : expiry
  }

  /** 0 without a wait: the newest hit of a rounded log may itself lie ahead. */
  get #waitsUntil(): number {
    const gap = this.#gaps?.at(this.#live) ?? 0
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
