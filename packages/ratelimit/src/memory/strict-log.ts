import { blockWords } from './block-pool.ts'
import type { CounterLog, LoggedHits } from './counter-log.ts'
import { blockHits, type HitQueue, recordWords } from './hit-queue.ts'
import type { Ticks } from './ticks.ts'

/** A queued word: 12 bits of its tick, and 20 bits of units. Larger numbers of units take several words of one tick. */
const unitBits = 20
const mostUnits = 2 ** unitBits - 1
const tickMask = 0xfff

const newestWord = recordWords.own
const totalWord = recordWords.own + 1
const unitsWord = recordWords.own + 2

/** The longest queue of a strict counter whose window has so many ticks. */
export function strictQueueLength(limit: number, ticks: number): number {
  return ticks + Math.floor(limit / mostUnits)
}

/**
 * Run-length coded: the units of each tick. The newest tick stands in the record with its units and the total of all, and how much older the
 * oldest one is; the older ones stand in the queue. A tick in the queue is known by its low bits, because it is near the newest one.
 */
export class StrictLog implements CounterLog {
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
    this.#write(record, totalWord, 0)
  }

  prune(record: number): number {
    if (this.#read(record, totalWord) > 0 && this.#ticks.isDead(this.#oldest(record))) this.#dropDead(record)
    return this.#read(record, totalWord)
  }

  isDead(record: number): boolean {
    return this.#read(record, totalWord) === 0 || this.#ticks.isDead(this.#read(record, newestWord))
  }

  newest(record: number): number {
    return this.#read(record, newestWord)
  }

  blocks(from: number): number {
    if (from === 0) return 1
    // Its newest tick joins the queue, unless the next units come at the same one.
    const words = this.#queue.length(from) + Math.ceil(this.#read(from, unitsWord) / mostUnits)
    return 1 + Math.ceil(words / blockHits)
  }

  copy(from: number, record: number): void {
    const newest = this.#read(from, newestWord)
    for (const word of this.#queue.all(from)) this.#count(record, tickOf(word, newest), word & mostUnits)
    this.#count(record, newest, this.#read(from, unitsWord))
  }

  /** Without a bound: where no block is left, units go to the newest tick. */
  room(): number {
    return Number.POSITIVE_INFINITY
  }

  add(record: number, units: number): void {
    this.#count(record, this.#ticks.tick, units)
  }

  drop(record: number, units: number): void {
    const queue = this.#queue
    let left = units
    while (left > 0 && queue.length(record) > 0) {
      const front = queue.front(record)
      const dropped = Math.min(left, front & mostUnits)
      if (dropped < (front & mostUnits)) queue.replaceFront(record, front - dropped)
      else queue.shift(record)
      left -= dropped
    }
    this.#write(record, unitsWord, this.#read(record, unitsWord) - left)
    this.#write(record, totalWord, this.#read(record, totalWord) - units)
    this.#noteOldest(record)
  }

  remove(record: number, tick: number, units: number): void {
    const newest = this.#read(record, newestWord)
    const ticks = this.#queue.all(record).map((word) => tickOf(word, newest))
    const counts = this.#queue.all(record).map((word) => word & mostUnits)
    ticks.push(newest)
    counts.push(this.#read(record, unitsWord))
    this.clear(record)
    let left = units
    for (const [i, count] of counts.entries()) {
      const back = ticks[i] === tick ? Math.min(left, count) : 0
      left -= back
      if (count > back) this.#count(record, ticks[i] as number, count - back)
    }
  }

  clear(record: number): void {
    this.#queue.clear(record)
    this.#write(record, totalWord, 0)
  }

  expiry(record: number, units: number): number {
    if (units === 1) return this.#ticks.expiryOf(this.#oldest(record))
    const newest = this.#read(record, newestWord)
    let left = units
    for (const word of this.#queue.all(record)) {
      left -= word & mostUnits
      if (left <= 0) return this.#ticks.expiryOf(tickOf(word, newest))
    }
    return this.#ticks.expiryOf(newest)
  }

  hits(record: number): LoggedHits {
    const newest = this.#read(record, newestWord)
    const words = this.#queue.all(record)
    const times = words.map((word) => this.#ticks.timeOf(tickOf(word, newest)))
    const units = words.map((word) => word & mostUnits)
    return { times: [...times, this.#ticks.timeOf(newest)], units: [...units, this.#read(record, unitsWord)] }
  }

  /** Counts units at a tick that is not before the newest one. */
  #count(record: number, tick: number, units: number): void {
    const total = this.#read(record, totalWord)
    const last = this.#read(record, unitsWord)
    const isNewTick = total === 0 || this.#read(record, newestWord) !== tick
    // Units that find no room of their own make those of the tick before count as if they came now: that is late, never early.
    const isApart = isNewTick && (total === 0 || this.#enqueueNewest(record))
    this.#moveNewest(record, tick)
    this.#write(record, unitsWord, isApart ? units : last + units)
    this.#write(record, totalWord, total + units)
  }

  #moveNewest(record: number, tick: number): void {
    const queue = this.#queue
    const moved = (tick - this.#read(record, newestWord)) | 0
    const isAlone = queue.length(record) === 0
    this.#write(record, newestWord, tick)
    if (isAlone || moved > 0) queue.setOwn(record, isAlone ? 0 : queue.own(record) + moved)
  }

  #dropDead(record: number): void {
    if (this.isDead(record)) {
      this.clear(record)
      return
    }
    const queue = this.#queue
    const newest = this.#read(record, newestWord)
    let total = this.#read(record, totalWord)
    while (queue.length(record) > 0 && this.#ticks.isDead(tickOf(queue.front(record), newest))) {
      total -= queue.front(record) & mostUnits
      queue.shift(record)
    }
    this.#write(record, totalWord, total)
    this.#noteOldest(record)
  }

  #oldest(record: number): number {
    return (this.#read(record, newestWord) - this.#queue.own(record)) | 0
  }

  #noteOldest(record: number): void {
    const queue = this.#queue
    const newest = this.#read(record, newestWord)
    queue.setOwn(record, queue.length(record) === 0 ? 0 : (newest - tickOf(queue.front(record), newest)) | 0)
  }

  /** Moves what stands in the record into the queue. False when there is no room for it. */
  #enqueueNewest(record: number): boolean {
    const queue = this.#queue
    const tick = this.#read(record, newestWord)
    const units = this.#read(record, unitsWord)
    if (!this.#hasRoom(record, Math.ceil(units / mostUnits))) return false
    for (let left = units; left > 0; left -= mostUnits) {
      queue.push(record, (tick << unitBits) | Math.min(left, mostUnits))
    }
    return true
  }

  #hasRoom(record: number, words: number): boolean {
    const queue = this.#queue
    // It never lacks more than a block a word, and mostly there are as many.
    if (words <= queue.pool.available || queue.isReserved(record)) return true
    if (queue.lacks(record, words) <= queue.pool.available) return true
    // What expired words left free at the front.
    queue.repack(record)
    return queue.lacks(record, words) <= queue.pool.available
  }

  #read(record: number, word: number): number {
    return this.#words[record * blockWords + word] as number
  }

  #write(record: number, word: number, value: number): void {
    this.#words[record * blockWords + word] = value
  }
}

/** The tick of a queued word, which is at most 4095 before the newest one. */
function tickOf(word: number, newest: number): number {
  return (newest - ((newest - (word >>> unitBits)) & tickMask)) | 0
}
