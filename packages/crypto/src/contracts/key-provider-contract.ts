import type { KeyContext, KeyProvider } from '@mosaajii/crypto'
import { type ContractCase, contractCases, must, mustReject, sameBytes } from './contract.ts'

/** What {@link keyProviderContract} needs to know of an implementation. */
export interface KeyProviderContractOptions {
  /** Makes a provider. */
  readonly make: () => KeyProvider | Promise<KeyProvider>
  /** Makes the same provider once more, as another process would. Default: the same provider is used twice. */
  readonly again?: (provider: KeyProvider) => KeyProvider | Promise<KeyProvider>
  /** Whether wrapping the same bytes twice gives different results. Default `true`. */
  readonly randomized?: boolean
  /** Whether it authenticates the context; one that cannot leaves that to the record that the keyring wraps. Default `true`. */
  readonly bindsContext?: boolean
}

const context: KeyContext = { keyring: 'main', purpose: 'data', version: 7 }
const otherContexts: Readonly<Record<string, KeyContext>> = {
  'another keyring': { ...context, keyring: 'main2' },
  'a shorter keyring': { ...context, keyring: 'mai' },
  'another purpose': { ...context, purpose: 'index' },
  'another version': { ...context, version: 8 },
  'the version as a prefix': { ...context, version: 77 },
  'the highest version': { ...context, version: 0xffff_ffff },
}

/**
 * What every {@link KeyProvider} must do. Its results may be any `Uint8Array`: a `Buffer`, or a part of a longer array. The arrays that it
 * is given are its own until its promise settles, and those that it returns are the caller's, who overwrites them.
 *
 * @returns the cases, each with a name and a `run()` that rejects when the provider does something else.
 * @example
 * for (const { name, run } of keyProviderContract({ make: () => localKeyProvider({ secret }) })) test(name, run)
 */
export function keyProviderContract(options: KeyProviderContractOptions): readonly ContractCase[] {
  const { make, again = (provider) => provider, randomized = true, bindsContext = true } = options
  const cases = contractCases(make, {
    ...always,
    'unwraps what another process wrapped': async (provider) => {
      const bytes = sample(63)
      const wrapped = await (await again(provider)).wrap(bytes, context, never())
      const unwrapped = await (await again(provider)).unwrap(wrapped, context, never())
      must(sameBytes(unwrapped, bytes), 'another process unwrapped other bytes')
    },
    ...(randomized && { 'wraps the same bytes differently each time': wrapsDifferently }),
    ...(bindsContext && { 'refuses another context': refusesOtherContexts }),
  })
  return cases
}

const always: Readonly<Record<string, (provider: KeyProvider) => Promise<void>>> = {
  'has an id of 1 to 200 characters that stays the same': async (provider) => {
    const { id } = provider
    must(typeof id === 'string' && id.length >= 1 && id.length <= 200, 'the id is not 1 to 200 characters')
    must(provider.id === id, 'the id changed')
  },
  'unwraps what it wrapped, from 1 to 512 bytes': async (provider) => {
    for (const length of [1, 32, 63, 512]) {
      const bytes = sample(length)
      const wrapped = await provider.wrap(bytes, context, never())
      must(wrapped instanceof Uint8Array && wrapped.length <= 4096, 'wrap gave something else than at most 4096 bytes')
      must(sameBytes(bytes, sample(length)), 'wrap changed its input')
      const unwrapped = await provider.unwrap(wrapped, context, never())
      must(unwrapped instanceof Uint8Array, 'unwrap gave something else than a Uint8Array')
      must(sameBytes(unwrapped, bytes), `${length} bytes unwrapped to others`)
    }
  },
  'leaves what it unwraps as it is': async (provider) => {
    const wrapped = await provider.wrap(sample(63), context, never())
    const before = new Uint8Array(wrapped)
    const first = await provider.unwrap(wrapped, context, never())
    must(sameBytes(wrapped, before), 'unwrap changed its input')
    first.fill(0)
    must(
      sameBytes(await provider.unwrap(wrapped, context, never()), sample(63)),
      'wiping what was unwrapped spoilt the next unwrap',
    )
  },
  'keeps no array that it is given': async (provider) => {
    const bytes = sample(63)
    const wrapped = await provider.wrap(bytes, context, never())
    bytes.fill(0)
    const given = new Uint8Array(wrapped)
    const unwrapped = await provider.unwrap(given, context, never())
    must(sameBytes(unwrapped, sample(63)), 'overwriting what had been wrapped changed what is unwrapped')
    given.fill(0)
    must(sameBytes(unwrapped, sample(63)), 'overwriting what had been unwrapped changed the result')
  },
  'gives each caller an array of its own': async (provider) => {
    const wraps = [await provider.wrap(sample(63), context, never()), await provider.wrap(sample(40), context, never())]
    const [first, second] = wraps.map((wrapped) => new Uint8Array(wrapped))
    must(first !== undefined && second !== undefined, 'wrap gave nothing')
    for (const wrapped of wraps) wrapped.fill(0)
    const unwrapped = await provider.unwrap(first, context, never())
    const other = await provider.unwrap(second, context, never())
    const again = await provider.unwrap(first, context, never())
    other.fill(0)
    must(sameBytes(unwrapped, sample(63)) && sameBytes(again, sample(63)), 'a later call changed an earlier result')
    again.fill(0)
    must(sameBytes(unwrapped, sample(63)), 'two callers got the same array')
    const last = await provider.unwrap(first, context, never())
    must(sameBytes(last, sample(63)), 'wiping a result changed what is unwrapped later')
  },
  'hides the bytes that it wraps': async (provider) => {
    const wrapped = await provider.wrap(sample(63), context, never())
    must(!hex(wrapped).includes(hex(sample(63)).slice(0, 32)), 'the wrapped form has the bytes in the clear')
  },
  'refuses a change of any byte': async (provider) => {
    const wrapped = await provider.wrap(sample(63), context, never())
    for (let i = 0; i < wrapped.length; i++) {
      const changed = new Uint8Array(wrapped)
      changed[i] = (changed[i] ?? 0) ^ (1 << (i % 8))
      await mustReject(() => provider.unwrap(changed, context, never()), `byte ${i} of ${wrapped.length} may change`)
    }
  },
  'refuses truncated, extended and empty input': async (provider) => {
    const wrapped = await provider.wrap(sample(63), context, never())
    for (let length = 0; length < wrapped.length; length++) {
      await mustReject(
        () => provider.unwrap(wrapped.slice(0, length), context, never()),
        `${length} bytes of ${wrapped.length} unwrapped`,
      )
    }
    const extended = new Uint8Array(wrapped.length + 1)
    extended.set(wrapped)
    await mustReject(() => provider.unwrap(extended, context, never()), 'one byte more was ignored')
    await mustReject(() => provider.unwrap(sample(5000), context, never()), '5000 arbitrary bytes unwrapped')
  },
  'takes concurrent calls': async (provider) => {
    const versions = Array.from({ length: 16 }, (_, i) => i + 1)
    const roundTrips = versions.map(async (version) => {
      const bytes = sample(40 + version)
      const wrapped = await provider.wrap(bytes, { ...context, version }, never())
      return sameBytes(await provider.unwrap(wrapped, { ...context, version }, never()), bytes)
    })
    must((await Promise.all(roundTrips)).every(Boolean), 'concurrent calls mixed up their bytes')
  },
  'refuses to begin after the deadline': async (provider) => {
    const wrapped = await provider.wrap(sample(63), context, never())
    await mustReject(() => provider.wrap(sample(63), context, AbortSignal.abort()), 'wrap ignored an aborted signal')
    await mustReject(() => provider.unwrap(wrapped, context, AbortSignal.abort()), 'unwrap ignored an aborted signal')
  },
}

async function wrapsDifferently(provider: KeyProvider): Promise<void> {
  const wraps = await Promise.all([1, 2, 3].map(() => provider.wrap(sample(63), context, never())))
  must(new Set(wraps.map(hex)).size === 3, 'the same bytes were wrapped the same twice')
}

async function refusesOtherContexts(provider: KeyProvider): Promise<void> {
  const wrapped = await provider.wrap(sample(63), context, never())
  for (const [name, other] of Object.entries(otherContexts)) {
    await mustReject(() => provider.unwrap(wrapped, other, never()), `it unwrapped under ${name}`)
  }
}

function sample(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 151 + length) & 0xff)
}

function never(): AbortSignal {
  return new AbortController().signal
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}
