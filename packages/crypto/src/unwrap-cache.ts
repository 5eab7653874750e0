import { type Clock, type EventSink, isSecurityError } from '@mosaajii/core'
import { toBase64url } from './base64url.ts'
import { copyBytes } from './byte-input.ts'
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

const caches = new WeakMap<KeyProvider, Map<string, SharedKey>>()

/**
 * Unwraps a key, once a process for each provider: concurrent cold starts and later holders share one call. Every sink records that the key
 * was opened, before its holder has it. The last holder's release overwrites the key.
 *
 * @throws {CryptoError} `KEY_PROVIDER_FAILED`, or `EVENT_NOT_RECORDED` and then this holder does not get the key.
 */
export async function holdKey(request: UnwrapRequest): Promise<HeldKey> {
  const cache = cacheOf(request.provider)
  const { keyring, purpose, version } = request.context
  const id = `${keyring} ${purpose} ${version} ${toBase64url(request.wrapped)}`
  const shared = cache.get(id) ?? new SharedKey(() => cache.delete(id))
  cache.set(id, shared)
  const release = shared.hold()
  try {
    return { key: await shared.keyFor(request), release }
  } catch (error) {
    release()
    throw error
  }
}

/** One key of one provider, and who uses it. */
class SharedKey {
  #holders = 0
  #key: Promise<Uint8Array> | undefined
  #bytes: Uint8Array | undefined
  readonly #recorded = new Map<EventSink, Promise<Uint8Array>>()
  readonly #forget: () => void

  constructor(forget: () => void) {
    this.#forget = forget
  }

  /** Counts a holder. The function that is returned ends its use, once. */
  hold(): () => void {
    this.#holders++
    let held = true
    return () => {
      if (held) this.#holders--
      if (held && this.#holders === 0) this.#end()
      held = false
    }
  }

  /** The key, when the holder's own sink has recorded that it was opened, and within the holder's own deadline. */
  async keyFor(request: UnwrapRequest): Promise<Uint8Array> {
    const { events, deadline, provider } = request
    const known = this.#recorded.get(events)
    if (known)
      return withDeadline(
        deadline,
        async () => known,
        () => timedOut(provider, deadline),
      )
    const key = this.#record(request)
    this.#recorded.set(events, key)
    // A failure is not kept: the next holder asks again.
    key.catch(() => this.#recorded.delete(events))
    return key
  }

  async #record(request: UnwrapRequest): Promise<Uint8Array> {
    const { provider, context, deadline } = request
    const { keyring, purpose, version } = context
    const data = { keyring, provider: provider.id, purpose, keyVersion: version }
    return recorded(request, 'keyring.unwrap', data, async () => {
      this.#key ??= unwrap(request).catch((error: unknown) => {
        this.#key = undefined
        throw error
      })
      const key = this.#key
      this.#bytes = await withDeadline(
        deadline,
        async () => key,
        () => timedOut(provider, deadline),
      )
      return this.#bytes
    })
  }

  #end(): void {
    this.#forget()
    this.#bytes?.fill(0)
    // Still under way: nobody waits for it any more.
    this.#key?.then((key) => key.fill(0)).catch(() => undefined)
  }
}

async function unwrap({ provider, context, wrapped, deadline }: UnwrapRequest): Promise<Uint8Array> {
  let returned: Uint8Array | undefined
  let record: Uint8Array | undefined
  try {
    record = await callProvider(provider, deadline, async (signal) => {
      returned = await provider.unwrap(new Uint8Array(wrapped), context, signal)
      // Too late: nobody will take it.
      if (signal.aborted) wipe(returned)
      return returned
    })
    return decodeKeyRecord(context, record)
  } finally {
    wipe(returned)
    wipe(record)
  }
}

function wipe(bytes: Uint8Array | undefined): void {
  // Memory that was given away has no length, and cannot be filled.
  if (bytes instanceof Uint8Array && bytes.length > 0) bytes.fill(0)
}

/**
 * Calls a provider within the deadline and checks what it returns.
 *
 * @returns a copy; the provider's own array is left to it.
 * @throws {CryptoError} `KEY_PROVIDER_FAILED` whatever went wrong; the provider's own error is its cause.
 */
export async function callProvider(
  provider: KeyProvider,
  deadline: number,
  call: (signal: AbortSignal) => Promise<Uint8Array>,
): Promise<Uint8Array> {
  const late = timedOut(provider, deadline)
  try {
    const returned = await withDeadline(
      deadline,
      async (signal) => call(signal),
      () => late,
    )
    const bytes = copyBytes(returned, maxReturned, () => failed(provider, returnedWrong))
    if (bytes && bytes.length > 0) return bytes
  } catch (cause) {
    throw isSecurityError(cause) && cause.code === 'KEY_PROVIDER_FAILED' ? cause : failed(provider, 'failed', cause)
  }
  throw failed(provider, returnedWrong)
}

const maxReturned = 4096
const returnedWrong = `did not return 1 to ${maxReturned} bytes`

function timedOut(provider: KeyProvider, deadline: number): Error {
  return failed(provider, `did not answer within ${deadline} ms`)
}

function failed(provider: KeyProvider, what: string, cause?: unknown): Error {
  const message = `key provider '${provider.id}' ${what}`
  return cryptoError('KEY_PROVIDER_FAILED', message, { status: 503, ...(cause !== undefined && { cause }) })
}

function cacheOf(provider: KeyProvider): Map<string, SharedKey> {
  const cache = caches.get(provider) ?? new Map<string, SharedKey>()
  caches.set(provider, cache)
  return cache
}
