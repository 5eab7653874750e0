import { blockWords } from './block-pool.ts'
import type { CounterLog, LoggedHits } from './counter-log.ts'
import { blockHits, type HitQueue, queueRoom, recordWords } from './hit-queue.ts'
import type { Ticks } from './ticks.ts'

/** The oldest hit and the two newest stand in the record itself. */
const inlineHits = 3
const oldestWord = recordWords.own

/** The longest queue of an exact counter with this limit. */
export function exactQueueLength(limit: number): number {
  return Math.max(0, limit - inlineHits)
}

/**
 * One word for each unit: the tick at which it came. The oldest and the two newest stand in the record, and what is between them in its queue: a
 * look at the record alone tells whether something expired, and whether all did.
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
    if (queue.own(record) > 0 && this.#ticks.isDead(this.#inline(record, 0))) this.#dropDead(record)
    return queue.own(record) + queue.length(record)
  }

  isDead(record: number): boolean {
    return this.#queue.own(record) === 0 || this.#ticks.isDead(this.newest(record))
  }

  newest(record: number): number {
    return this.#inline(record, this.#queue.own(record) - 1)
  }

  blocks(from: number, units: number): number {
    const held = from === 0 ? 0 : this.#queue.own(from) + this.#queue.length(from)
    return 1 + Math.ceil(exactQueueLength(held + units) / blockHits)
  }

  copy(from: number, record: number): void {
    for (const hit of this.#all(from)) this.#push(record, hit)
  }

  room(record: number): number {
    const queue = this.#queue
    if (queue.isReserved(record)) return Number.POSITIVE_INFINITY
    const blocks = queue.blocks(record) + queue.pool.available
    return inlineHits + queueRoom(blocks) - queue.own(record) - queue.length(record)
  }

  add(record: number, units: number): void {
    const queue = this.#queue
    const queued = Math.max(0, queue.own(record) + units - inlineHits)
    // It never lacks more than a block a hit, and mostly there are as many.
    if (queued > queue.pool.available && !queue.isReserved(record)) this.#makeRoom(record, queued)
    for (let i = 0; i < units; i++) this.#push(record, this.#ticks.tick)
  }

  drop(record: number, units: number): void {
    for (let left = units; left > 0; left--) this.#shift(record)
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
    return this.#ticks.expiryOf(this.#at(record, units - 1))
  }

  hits(record: number): LoggedHits {
    const times = this.#all(record).map((tick) => this.#ticks.timeOf(tick))
    return { times, units: times.map(() => 1) }
  }

  /** Only who found no other block uses the room that expired hits left at the front. */
  #makeRoom(record: number, hits: number): void {
    if (this.#queue.lacks(record, hits) > this.#queue.pool.available) this.#queue.repack(record)
  }

  #dropDead(record: number): void {
    if (this.isDead(record)) this.clear(record)
    else while (this.#ticks.isDead(this.#inline(record, 0))) this.#shift(record)
  }

  #push(record: number, tick: number): void {
    const words = this.#words
    const own = this.#queue.own(record)
    const oldest = record * blockWords + oldestWord
    if (own < inlineHits) {
      words[oldest + own] = tick
      this.#queue.setOwn(record, own + 1)
    } else {
      this.#queue.push(record, words[oldest + 1] as number)
      words[oldest + 1] = words[oldest + 2] as number
      words[oldest + 2] = tick
    }
  }

  /** Drops the oldest hit. */
  #shift(record: number): void {
    const words = this.#words
    const queue = this.#queue
    const oldest = record * blockWords + oldestWord
    if (queue.length(record) > 0) {
      words[oldest] = queue.front(record)
      queue.shift(record)
    } else {
      words[oldest] = words[oldest + 1] as number
      words[oldest + 1] = words[oldest + 2] as number
      queue.setOwn(record, queue.own(record) - 1)
    }
  }

  /** The hit at a place, counted from the oldest. */
  #at(record: number, index: number): number {
    const queued = this.#queue.length(record)
    if (index > 0 && index <= queued) return this.#queue.at(record, index - 1)
    return this.#inline(record, index === 0 ? 0 : index - queued)
  }

  #inline(record: number, index: number): number {
    return this.#words[record * blockWords + oldestWord + index] as number
  }

  #all(record: number): number[] {
    const own = this.#queue.own(record)
    const inline = [0, 1, 2].slice(0, own).map((index) => this.#inline(record, index))
    return [...inline.slice(0, 1), ...this.#queue.all(record), ...inline.slice(1)]
  }
}
