import type { WindowRule } from '../window-store.ts'

/** No window is longer than this many ticks. Times are kept modulo 2 ** 32, and no hit may stay until its age looks young again. */
export const longestWindow: number = 2 ** 30

/**
 * The time of one table as its words hold it: 32 bits, counted in ticks. A tick is a millisecond for exact rules (more for windows of over twelve
 * days), and a part of the window for strict ones. Times are rounded up to the next tick, so that no hit expires early.
 */
export class Ticks {
  /** The milliseconds of a tick. */
  readonly each: number
  /** The time in milliseconds. */
  now: number
  /** The tick at which a hit that comes now is kept, as a signed word. */
  tick = 0
  readonly #window: number
  /** The same without a bound. */
  #count = 0
  /** From this age on a hit counts no more. */
  #span = 0

  constructor({ algorithm, quantum, window }: WindowRule, now: number) {
    this.each = algorithm === 'exact' ? Math.ceil(window / longestWindow) : quantum
    this.#window = window
    this.now = now
    this.#set(now)
  }

  /** Goes on to a time that is not earlier, and returns how many ticks passed. */
  advance(now: number): number {
    const before = this.#count
    this.#set(now)
    return this.#count - before
  }

  isDead(tick: number): boolean {
    return (this.tick - tick) >>> 0 >= this.#span
  }

  /** A kept tick in milliseconds. Only of hits that have not been dead for long. */
  timeOf(tick: number): number {
    return (this.#count - ((this.tick - tick) >>> 0)) * this.each
  }

  /** In how many milliseconds a hit that still counts will count no more. */
  expiryOf(tick: number): number {
    return this.timeOf(tick) + this.#window - this.now
  }

  /** The word of a kept time. */
  wordOf(time: number): number {
    return Math.ceil(time / this.each) | 0
  }

  #set(now: number): void {
    this.now = now
    this.#count = Math.ceil(now / this.each)
    this.tick = this.#count | 0
    this.#span = this.#count - Math.floor((now - this.#window) / this.each)
  }
}
