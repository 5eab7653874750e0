import { checkOptions, type Clock, type Duration, duration, type EventSink, systemClock } from '@mosaajii/core'
import type { Engine, EngineName } from './engines/engine.ts'
import { selectEngine } from './engines/select.ts'
import { maxRefreshMs } from './keyring-document.ts'
import type { KeyProvider } from './key-provider.ts'
import type { KeyStore } from './key-store.ts'

/** How a keyring is opened. */
export interface KeyringOptions {
  /** Wraps and unwraps the keys. */
  readonly provider: KeyProvider
  /** Keeps the wrapped keys. */
  readonly store: KeyStore
  /** Where key use is recorded. Required: `discardEvents()` from `@mosaajii/core` is the explicit way to record nothing. */
  readonly events: EventSink
  /** Names the keyring in its store: 1 to 64 of `a-z 0-9 _ -`. Default `'main'`. */
  readonly id?: string
  /** The age at which `rotateIfDue()` rotates. Default 90 days, as the operations manual says. */
  readonly rotateAfter?: Duration
  /** How often the store is read again, 100 ms to 1 day. Default one minute. */
  readonly refresh?: Duration
  /** How long the provider may take. Default ten seconds. */
  readonly deadline?: Duration
  readonly clock?: Clock
  /** Default: native where the runtime has `node:crypto`, else portable. Both give the same bytes. */
  readonly engine?: EngineName
}

/** Checked options. Times in milliseconds. */
export interface Settings {
  readonly id: string
  readonly provider: KeyProvider
  readonly store: KeyStore
  readonly events: EventSink
  readonly rotateAfter: number
  readonly refresh: number
  readonly deadline: number
  readonly clock: Clock
  readonly engine: Engine
}

const optionNames = ['provider', 'store', 'events', 'id', 'rotateAfter', 'refresh', 'deadline', 'clock', 'engine']
const keyringId = /^[a-z0-9][a-z0-9_-]{0,63}$/

/**
 * @throws {TypeError | RangeError} for options that are none; the message says what to give.
 */
export function checkSettings(options: KeyringOptions): Settings {
  checkOptions(options, 'openKeyring', optionNames)
  const {
    provider,
    store,
    events,
    id = 'main',
    rotateAfter = '90d',
    refresh = '1m',
    deadline = '10s',
    clock = systemClock,
  } = options
  if (typeof provider?.wrap !== 'function' || typeof provider.unwrap !== 'function' || !isProviderId(provider.id)) {
    throw new TypeError('openKeyring: give a provider, for example localKeyProvider({ secret })')
  }
  if (typeof store?.read !== 'function' || typeof store.write !== 'function') {
    throw new TypeError("openKeyring: give a store, for example fileKeyStore('keys/')")
  }
  if (typeof events?.write !== 'function') {
    throw new TypeError(
      'openKeyring: give events, a sink that records key use; discardEvents() records nothing, explicitly',
    )
  }
  if (typeof clock?.now !== 'function') throw new TypeError('openKeyring: clock must have now()')
  if (typeof id !== 'string' || !keyringId.test(id))
    throw new RangeError("openKeyring: id is 1 to 64 of a-z 0-9 _ -, such as 'main'")
  const refreshMs = duration(refresh)
  if (refreshMs < 100 || refreshMs > maxRefreshMs) throw new RangeError("openKeyring: refresh is from '100ms' to '1d'")
  const deadlineMs = duration(deadline)
  if (deadlineMs > maxRefreshMs) throw new RangeError("openKeyring: deadline is at most '1d'")
  const engine = selectEngine(options.engine)
  return {
    id,
    provider,
    store,
    events,
    rotateAfter: duration(rotateAfter),
    refresh: refreshMs,
    deadline: deadlineMs,
    clock,
    engine,
  }
}

function isProviderId(id: unknown): boolean {
  return typeof id === 'string' && id.length >= 1 && id.length <= 200
}
