import type { WindowRule } from '../../src/window-store.ts'

/** Units that were counted, and the time at which they are kept. */
export interface Hit {
  readonly at: number
  units: number
}

/**
 * One counter, written down from the definitions of the words and from nothing in `src`: what counts at a time is added up anew at each
 * question, and the first moment at which something holds is searched among all moments at which anything can change.
 */
export class NaiveCounter {
  readonly rule: WindowRule
  blockedUntil = 0
  hits: Hit[] = []

  constructor(rule: WindowRule) {
    this.rule = rule
  }

  /** A hit at a time is kept as if it came at the next multiple of the quantum. */
  static keptAt({ quantum }: WindowRule, now: number): number {
    const past = now % quantum
    return past === 0 ? now : now - past + quantum
  }

  live(time: number): number {
    let units = 0
    for (const hit of this.hits) if (this.counts(hit, time)) units += hit.units
    return units
  }

  counts({ at }: Hit, time: number): boolean {
    return at + this.rule.window > time
  }

  admits(cost: number, time: number): boolean {
    if (time < this.blockedUntil) return false
    return cost <= this.rule.limit - this.live(time) && time >= this.#waitsUntil(time)
  }

  remaining(time: number): number {
    return this.admits(1, time) ? this.rule.limit - this.live(time) : 0
  }

  retryAfterMs(cost: number, now: number): number | null {
    if (cost > this.rule.limit) return null
    if (this.admits(cost, now)) return 0
    for (const moment of this.moments(now)) if (this.admits(cost, moment)) return moment - now
    throw new Error('a cost within the limit never passes')
  }

  resetMs(now: number): number {
    const before = this.remaining(now)
    if (before === this.rule.limit) return 0
    for (const moment of this.moments(now)) if (this.remaining(moment) > before) return moment - now
    return 0
  }

  /** The moments after a time at which the counter may say something else, the earliest first. */
  moments(now: number): number[] {
    const changes = [now, this.blockedUntil, ...this.hits.map(({ at }) => at + this.rule.window)]
    const waits = this.rule.backoff ? changes.map((moment) => this.#waitsUntil(moment)) : []
    return [...changes, ...waits].filter((moment) => moment > now).sort((a, b) => a - b)
  }

  count(units: number, now: number): void {
    const at = NaiveCounter.keptAt(this.rule, now)
    this.hits = this.hits.filter((hit) => this.counts(hit, now))
    this.hits.push({ at, units })
  }

  /** Counts above the limit, of which the newest units are kept. Tells whether some were dropped. */
  penalize(units: number, now: number): boolean {
    this.count(units, now)
    const isAbove = this.live(now) > this.rule.limit
    let room = this.rule.limit
    for (const hit of this.hits.toReversed()) {
      hit.units = Math.min(hit.units, room)
      room -= hit.units
    }
    this.hits = this.hits.filter((hit) => hit.units > 0)
    return isAbove
  }

  refund(at: number, units: number): void {
    let left = units
    for (const hit of this.hits) {
      if (hit.at !== at) continue
      const back = Math.min(left, hit.units)
      hit.units -= back
      left -= back
    }
    this.hits = this.hits.filter((hit) => hit.units > 0)
  }

  reset(): void {
    this.hits = []
  }

  /** When the growing wait after the newest hit ends, by what counts at a time; 0 where there is none. */
  #waitsUntil(time: number): number {
    const gap = this.#gap(this.live(time))
    return gap === 0 ? 0 : Math.max(0, ...this.hits.map(({ at }) => at)) + gap
  }

  /** Times are whole milliseconds, so a wait that ends between two of them ends at the later. */
  #gap(live: number): number {
    const { backoff } = this.rule
    if (backoff === undefined || live < backoff.after) return 0
    let gap = backoff.base
    for (let unit = backoff.after; unit < live && gap < backoff.max; unit++) gap *= backoff.factor
    return Math.ceil(Math.min(gap, backoff.max))
  }
}
