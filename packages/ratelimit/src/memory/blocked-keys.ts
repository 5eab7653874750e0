const bytesEach = 16
/** Slots for each key: so many stay empty that a search ends soon. */
const slotsEach = 2
/** What stands where a block was ended. */
const past = -1

/** The bytes that room for so many blocked keys takes. */
export function blockedBytes(keys: number): number {
  return keys * slotsEach * bytesEach
}

/** Which counters are blocked until when: a small table of its own, so that a flood of counters takes no room from it. */
export class BlockedKeys {
  readonly #keys: number
  readonly #fingerprints: Int32Array
  /** 0: never used. A time that has passed: free, but a search goes on behind it. */
  readonly #until: Float64Array
  readonly #mask: number
  #used = 0
  /** When the last of the blocks ends. */
  #latest = 0

  /** @param keys how many there may be at once, a power of two. */
  constructor(keys: number) {
    this.#keys = keys
    this.#fingerprints = new Int32Array(keys * slotsEach * 2)
    this.#until = new Float64Array(keys * slotsEach)
    this.#mask = keys * slotsEach - 1
  }

  /** Until when a key is blocked; 0 if it is not. */
  until(low: number, high: number, now: number): number {
    if (now >= this.#latest) return 0
    const until = this.#until[this.#slot(low, high)] as number
    return until > now ? until : 0
  }

  /** Blocks a key until a time that lies ahead. False when the table is full of others. */
  set(low: number, high: number, until: number, now: number): boolean {
    const slot = this.#slot(low, high)
    if (this.#until[slot] === 0 && !this.#makeRoom(now)) return false
    this.#write(low, high, until)
    return true
  }

  /** Ends the block of a key. */
  end(low: number, high: number): void {
    const slot = this.#slot(low, high)
    if (this.#until[slot] !== 0) this.#until[slot] = past
  }

  #makeRoom(now: number): boolean {
    if (this.#used === this.#keys) this.#dropExpired(now)
    return this.#used < this.#keys
  }

  #write(low: number, high: number, until: number): void {
    const slot = this.#slot(low, high)
    if (this.#until[slot] === 0) this.#used++
    this.#fingerprints[2 * slot] = low
    this.#fingerprints[2 * slot + 1] = high
    this.#until[slot] = until
    if (until > this.#latest) this.#latest = until
  }

  #dropExpired(now: number): void {
    const fingerprints = this.#fingerprints.slice()
    const untils = this.#until.slice()
    this.#until.fill(0)
    this.#used = 0
    for (const [slot, until] of untils.entries()) {
      if (until > now) this.#write(fingerprints[2 * slot] as number, fingerprints[2 * slot + 1] as number, until)
    }
  }

  /** Where a key is, or else the slot that it would take. */
  #slot(low: number, high: number): number {
    let slot = low & this.#mask
    while (this.#until[slot] !== 0) {
      if (this.#fingerprints[2 * slot] === low && this.#fingerprints[2 * slot + 1] === high) break
      slot = (slot + 1) & this.#mask
    }
    return slot
  }
}
