import { checkOptions } from '@mosaajii/core'
import { cryptoError } from '../errors.ts'
import type { KeyContext, KeyProvider } from '../key-provider.ts'
import { oneAtATime } from './derivations.ts'
import { joined, unwrapFailed, unwrapUnder, wrapOverhead, wrapUnder } from './local-wrap.ts'
import { costProblem, scrypt, type ScryptCost } from './scrypt.ts'
import { readPassphrase, readSecret } from './secret.ts'

/** A local provider's secret: 32 bytes. */
export interface LocalSecretOptions {
  /** 32 random bytes: a Uint8Array, 64 hexadecimal digits, or 43 or 44 characters of base64url or base64. It is copied. */
  readonly secret: Uint8Array | string
  /** Names the provider in events and in the key store, 1 to 200 characters. Never a secret. Default `local`. */
  readonly id?: string
}

/** A local provider's secret: a passphrase. */
export interface LocalPassphraseOptions {
  /** 16 to 1024 characters. Prefer a 32-byte secret: a passphrase can be guessed at offline by whoever has the key store. */
  readonly passphrase: string
  /** The cost of one guess, for keys that are wrapped from now on. Default N = 131072, r = 8, p = 1: 128 MiB and some tenths of a second. */
  readonly scrypt?: ScryptCost
  /** Names the provider in events and in the key store, 1 to 200 characters. Never a secret. Default `local`. */
  readonly id?: string
}

/** What {@link localKeyProvider} takes. */
export type LocalKeyProviderOptions = LocalSecretOptions | LocalPassphraseOptions

/** Gives the key that a header calls for, and the header that new keys are wrapped under. */
interface KeySource {
  readonly headerLength: number
  forWrapping(signal: AbortSignal): Promise<{ header: Uint8Array; key: Uint8Array }>
  forUnwrapping(header: Uint8Array, signal: AbortSignal): Promise<Uint8Array>
  /** Told after a header's key has unwrapped something. */
  verified?(header: Uint8Array): void
}

const maxInput = 512
const maxWrapped = 4096

/**
 * Wraps keys with a secret that this process holds: from its environment, a mounted file or an operator. Whoever has the secret and the
 * key store has the keys; a KMS or HSM keeps the secret out of the process.
 *
 * Wrapping is AES-256-GCM under a key of its own for each wrapped key, with a key commitment; keyring, purpose and version are
 * authenticated. A passphrase goes through scrypt (RFC 7914) once a process.
 *
 * @returns a provider that holds the secret in a closure: printing it shows the id.
 * @throws {TypeError} when the secret or passphrase has the wrong form or an option is unknown. No message shows a secret.
 * @throws {RangeError} when the secret is not 32 bytes or all its bytes are equal, the passphrase is too short or long, the cost is out of
 * bounds, or the id is empty or longer than 200 characters.
 * @example
 * const secret = crypto.getRandomValues(new Uint8Array(32)) // keep it: process.env.KEYRING_SECRET as base64url, for example
 * const keyring = await openKeyring({ provider: localKeyProvider({ secret }), store: fileKeyStore('keys'), events })
 */
export function localKeyProvider(options: LocalKeyProviderOptions): KeyProvider {
  const who = 'localKeyProvider'
  checkOptions(options, who, ['secret', 'passphrase', 'scrypt', 'id'])
  const id = options.id ?? 'local'
  if (typeof id !== 'string') throw new TypeError(`${who}: id must be a string`)
  if (id.length < 1 || id.length > 200) throw new RangeError(`${who}: id has 1 to 200 characters`)
  if (!('secret' in options || 'passphrase' in options))
    throw new TypeError(`${who}: give a secret of 32 bytes or a passphrase`)
  const source = 'secret' in options ? fromSecret(options, who) : fromPassphrase(options, who)
  return Object.freeze({
    id,
    wrap: (bytes: Uint8Array, context: KeyContext, signal: AbortSignal) => wrap(source, bytes, context, signal),
    unwrap: (wrapped: Uint8Array, context: KeyContext, signal: AbortSignal) => unwrap(source, wrapped, context, signal),
  })
}

async function wrap(
  source: KeySource,
  bytes: Uint8Array,
  context: KeyContext,
  signal: AbortSignal,
): Promise<Uint8Array> {
  signal.throwIfAborted()
  checkContext(context)
  if (!(bytes instanceof Uint8Array)) throw new TypeError('localKeyProvider: wrap takes a Uint8Array')
  if (bytes.length < 1 || bytes.length > maxInput)
    throw new RangeError(`localKeyProvider: wrap takes 1 to ${maxInput} bytes`)
  // A copy, because the caller may overwrite the bytes while a key is being derived.
  const copy = new Uint8Array(bytes)
  try {
    const { header, key } = await source.forWrapping(signal)
    signal.throwIfAborted()
    return joined(header, wrapUnder(key, header, context, copy))
  } finally {
    copy.fill(0)
  }
}

async function unwrap(
  source: KeySource,
  wrapped: Uint8Array,
  context: KeyContext,
  signal: AbortSignal,
): Promise<Uint8Array> {
  signal.throwIfAborted()
  checkContext(context)
  if (!(wrapped instanceof Uint8Array)) throw new TypeError('localKeyProvider: unwrap takes a Uint8Array')
  // Before any work: a store that hands out something else must not make us derive keys for it.
  const { headerLength } = source
  if (wrapped.length <= headerLength + wrapOverhead || wrapped.length > maxWrapped) throw unwrapFailed()
  const copy = new Uint8Array(wrapped)
  const header = copy.slice(0, headerLength)
  const key = await source.forUnwrapping(header, signal)
  signal.throwIfAborted()
  const bytes = unwrapUnder(key, header, context, copy.subarray(headerLength))
  source.verified?.(header)
  return bytes
}

function checkContext({ keyring, purpose, version }: KeyContext): void {
  if (typeof keyring !== 'string' || (purpose !== 'data' && purpose !== 'index')) {
    throw new TypeError("localKeyProvider: the context has a keyring's id and the purpose 'data' or 'index'")
  }
  if (!Number.isInteger(version) || version < 1 || version > 0xffff_ffff) {
    throw new RangeError('localKeyProvider: the version is a whole number from 1 to 4294967295')
  }
}

/** The header's first byte: which kind of secret, and the version of the form. */
const secretForm = 0x11
const passphraseForm = 0x12

function fromSecret(options: LocalSecretOptions, who: string): KeySource {
  if ('passphrase' in options || 'scrypt' in options)
    throw new TypeError(`${who}: give either a secret or a passphrase (with scrypt)`)
  const key = readSecret(options.secret, who)
  const header = Uint8Array.of(secretForm)
  return {
    headerLength: header.length,
    forWrapping: async () => ({ header, key }),
    async forUnwrapping(found) {
      if (found[0] !== secretForm) throw unwrapFailed()
      return key
    },
  }
}

const saltLength = 16

/** The header is `form 1 | log2(N) 1 | r 1 | p 1 | salt 16`. */
function fromPassphrase(options: LocalPassphraseOptions, who: string): KeySource {
  const passphrase = readPassphrase(options.passphrase, who)
  const ownCost = encodeCost(checkCost(options.scrypt, who))
  const derive = oneAtATime((header) => scrypt(passphrase, header.slice(-saltLength), decodeCost(header)))
  // New keys are wrapped under the salt that already unwrapped one, so that a process derives once.
  let current: Uint8Array | undefined
  return {
    headerLength: ownCost.length + saltLength,
    async forWrapping(signal) {
      const header = (current ??= joined(ownCost, globalThis.crypto.getRandomValues(new Uint8Array(saltLength))))
      return { header, key: await derive(header, signal) }
    },
    async forUnwrapping(header, signal) {
      // Before it waits for its turn: what can never succeed takes nobody's place.
      decodeCost(header)
      return derive(header, signal)
    },
    verified(header) {
      if (ownCost.every((byte, i) => byte === header[i])) current = header
    },
  }
}

function checkCost(cost: ScryptCost = { N: 2 ** 17, r: 8, p: 1 }, who: string): ScryptCost {
  checkOptions(cost, `${who}: scrypt`, ['N', 'r', 'p'])
  const problem = costProblem(cost)
  if (problem !== undefined) throw new RangeError(`${who}: scrypt: ${problem}`)
  return cost
}

function encodeCost({ N, r, p }: ScryptCost): Uint8Array {
  return Uint8Array.of(passphraseForm, Math.log2(N), r, p)
}

/** The cost stands where an attacker may write, so it is bounded again before any work is done. */
function decodeCost(header: Uint8Array): ScryptCost {
  const [form, log2N = 0, r = 0, p = 0] = header
  if (form !== passphraseForm) throw unwrapFailed()
  const cost = { N: log2N <= 30 ? 2 ** log2N : 0, r, p }
  const problem = costProblem(cost)
  if (problem === undefined) return cost
  throw cryptoError(
    'KEY_PROVIDER_FAILED',
    `localKeyProvider: the stored key asks for a forbidden scrypt cost: ${problem}`,
    { status: 503 },
  )
}
