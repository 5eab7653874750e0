/** In how many ticks every slot is swept at least once, whether or not anybody comes. Half of the longest window. */
const roundTicks = 2 ** 29

/**
 * Goes through the slots of a table, round after round: some with each insert, and as many as time asks for. The second keeps the promise that no
 * dead hit stays until its age looks young again, and costs a slot now and then; after a long rest it catches up at once.
 */
export class Sweep {
  readonly #slots: number
  readonly #visit: (slot: number) => void
  /** The ticks in which time asks for one slot. */
  readonly #pace: number
  #slot = 0
  #passed = 0
  #due = 0

  constructor(slots: number, visit: (slot: number) => void) {
    this.#slots = slots
    this.#visit = visit
    this.#pace = Math.max(1, Math.floor(roundTicks / slots))
  }

  /** Sweeps what the ticks that passed ask for. */
  pass(ticks: number): void {
    this.#passed += ticks
    if (this.#passed < this.#pace) return
    this.go(Math.floor(this.#passed / this.#pace))
    this.#passed %= this.#pace
  }

  /** Asks for so many slots at the end of the call. */
  due(slots: number): void {
    this.#due = slots
  }

  settle(): void {
    if (this.#due === 0) return
    this.go(this.#due)
    this.#due = 0
  }

  /** Sweeps so many slots now. */
  go(slots: number): void {
    for (let i = Math.min(slots, this.#slots); i > 0; i--) {
      this.#visit(this.#slot)
      this.#slot = this.#slot + 1 === this.#slots ? 0 : this.#slot + 1
    }
  }
}
