import { type Clock, discardEvents, type EventSink } from '@mosaajii/core'
import { ownOf } from './checks.ts'
import { checkKnownOptions } from './known-options.ts'
import type { Rule } from './rule.ts'
import { memoryStore } from './stores/memory.ts'
import type { WindowStore } from './window-store.ts'

/** Rules by name: 1 to 64 of `a-z 0-9 _ -`. */
export type Rules<S> = Readonly<Record<string, Rule<S>>>

/** How a limiter is made. */
export interface RateLimiterOptions<R extends Rules<never> = Rules<never>> {
  readonly rules: R
  /** Where hits are kept. Default: `memoryStore()`, which takes up to 64 MiB; each limiter has one of its own. */
  readonly store?: WindowStore
  /** Where local shares are counted while the store cannot be reached: in the memory of this process. Default: a `memoryStore()` of up to 16 MiB. */
  readonly localStore?: WindowStore
  /** Where `ratelimit.refused`, `ratelimit.storeFailed` and `ratelimit.recovered` go, best effort. Default: nowhere. */
  readonly events?: EventSink
  /**
   * The time of events and of the stores that are made by default; a store that is given has its own. Default: the clock of the machine for
   * events, one that never goes back for the rest.
   */
  readonly clock?: Clock
  /** 16 bytes that key the hash of subjects in events. Default: random ones, so that hashes of two processes cannot be compared. */
  readonly eventKey?: Uint8Array
}

/** Checked options. */
export interface LimiterSettings {
  readonly rules: Rules<never>
  readonly store: WindowStore
  readonly localStore: WindowStore
  readonly events: EventSink | undefined
  readonly clock: Clock | undefined
  readonly eventKey: Uint8Array | undefined
}

/** Shares are small, and so is what keeps them. */
const localBytes = 16 * 2 ** 20

const optionNames: readonly (keyof RateLimiterOptions)[] = [
  'rules',
  'store',
  'localStore',
  'events',
  'clock',
  'eventKey',
]

/** @throws {TypeError} for options that are none; the message says what to give. */
export function limiterSettings(options: RateLimiterOptions): LimiterSettings {
  checkKnownOptions(options, 'rateLimiter', optionNames)
  const own = ownOf(options)
  const { rules, events, clock, eventKey } = own
  if (clock !== undefined && typeof clock?.now !== 'function') {
    throw new TypeError('rateLimiter: clock: it must have now()')
  }
  const timed = clock === undefined ? {} : { clock }
  const { store = memoryStore(timed), localStore = memoryStore({ maxBytes: localBytes, ...timed }) } = own
  if (typeof store?.open !== 'function') {
    throw new TypeError('rateLimiter: store: give a WindowStore, for example memoryStore()')
  }
  if (typeof localStore?.open !== 'function') {
    throw new TypeError('rateLimiter: localStore: give a memoryStore() of its own, or leave it out')
  }
  if (events !== undefined && typeof events?.write !== 'function') {
    throw new TypeError(
      'rateLimiter: events: give an EventSink, for example { write: (event) => log.info(event) }, or leave it out',
    )
  }
  if (eventKey !== undefined && !(eventKey instanceof Uint8Array && eventKey.length === 16)) {
    throw new TypeError('rateLimiter: eventKey: give 16 random bytes, the same in all processes')
  }
  return { rules, store, localStore, events, clock, eventKey }
}

/** A sink for where none is given. */
export const noEvents: EventSink = discardEvents()
