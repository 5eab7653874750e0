import { RateLimitError } from '../errors.ts'
import { backoffGap, readCounter } from '../window-math.ts'
import type { CounterState, Demand, Receipt, WindowRule } from '../window-store.ts'
import { BlockedKeys } from './blocked-keys.ts'
import { BlockPool, blockWords } from './block-pool.ts'
import type { CounterLog } from './counter-log.ts'
import { ExactLog } from './exact-log.ts'
import { HitQueue, recordWords } from './hit-queue.ts'
import { StrictLog } from './strict-log.ts'
import { Sweep } from './sweep.ts'
import type { TableSize } from './table-size.ts'
import { longestWindow, Ticks } from './ticks.ts'
import { VoidedReceipts } from './voided-receipts.ts'

/** What a table takes and holds. */
export interface TableUsage {
  /** The name of the rule. */
  readonly rule: string
  /** What the table may take, all of it reserved at the start. */
  readonly bytes: number
  /** How many blocks of 32 bytes it has. */
  readonly blocks: number
  /** How many of them are in use. */
  readonly used: number
  /** The counters of their own, those included that expired and were not swept yet. */
  readonly counters: number
  /** How many overflow counters, which several keys share, hold hits now. Above 0: newcomers find no room, or did a window ago. */
  readonly overflowing: number
}

/** Newcomers leave the last quarter to keys that are counted already. */
const newcomersShare = 3 / 4
/** A chain swept for each insert, and more when the table fills up: what expired must be gone before room is short. */
const sweptEach = 1
const sweptWhenFull = 4
/** And some at once when a counter finds no block. Few, because who is refused for that can ask again. */
const sweptForRoom = 64
const range = 2 ** 32
/** Stands with the number of a bucket where else the fingerprint of a key does. A key that has the same one loses a refund. */
const bucketMark = 0x6f766572

/**
 * The counters of one rule, in arrays that are allocated once. A call looks up one counter, and the steps after it are about that one: it is kept
 * here and not in an object, so that a call allocates nothing but its answer.
 *
 * A key has a record of its own, or shares the overflow counter of its bucket: because the table was full when it came. When there is room again,
 * its next hit goes to a record that begins with all live hits of the bucket: its own are among them, and a fresh record would let it in twice.
 * From then on it counts alone. So nobody joins a bucket while there is room, and it is empty one window later.
 */
export class CounterTable {
  readonly rule: WindowRule
  /** The call that asked last: a call asks for one counter of a rule. */
  call = 0
  /** What `weigh` said last. */
  admits = false
  readonly #size: TableSize
  readonly #pool: BlockPool
  readonly #heads: Int32Array
  /** The part of a chain that falls to each value of a word. */
  readonly #chainsEach: number
  readonly #overflows: Int32Array
  readonly #queue: HitQueue
  readonly #ticks: Ticks
  readonly #log: CounterLog
  readonly #blocked: BlockedKeys
  readonly #voided = new VoidedReceipts()
  readonly #newcomers: number
  readonly #sweep: Sweep
  #counters = 0

  // The counter that was looked up: its record, 0 for none, and what counts in it.
  #low = 0
  #high = 0
  #record = 0
  #live = 0
  #blockedUntil = 0

  constructor(rule: WindowRule, size: TableSize, now: number) {
    this.rule = rule
    this.#size = size
    this.#pool = new BlockPool(size.blocks, size.reserved)
    this.#heads = new Int32Array(size.heads)
    this.#chainsEach = size.heads / range
    this.#overflows = new Int32Array(size.overflows)
    this.#queue = new HitQueue(this.#pool)
    this.#ticks = new Ticks(rule, now)
    const Log = rule.algorithm === 'exact' ? ExactLog : StrictLog
    this.#log = new Log(this.#queue, this.#ticks)
    this.#blocked = new BlockedKeys(size.blocked)
    this.#newcomers = Math.floor(this.#pool.room * newcomersShare)
    this.#sweep = new Sweep(size.heads + size.overflows, (slot) => this.#sweepSlot(slot))
  }

  /** Looks up the counter of a key, by its fingerprint. */
  look(low: number, high: number, now: number): void {
    this.#low = low
    this.#high = high
    if (now !== this.#ticks.now) this.#advance(now)
    this.#blockedUntil = this.#blocked.until(low, high, now)
    this.#lookUp()
  }

  /** Whether the counter, asked alone, lets a cost pass. */
  weigh(cost: number): boolean {
    let free = this.#free()
    if (cost > free && cost <= this.rule.limit - this.#live) {
      this.#makeRoom()
      free = this.#free()
    }
    this.admits = cost <= free && this.#ticks.now >= this.#blockedUntil && !this.#backsOff()
    return this.admits
  }

  /** Counts a cost that was weighed and found to pass. */
  take({ rule, key, cost }: Demand): CounterState {
    this.#begin(cost)
    this.#add(cost)
    return this.#state(cost, this.#receipt(rule, key, cost))
  }

  /** What is said where nothing is taken. */
  read({ cost }: Demand): CounterState {
    return this.#state(cost, undefined)
  }

  /** Whether there is room for a penalty: a counter of its own that finds no block cannot keep another hit. */
  canPenalize(cost: number): boolean {
    const more = Math.min(this.rule.limit - this.#live, cost)
    if (more > this.#free()) this.#makeRoom()
    return more <= this.#free()
  }

  /** Counts a penalty, and keeps the newest units up to the limit. */
  penalize({ rule, key, cost }: Demand): CounterState {
    const { limit } = rule
    const kept = Math.min(cost, limit)
    const isWhole = this.#live + cost <= limit
    const dropped = Math.max(0, this.#live + kept - limit)
    this.#begin(kept)
    if (dropped > 0) this.#log.drop(this.#record, dropped)
    this.#live -= dropped
    this.#add(kept)
    const receipt = isWhole ? this.#receipt(rule, key, cost) : undefined
    if (!isWhole) this.#voidReceipts()
    this.weigh(cost)
    return this.#state(cost, receipt)
  }

  /**
   * Takes back what a receipt stands for, from the counter that it came from. What was taken from a bucket stays in the copy that the key has of it:
   * the copy may have been made before or after, and nobody knows.
   */
  refund({ at, units, mark }: Receipt): void {
    const isShared = mark % 2 === 1
    const record = isShared ? (this.#overflows[this.#bucket()] as number) : this.#find(this.#low, this.#high)
    if (record === 0 || this.#isVoid((mark - (mark % 2)) / 2, isShared)) return
    if (this.#log.prune(record) > 0) this.#log.remove(record, this.#ticks.wordOf(at), units)
  }

  /** Forgets the hits of the key. Those in an overflow counter stay: nobody knows whose they are. */
  reset(): void {
    const record = this.#find(this.#low, this.#high)
    if (record !== 0) this.#log.clear(record)
    this.#voided.add(this.#low, this.#high)
  }

  /** @throws {RateLimitError} `WINDOW_STORE_FULL` when too many keys are blocked. */
  block(forMs: number): void {
    const { now } = this.#ticks
    const until = Math.min(Number.MAX_SAFE_INTEGER, now + forMs)
    if (until <= now) this.#blocked.end(this.#low, this.#high)
    else if (!this.#blocked.set(this.#low, this.#high, until, now)) {
      throw storeFull(
        `rule '${this.rule.name}' has ${this.#size.blocked} blocked counters, which is all that it can keep`,
      )
    }
  }

  /** Sweeps what is due, after the counter that was looked up is needed no more. */
  settle(): void {
    this.#sweep.settle()
  }

  usage(now: number): TableUsage {
    if (now !== this.#ticks.now) this.#advance(now)
    const { bytes, blocks } = this.#size
    const used = this.#pool.used + this.#pool.reservedUsed
    const overflowing = this.#overflows.filter((record) => record !== 0 && this.#log.prune(record) > 0).length
    return { rule: this.rule.name, bytes, blocks, used, counters: this.#counters, overflowing }
  }

  #advance(now: number): void {
    const passed = this.#ticks.advance(now)
    // After so long a rest all hits are dead, and some might soon look alive again.
    if (passed > longestWindow + 1) this.#clear()
    else this.#sweep.pass(passed)
  }

  #clear(): void {
    if (this.#pool.used + this.#pool.reservedUsed === 0) return
    this.#heads.fill(0)
    this.#overflows.fill(0)
    this.#pool.clear()
    this.#counters = 0
  }

  #find(low: number, high: number): number {
    const { words } = this.#pool
    let record = this.#heads[this.#chain(low)] as number
    while (record !== 0) {
      const at = record * blockWords
      if (words[at] === low && words[at + recordWords.high] === high) break
      record = words[at + recordWords.next] as number
    }
    return record
  }

  #lookUp(): void {
    this.#record = this.#find(this.#low, this.#high)
    if (this.#record !== 0) this.#live = this.#log.prune(this.#record)
    else this.#lookInBucket()
  }

  /** For a counter that finds no block: some may be held by what has expired. Also its own record may go, if it has. */
  #makeRoom(): void {
    this.#sweep.go(sweptForRoom)
    this.#lookUp()
  }

  #lookInBucket(): void {
    const record = this.#overflows[this.#bucket()] as number
    this.#live = record === 0 ? 0 : this.#log.prune(record)
    if (this.#live === 0) return
    this.#record = record
    this.#sweepMore()
  }

  /** The units that can be counted before the limit is reached, or the end of the blocks. */
  #free(): number {
    const free = this.rule.limit - this.#live
    // A block holds at least one unit, and mostly there are more blocks than that.
    if (this.#record === 0 || free <= this.#pool.available) return free
    return Math.min(free, this.#log.room(this.#record))
  }

  #backsOff(): boolean {
    if (this.rule.backoff === undefined || this.#live === 0) return false
    const gap = backoffGap(this.rule.backoff, this.#live)
    return gap > 0 && this.#ticks.now < this.#ticks.timeOf(this.#log.newest(this.#record)) + gap
  }

  #add(units: number): void {
    this.#log.add(this.#record, units)
    this.#live += units
  }

  /** Makes sure that there is a record to count so many units in: the key's own, if it has one or there is room for one, or that of its bucket. */
  #begin(units: number): void {
    const shared = this.#record
    if (shared !== 0 && !this.#queue.isReserved(shared)) return
    this.#sweepMore()
    if (this.#pool.used + this.#log.blocks(shared, units) <= this.#newcomers) this.#create(shared)
    else if (shared === 0) this.#record = this.#overflow()
  }

  /** Makes a record for the key. It begins with the live hits of its bucket, if there are any. */
  #create(shared: number): void {
    const { words } = this.#pool
    const record = this.#pool.take(false)
    const chain = this.#chain(this.#low)
    words[record * blockWords] = this.#low
    words[record * blockWords + recordWords.high] = this.#high
    words[record * blockWords + recordWords.next] = this.#heads[chain] as number
    this.#heads[chain] = record
    this.#log.init(record, false)
    if (shared !== 0) this.#log.copy(shared, record)
    this.#counters++
    this.#record = record
  }

  /** The overflow counter of the key's bucket, made at its first use. */
  #overflow(): number {
    const bucket = this.#bucket()
    const known = this.#overflows[bucket] as number
    if (known !== 0) return known
    const record = this.#pool.take(true)
    this.#log.init(record, true)
    this.#overflows[bucket] = record
    return record
  }

  #chain(low: number): number {
    return ((low >>> 0) * this.#chainsEach) | 0
  }

  #bucket(): number {
    return Math.floor(((this.#high >>> 0) / range) * this.#overflows.length)
  }

  #state(cost: number, receipt: Receipt | undefined): CounterState {
    if (!this.#isPlain()) return this.#readState(cost, receipt)
    const { admits } = this
    const remaining = this.#free()
    const resetMs = this.#live === 0 ? 0 : this.#log.expiry(this.#record, 1)
    const retryAfterMs = admits ? 0 : cost > this.rule.limit ? null : this.#expiry(cost - remaining)
    return { admits, remaining, retryAfterMs, resetMs, now: this.#ticks.now, receipt }
  }

  /** The state of a counter that is blocked or backs off. */
  #readState(cost: number, receipt: Receipt | undefined): CounterState {
    const { now } = this.#ticks
    const hits = this.#live === 0 ? { times: [], units: [] } : this.#log.hits(this.#record)
    const reading = readCounter(this.rule, { ...hits, blockedUntil: this.#blockedUntil }, now, cost)
    const remaining = Math.min(reading.remaining, this.#free())
    const retryAfterMs = this.admits ? 0 : this.#withRoom(cost, reading.retryAfterMs)
    return { admits: this.admits, remaining, retryAfterMs, resetMs: reading.resetMs, now, receipt }
  }

  /** When a refused cost passes that also needs blocks: those may come later than the end of a wait. */
  #withRoom(cost: number, retryAfterMs: number | null): number | null {
    const lacking = cost - this.#free()
    return retryAfterMs === null || lacking <= 0 ? retryAfterMs : Math.max(retryAfterMs, this.#expiry(lacking))
  }

  /** Whether nothing but the units stands against a cost. */
  #isPlain(): boolean {
    const { backoff } = this.rule
    return this.#blockedUntil === 0 && (backoff === undefined || this.#live < backoff.after)
  }

  /** When so many units expired. A counter that lacks blocks may have too few of its own; then its window is the best answer. */
  #expiry(units: number): number {
    return units <= this.#live ? this.#log.expiry(this.#record, units) : this.rule.window
  }

  #receipt(rule: WindowRule, key: string, units: number): Receipt {
    const at = this.#ticks.timeOf(this.#ticks.tick)
    const mark = 2 * this.#voided.mark + (this.#queue.isReserved(this.#record) ? 1 : 0)
    return { rule, key, at, units, mark }
  }

  #voidReceipts(): void {
    if (this.#queue.isReserved(this.#record)) this.#voided.add(this.#bucket(), bucketMark)
    else this.#voided.add(this.#low, this.#high)
  }

  #isVoid(mark: number, isShared: boolean): boolean {
    if (this.#voided.isVoid(this.#low, this.#high, mark)) return true
    return isShared && this.#voided.isVoid(this.#bucket(), bucketMark, mark)
  }

  #sweepMore(): void {
    this.#sweep.due(2 * this.#pool.used > this.#newcomers ? sweptWhenFull : sweptEach)
  }

  #sweepSlot(slot: number): void {
    const bucket = slot - this.#heads.length
    if (bucket < 0) this.#sweepChain(slot)
    else if (this.#overflows[bucket] !== 0) this.#log.prune(this.#overflows[bucket] as number)
  }

  /** Gives the records of a chain back of which nothing counts any more. */
  #sweepChain(chain: number): void {
    const { words } = this.#pool
    let before = 0
    let record = this.#heads[chain] as number
    while (record !== 0) {
      const next = words[record * blockWords + recordWords.next] as number
      if (this.#log.isDead(record)) {
        this.#log.clear(record)
        this.#pool.give(record, false)
        if (before === 0) this.#heads[chain] = next
        else words[before * blockWords + recordWords.next] = next
        this.#counters--
      } else {
        before = record
      }
      record = next
    }
  }
}

function storeFull(message: string): RateLimitError {
  return new RateLimitError('WINDOW_STORE_FULL', message, { status: 503 })
}
