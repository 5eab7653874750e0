/** Ends calls that wait too long. All wait equally long, so the first that came is the next to end, and one timer serves all. */
export class Deadlines {
  readonly #length: number
  #calls: Deadline[] = []
  /** The calls before this one are over. */
  #first = 0
  #isArmed = false

  /** @param length how long a call may wait, in milliseconds. */
  constructor(length: number) {
    this.#length = length
  }

  /** Begins a call. */
  begin(): Deadline {
    const deadline = new Deadline(performance.now() + this.#length)
    this.#calls.push(deadline)
    if (!this.#isArmed) this.#arm(this.#length)
    return deadline
  }

  #arm(wait: number): void {
    this.#isArmed = true
    // Timers run before input is read: after this process itself was held up, answers that lie in the socket come first.
    setTimeout(() => setImmediate(() => this.#sweep()), Math.max(1, Math.ceil(wait)))
  }

  #sweep(): void {
    this.#isArmed = false
    const now = performance.now()
    for (; this.#first < this.#calls.length; this.#first++) {
      const call = this.#calls[this.#first]
      if (call === undefined || call.isOver) continue
      if (call.due > now) {
        this.#arm(call.due - now)
        break
      }
      call.expire()
    }
    this.#forget()
  }

  #forget(): void {
    this.#calls = this.#calls.slice(this.#first)
    this.#first = 0
  }
}

/** How long one call may wait, in however many steps. */
export class Deadline {
  readonly due: number
  #isOver = false
  #waiting: ((error: Error) => void)[] = []

  constructor(due: number) {
    this.due = due
  }

  get isOver(): boolean {
    return this.#isOver
  }

  /** What the work gives, or a rejection when the call's time ends before. Nobody hears what the work gives later. */
  within<T>(work: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.#isOver) reject(new DeadlineError())
      else this.#waiting.push(reject)
      work.then(resolve, reject)
    })
  }

  /** The call is over before its time. */
  end(): void {
    this.#isOver = true
    this.#waiting = []
  }

  expire(): void {
    const waiting = this.#waiting
    this.end()
    for (const reject of waiting) reject(new DeadlineError())
  }
}

/** Says that a call's time ended. */
export class DeadlineError extends Error {
  constructor() {
    super('no answer in time')
  }
}
