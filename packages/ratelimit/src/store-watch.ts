import { type Clock, emit, type EventSink } from '@mosaajii/core'
import { storeFailure } from './store-failure.ts'

/** A store that comes and goes with every call makes no more outages known than one in this time. */
const toldEvery = 1000

/** Notices when a store is gone and when it is back, and tells each once. */
export class StoreWatch {
  readonly #events: EventSink
  readonly #clock: Clock
  readonly #elapsed: () => number
  #failures = 0
  #since = 0
  #isTold = false
  #toldAt = Number.NEGATIVE_INFINITY

  /** @param elapsed milliseconds that never go back. */
  constructor(events: EventSink, clock: Clock, elapsed: () => number) {
    this.#events = events
    this.#clock = clock
    this.#elapsed = elapsed
  }

  failed(error: unknown): void {
    const now = this.#elapsed()
    if (this.#failures === 0) this.#since = now
    this.#failures++
    if (this.#isTold || now - this.#toldAt < toldEvery) return
    this.#isTold = true
    this.#toldAt = now
    emit(this.#events, 'ratelimit.storeFailed', { reason: storeFailure(error) }, this.#clock)
  }

  answered(): void {
    if (this.#failures === 0) return
    const failures = this.#failures
    const wasTold = this.#isTold
    this.#failures = 0
    this.#isTold = false
    if (!wasTold) return
    const afterMs = Math.round(this.#elapsed() - this.#since)
    emit(this.#events, 'ratelimit.recovered', { afterMs, failures }, this.#clock)
  }
}
