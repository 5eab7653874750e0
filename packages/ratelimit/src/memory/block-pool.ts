/** The words of a block: half a line of the processor's cache. */
export const blockWords = 8
export const blockBytes: number = 4 * blockWords
/**
 * What stands before the blocks. Allocators put a large array 16 bytes behind the beginning of a page, and blocks that began there would lie in two
 * lines of the cache, every other one. Where arrays begin elsewhere it does no harm.
 */
export const leadBytes = 16
/** The last word of a block points to the next one, in a log and among the free ones. */
const next = blockWords - 1

/**
 * Blocks of one array, all of it allocated at the start. Blocks that nobody took yet lie at its end and are not written, so they take no memory
 * of the machine. Some blocks are reserved: who takes those is bounded by what was promised, not by `room`.
 */
export class BlockPool {
  /** Signed, because what the processor compares and adds is. Block 0 stands for none. */
  readonly words: Int32Array
  /** How many blocks may be taken that are not reserved. */
  readonly room: number
  used = 0
  reservedUsed = 0
  #fresh = 1
  #free = 0

  constructor(blocks: number, reserved: number) {
    const buffer = new ArrayBuffer(leadBytes + (blocks + 1) * blockBytes)
    this.words = new Int32Array(buffer, leadBytes)
    this.room = blocks - reserved
  }

  get available(): number {
    return this.room - this.used
  }

  /** Takes a block. The caller has made sure that there is one. Its words hold anything. */
  take(isReserved: boolean): number {
    if (isReserved) this.reservedUsed++
    else this.used++
    const block = this.#free
    if (block === 0) return this.#fresh++
    this.#free = this.words[block * blockWords + next] as number
    return block
  }

  give(block: number, isReserved: boolean): void {
    this.giveAll(block, block, 1, isReserved)
  }

  /** Gives back so many blocks, each of which points to the next. */
  giveAll(first: number, last: number, count: number, isReserved: boolean): void {
    if (isReserved) this.reservedUsed -= count
    else this.used -= count
    this.words[last * blockWords + next] = this.#free
    this.#free = first
  }

  /** Takes all blocks back at once. */
  clear(): void {
    this.used = 0
    this.reservedUsed = 0
    this.#fresh = 1
    this.#free = 0
  }
}
