/** How a {@link Breaker} behaves. */
export interface BreakerOptions {
  /** After how many failures in a row it opens. */
  readonly failures: number
  /** How often it looks, while it is open, whether the server answers again, in milliseconds. */
  readonly probeEvery: number
  /** Resolves when the server answers. */
  readonly probe: () => Promise<unknown>
}

/** Keeps calls away from a server that does not answer, and asks it itself from time to time. */
export class Breaker {
  readonly #options: BreakerOptions
  #failures = 0
  #timer: NodeJS.Timeout | undefined

  constructor(options: BreakerOptions) {
    this.#options = options
  }

  get isOpen(): boolean {
    return this.#timer !== undefined
  }

  /** The server answered, whatever it said. */
  succeeded(): void {
    this.#failures = 0
    if (this.#timer === undefined) return
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  failed(): void {
    this.#failures++
    // At once for the first time: what was a mere hiccup is over by then.
    if (this.#timer === undefined && this.#failures >= this.#options.failures) this.#probeAfter(0)
  }

  #probeAfter(wait: number): void {
    const timer = setTimeout(() => void this.#probe(timer), wait)
    // Nobody stays alive to ask.
    timer.unref()
    this.#timer = timer
  }

  async #probe(timer: NodeJS.Timeout): Promise<void> {
    const answers = await this.#options.probe().then(
      () => true,
      () => false,
    )
    // A call that was on its way may have closed it meanwhile.
    if (this.#timer !== timer) return
    if (answers) this.succeeded()
    else this.#probeAfter(this.#options.probeEvery)
  }
}
