const remembered = 1024

/** The bytes that the memory of voided receipts takes. */
export const voidedBytes: number = remembered * 8

/**
 * Which receipts give nothing back any more, because their counter was reset after them. The last thousand resets are remembered; of a receipt
 * that is older than those nobody knows, so it is void too.
 */
export class VoidedReceipts {
  readonly #fingerprints: Int32Array = new Int32Array(2 * remembered)
  /** How many resets there were: the mark of receipts that are given now. */
  mark = 0

  /** From now on, what was given for this key until now is void. */
  add(low: number, high: number): void {
    const slot = 2 * (this.mark % remembered)
    this.#fingerprints[slot] = low
    this.#fingerprints[slot + 1] = high
    this.mark++
  }

  isVoid(low: number, high: number, mark: number): boolean {
    if (this.mark - mark > remembered) return true
    for (let since = mark; since < this.mark; since++) {
      const slot = 2 * (since % remembered)
      if (this.#fingerprints[slot] === low && this.#fingerprints[slot + 1] === high) return true
    }
    return false
  }
}
