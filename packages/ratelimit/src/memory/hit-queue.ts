import { type BlockPool, blockWords } from './block-pool.ts'

/** The hits that a block of a queue holds; its last word points to the next block. */
export const blockHits: number = blockWords - 1

/** Words of a record. 0 to 2 belong to the table, 3 and 4 to the queue, 5 to 7 to the log that uses it. */
export const recordWords = { low: 0, high: 1, next: 2, last: 3, meta: 4, own: 5 } as const

/** `meta`: 12 bits the length of the queue, 3 bits where it begins in its first block, 12 bits for the log, and who the blocks belong to. */
const lengthMask = 0xfff
const offsetOne = 0x1000
const offsetShift = 12
const queueMask = 0x7fff
const ownShift = 15
const ownMask = 0xfff
const reservedBit = 0x800_0000

const { last: lastWord, meta: metaWord } = recordWords

/** How many blocks a queue needs at most, wherever in its first block it begins. */
export function queueBlocks(length: number): number {
  return length <= 1 ? 0 : Math.ceil((length + blockHits - 1) / blockHits)
}

/** The words that a queue can hold in so many blocks. */
export function queueRoom(blocks: number): number {
  return Math.max(1, blocks * blockHits)
}

/**
 * Queues of words, the oldest first, each belonging to a record of the same pool. A queue is a ring of blocks, and the record points to the last
 * one, which points to the first: both ends are at hand. A queue of one word has no block: the word stands where the pointer else does, because a
 * block would be one more line of memory to wait for, and most keys come no more often.
 */
export class HitQueue {
  readonly pool: BlockPool
  readonly #words: Int32Array

  constructor(pool: BlockPool) {
    this.pool = pool
    this.#words = pool.words
  }

  /** Makes the queue of a new record. */
  init(record: number, isReserved: boolean): void {
    const at = record * blockWords
    this.#words[at + lastWord] = 0
    this.#words[at + metaWord] = isReserved ? reservedBit : 0
  }

  length(record: number): number {
    return this.#meta(record) & lengthMask
  }

  isReserved(record: number): boolean {
    return (this.#meta(record) & reservedBit) !== 0
  }

  /** Twelve bits for the log that uses the queue. */
  own(record: number): number {
    return (this.#meta(record) >>> ownShift) & ownMask
  }

  setOwn(record: number, own: number): void {
    this.#words[record * blockWords + metaWord] =
      (this.#meta(record) & ~(ownMask << ownShift)) | ((own & ownMask) << ownShift)
  }

  /** The blocks that the queue has now. */
  blocks(record: number): number {
    return blocksOf(this.#meta(record), 0)
  }

  /** The blocks that it lacks to take so many more words where they are now. */
  lacks(record: number, more: number): number {
    const meta = this.#meta(record)
    return blocksOf(meta, more) - blocksOf(meta, 0)
  }

  push(record: number, word: number): void {
    const words = this.#words
    const at = record * blockWords
    const meta = words[at + metaWord] as number
    const length = meta & lengthMask
    if (length === 0) {
      words[at + lastWord] = word
    } else {
      const isReserved = (meta & reservedBit) !== 0
      if (length === 1) this.#unfold(at, isReserved)
      const place = (offsetOf(meta) + length) % blockHits
      if (place === 0) this.#append(at, isReserved)
      words[(words[at + lastWord] as number) * blockWords + place] = word
    }
    words[at + metaWord] = meta + 1
  }

  /** The oldest word of a queue that is not empty. */
  front(record: number): number {
    return this.#words[this.#frontAt(record)] as number
  }

  /** Another word in place of the oldest. */
  replaceFront(record: number, word: number): void {
    this.#words[this.#frontAt(record)] = word
  }

  /** Drops the oldest word of a queue that is not empty. */
  shift(record: number): void {
    const words = this.#words
    const at = record * blockWords
    const meta = words[at + metaWord] as number
    const left = (meta & lengthMask) - 1
    if (left <= 1) {
      if (left === 1) this.#fold(record)
      words[at + metaWord] = (meta & ~queueMask) | left
    } else if (offsetOf(meta) + 1 < blockHits) {
      words[at + metaWord] = meta - 1 + offsetOne
    } else {
      const last = words[at + lastWord] as number
      const first = words[last * blockWords + blockHits] as number
      words[last * blockWords + blockHits] = words[first * blockWords + blockHits] as number
      this.pool.give(first, (meta & reservedBit) !== 0)
      words[at + metaWord] = (meta & ~queueMask) | left
    }
  }

  /** The word at a place, counted from the oldest. */
  at(record: number, index: number): number {
    if (index === 0) return this.front(record)
    const words = this.#words
    let place = offsetOf(this.#meta(record)) + index
    let block = this.#first(record)
    for (; place >= blockHits; place -= blockHits) block = words[block * blockWords + blockHits] as number
    return words[block * blockWords + place] as number
  }

  /** All words, the oldest first. */
  all(record: number): number[] {
    const words = this.#words
    const length = this.length(record)
    if (length <= 1) return length === 0 ? [] : [this.front(record)]
    const all: number[] = []
    let place = offsetOf(this.#meta(record))
    let block = this.#first(record)
    for (let i = 0; i < length; i++) {
      all.push(words[block * blockWords + place] as number)
      place++
      if (place < blockHits) continue
      place = 0
      block = words[block * blockWords + blockHits] as number
    }
    return all
  }

  clear(record: number): void {
    const meta = this.#meta(record)
    if ((meta & lengthMask) > 1) this.#giveBlocks(record)
    this.#words[record * blockWords + metaWord] = meta & ~queueMask
  }

  /** Lays the words anew from the beginning of the first block: what `shift` left free there can be used. */
  repack(record: number): void {
    const all = this.all(record)
    this.clear(record)
    for (const word of all) this.push(record, word)
  }

  /** Moves the only word into a first block. */
  #unfold(at: number, isReserved: boolean): void {
    const words = this.#words
    const word = words[at + lastWord] as number
    const block = this.pool.take(isReserved)
    words[block * blockWords] = word
    words[block * blockWords + blockHits] = block
    words[at + lastWord] = block
  }

  /** Moves the second of two words into the record, and gives the blocks back. */
  #fold(record: number): void {
    const word = this.at(record, 1)
    this.#giveBlocks(record)
    this.#words[record * blockWords + lastWord] = word
  }

  #giveBlocks(record: number): void {
    const last = this.#words[record * blockWords + lastWord] as number
    this.pool.giveAll(this.#first(record), last, this.blocks(record), this.isReserved(record))
  }

  #append(at: number, isReserved: boolean): void {
    const words = this.#words
    const last = words[at + lastWord] as number
    const block = this.pool.take(isReserved)
    words[block * blockWords + blockHits] = words[last * blockWords + blockHits] as number
    words[last * blockWords + blockHits] = block
    words[at + lastWord] = block
  }

  /** Where the oldest word stands. */
  #frontAt(record: number): number {
    const meta = this.#meta(record)
    if ((meta & lengthMask) === 1) return record * blockWords + lastWord
    return this.#first(record) * blockWords + offsetOf(meta)
  }

  /** The first block of a queue of two words or more. */
  #first(record: number): number {
    const last = this.#words[record * blockWords + lastWord] as number
    return this.#words[last * blockWords + blockHits] as number
  }

  #meta(record: number): number {
    return this.#words[record * blockWords + metaWord] as number
  }
}

function offsetOf(meta: number): number {
  return (meta >>> offsetShift) & 7
}

/** How many blocks a queue has with so many more words. */
function blocksOf(meta: number, more: number): number {
  const length = (meta & lengthMask) + more
  return length <= 1 ? 0 : Math.ceil((offsetOf(meta) + length) / blockHits)
}
