import { blockWords } from './block-pool.ts'
import type { CounterLog, LoggedHits } from './counter-log.ts'
import { blockHits, type HitQueue, recordWords } from './hit-queue.ts'
import type { Ticks } from './ticks.ts'

/** The newest hits stand in the record itself. */
const inlineHits = 3
const firstWord = recordWords.own

/** The longest queue of an exact counter with this limit. */
export function exactQueueLength(limit: number): number {
  return Math.max(0, limit - inlineHits)
}

/**
 * One word for each unit: the tick at which it came. The newest three stand in the record, the older ones in its queue, so that the age of a
 * record is known without another look into memory. The queue is empty while fewer than three stand in the record.
 */
export class ExactLog implements CounterLog {
  readonly #queue: HitQueue
  readonly #ticks: Ticks
  readonly #words: Int32Array

  constructor(queue: HitQueue, ticks: Ticks) {
    this.#queue = queue
    this.#ticks = ticks
    this.#words = queue.pool.words
  }

  init(record: number, isReserved: boolean): void {
    this.#queue.init(record, isReserved)
  }

  prune(record: number): number {
    const queue = this.#queue
    if (this.isDead(record)) {
      this.clear(record)
      return 0
    }
    let queued = queue.length(record)
    while (queued > 0 && this.#ticks.isDead(queue.front(record))) {
      queue.shift(record)
      queued--
    }
    if (queued > 0) return queued + inlineHits
    while (this.#ticks.isDead(this.#inline(record, 0))) this.#shiftInline(record)
    return queue.own(record)
  }

  isDead(record: number): boolean {
    return this.#queue.own(record) === 0 || this.#ticks.isDead(this.newest(record))
  }

  newest(record: number): number {
    return this.#inline(record, this.#queue.own(record) - 1)
  }

  blocks(units: number): number {
    return 1 + Math.ceil(exactQueueLength(units) / blockHits)
  }

  room(record: number): number {
    const queue = this.#queue
    if (queue.isReserved(record)) return Number.POSITIVE_INFINITY
    const blocks = queue.blocks(record) + queue.pool.available
    return inlineHits + blocks * blockHits - queue.own(record) - queue.length(record)
  }

  add(record: number, units: number): void {
    const queue = this.#queue
    const queued = Math.max(0, queue.own(record) + units - inlineHits)
    // Only who found no other block uses the room that expired hits left at the front.
    if (!queue.isReserved(record) && queue.lacks(record, queued) > queue.pool.available) queue.repack(record)
    for (let i = 0; i < units; i++) this.#push(record, this.#ticks.tick)
  }

  drop(record: number, units: number): void {
    for (let left = units; left > 0; left--) {
      if (this.#queue.length(record) > 0) this.#queue.shift(record)
      else this.#shiftInline(record)
    }
  }

  remove(record: number, tick: number, units: number): void {
    let left = units
    const kept = this.#all(record).filter((hit) => hit !== tick || left-- <= 0)
    this.clear(record)
    for (const hit of kept) this.#push(record, hit)
  }

  clear(record: number): void {
    this.#queue.clear(record)
    this.#queue.setOwn(record, 0)
  }

  expiry(record: number, units: number): number {
    const queued = this.#queue.length(record)
    const tick = units <= queued ? this.#queue.at(record, units - 1) : this.#inline(record, units - 1 - queued)
    return this.#ticks.expiryOf(tick)
  }

  hits(record: number): LoggedHits {
    const times = this.#all(record).map((tick) => this.#ticks.timeOf(tick))
    return { times, units: times.map(() => 1) }
  }

  #push(record: number, tick: number): void {
    const own = this.#queue.own(record)
    const first = record * blockWords + firstWord
    if (own < inlineHits) {
      this.#words[first + own] = tick
      this.#queue.setOwn(record, own + 1)
      return
    }
    this.#queue.push(record, this.#words[first] as number)
    this.#words[first] = this.#words[first + 1] as number
    this.#words[first + 1] = this.#words[first + 2] as number
    this.#words[first + 2] = tick
  }

  /** Drops the oldest of the inline hits. */
  #shiftInline(record: number): void {
    const first = record * blockWords + firstWord
    this.#words[first] = this.#words[first + 1] as number
    this.#words[first + 1] = this.#words[first + 2] as number
    this.#queue.setOwn(record, this.#queue.own(record) - 1)
  }

  #inline(record: number, index: number): number {
    return this.#words[record * blockWords + firstWord + index] as number
  }

  #all(record: number): number[] {
    const all = this.#queue.all(record)
    for (let i = 0; i < this.#queue.own(record); i++) all.push(this.#inline(record, i))
    return all
  }
}
