import type { Clock, EventSink } from '@mosaajii/core'
import { withDeadline } from './deadline.ts'
import { cryptoError } from './errors.ts'
import { recorded } from './events.ts'
import type { KeyContext, KeyProvider } from './key-provider.ts'
import { decodeKeyRecord } from './key-record.ts'

/** What one unwrapping needs. */
export interface UnwrapRequest {
  readonly provider: KeyProvider
  readonly context: KeyContext
  readonly wrapped: Uint8Array
  /** Milliseconds. */
  readonly deadline: number
  readonly events: EventSink
  readonly clock: Clock
}

/** A key that is held open; `release` ends this holder's use of it. */
export interface HeldKey {
  readonly key: Uint8Array
  release(): void
}

interface Shared {
  readonly key: Promise<Uint8Array>
  holders: number
}

const caches = new WeakMap<KeyProvider, Map<string, Shared>>()

/**
 * Unwraps a key, once a process for each provider: concurrent cold starts and later holders share one call, and one event. The last
 * holder's release overwrites the key.
 *
 * @throws {CryptoError} `KEY_PROVIDER_FAILED`, or `EVENT_NOT_RECORDED` and then the provider was not called.
 */
export async function holdKey(request: UnwrapRequest): Promise<HeldKey> {
  const cache = cacheOf(request.provider)
  const { keyring, purpose, version } = request.context
  const id = `${keyring} ${purpose} ${version} ${toHex(request.wrapped)}`
  const shared = cache.get(id) ?? { key: unwrap(request), holders: 0 }
  cache.set(id, shared)
  shared.holders++
  const drop = () => {
    shared.holders--
    if (shared.holders === 0 && cache.get(id) === shared) cache.delete(id)
    return shared.holders === 0
  }
  try {
    const key = await shared.key
    return { key, release: onlyOnce(() => drop() && key.fill(0)) }
  } catch (error) {
    // A failure is not kept: the next holder asks the provider again.
    if (cache.get(id) === shared) cache.delete(id)
    throw error
  }
}

async function unwrap({ provider, context, wrapped, deadline, events, clock }: UnwrapRequest): Promise<Uint8Array> {
  const data = {
    keyring: context.keyring,
    provider: provider.id,
    purpose: context.purpose,
    keyVersion: context.version,
  }
  return recorded({ events, clock, deadline }, 'keyring.unwrap', data, async () => {
    const record = await callProvider(provider, deadline, (signal) => provider.unwrap(wrapped.slice(), context, signal))
    try {
      return decodeKeyRecord(context, record)
    } finally {
      record.fill(0)
    }
  })
}

/**
 * Calls a provider within the deadline and checks what it returns.
 *
 * @throws {CryptoError} `KEY_PROVIDER_FAILED` whatever went wrong; the provider's own error is its cause.
 */
export async function callProvider(
  provider: KeyProvider,
  deadline: number,
  call: (signal: AbortSignal) => Promise<Uint8Array>,
): Promise<Uint8Array> {
  const failed = (what: string, cause?: unknown) =>
    cryptoError('KEY_PROVIDER_FAILED', `key provider '${provider.id}' ${what}`, {
      status: 503,
      ...(cause !== undefined && { cause }),
    })
  const timedOut = failed(`did not answer within ${deadline} ms`)
  try {
    const result = await withDeadline(
      deadline,
      async (signal) => call(signal),
      () => timedOut,
    )
    if (result instanceof Uint8Array && result.length > 0 && result.length <= 4096) return result
  } catch (cause) {
    throw cause === timedOut ? timedOut : failed('failed', cause)
  }
  throw failed('did not return 1 to 4096 bytes')
}

function cacheOf(provider: KeyProvider): Map<string, Shared> {
  const cache = caches.get(provider) ?? new Map<string, Shared>()
  caches.set(provider, cache)
  return cache
}

function onlyOnce(work: () => void): () => void {
  let done = false
  return () => {
    if (!done) work()
    done = true
  }
}

function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}
