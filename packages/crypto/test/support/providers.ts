import { type KeyContext, type KeyProvider, localKeyProvider } from '@mosaajii/crypto'

/** One call of a provider, as it was made. */
export interface ProviderCall extends KeyContext {
  readonly what: 'wrap' | 'unwrap'
  readonly signal: AbortSignal
  /** A copy of the bytes that it was given. */
  readonly bytes: Uint8Array
  /** The array itself, to see whether it was overwritten. */
  readonly given: Uint8Array
}

export interface WatchedProvider extends KeyProvider {
  readonly calls: readonly ProviderCall[]
  /** The calls of one kind, as `data 1`. */
  made(what: 'wrap' | 'unwrap'): readonly string[]
  /** Called in place of the provider; `undefined` lets the provider answer. */
  answer(instead: ((call: ProviderCall) => Promise<Uint8Array> | undefined) | undefined): void
  /** What the provider itself answers to a call. */
  through(call: ProviderCall): Promise<Uint8Array>
  /** Every array that the provider returned. */
  readonly returned: readonly Uint8Array[]
}

/** A provider whose calls a test can count, and answer in its place. */
export function watchedProvider(inner: KeyProvider = localKeyProvider({ secret: randomSecret() })): WatchedProvider {
  const calls: ProviderCall[] = []
  const returned: Uint8Array[] = []
  let instead: ((call: ProviderCall) => Promise<Uint8Array> | undefined) | undefined
  const call = async (what: 'wrap' | 'unwrap', given: Uint8Array, context: KeyContext, signal: AbortSignal) => {
    const made = { what, ...context, signal, bytes: given.slice(), given }
    calls.push(made)
    const answer = await (instead?.(made) ?? inner[what](given, context, signal))
    if (answer instanceof Uint8Array) returned.push(answer)
    return answer
  }
  return {
    id: inner.id,
    calls,
    returned,
    made: (what) => calls.filter((one) => one.what === what).map(({ purpose, version }) => `${purpose} ${version}`),
    through: async ({ what, given, signal, keyring, purpose, version }) =>
      inner[what](given, { keyring, purpose, version }, signal),
    answer: (next) => {
      instead = next
    },
    wrap: (bytes, context, signal) => call('wrap', bytes, context, signal),
    unwrap: (bytes, context, signal) => call('unwrap', bytes, context, signal),
  }
}

/** A provider that ignores the context, as some KMS do: only the record tells its keys apart. It hides nothing. */
export function laxProvider(id = 'lax'): KeyProvider {
  const flip = async (bytes: Uint8Array) => bytes.map((byte) => byte ^ 0x5a)
  return { id, wrap: flip, unwrap: flip }
}

export function randomSecret(): Uint8Array {
  return globalThis.crypto.getRandomValues(new Uint8Array(32))
}

/** A promise to settle from outside. */
export function gate<T = void>(): { readonly passed: Promise<T>; open(value: T): void; fail(error: Error): void } {
  let open: (value: T) => void = () => undefined
  let fail: (error: Error) => void = () => undefined
  const passed = new Promise<T>((resolve, reject) => {
    open = resolve
    fail = reject
  })
  passed.catch(() => undefined)
  return { passed, open, fail }
}
