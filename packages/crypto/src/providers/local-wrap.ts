import { gcm } from '@noble/ciphers/aes.js'
import { hkdf } from '@noble/hashes/hkdf.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { cryptoError, type CryptoError } from '../errors.ts'
import type { KeyContext } from '../key-provider.ts'

const domain = 'mosaajii/crypto/local-wrap/v1'
const text = new TextEncoder()
const seedLength = 24
const tagLength = 16
const commitmentLength = 32

/** What stands around a wrapped key: the longest and shortest input are the port's. */
export const wrapOverhead: number = seedLength + tagLength + commitmentLength

/**
 * Wraps bytes under a 32-byte key: `seed 24 | ciphertext | tag 16 | commitment 32`. HKDF-SHA-256 (RFC 5869) with the random seed as salt
 * gives each message its own AES-256-GCM key and nonce, so nothing has to be counted, and a commitment to the key, so that no wrapped key
 * opens under two of them.
 *
 * @param header what precedes the result in the stored form; it is authenticated.
 */
export function wrapUnder(key: Uint8Array, header: Uint8Array, context: KeyContext, bytes: Uint8Array): Uint8Array {
  const seed = globalThis.crypto.getRandomValues(new Uint8Array(seedLength))
  const { cipherKey, nonce, commitment } = messageKeys(key, seed)
  const sealed = gcm(cipherKey, nonce, contextBytes(header, context)).encrypt(bytes)
  cipherKey.fill(0)
  return joined(seed, sealed, commitment)
}

/**
 * Unwraps what {@link wrapUnder} returned.
 *
 * @throws {CryptoError} `KEY_PROVIDER_FAILED`, the same for every cause.
 */
export function unwrapUnder(key: Uint8Array, header: Uint8Array, context: KeyContext, wrapped: Uint8Array): Uint8Array {
  if (wrapped.length <= wrapOverhead) throw unwrapFailed()
  const { cipherKey, nonce, commitment } = messageKeys(key, wrapped.subarray(0, seedLength))
  const end = wrapped.length - commitmentLength
  try {
    if (!equalInConstantTime(commitment, wrapped.subarray(end))) throw unwrapFailed()
    return gcm(cipherKey, nonce, contextBytes(header, context)).decrypt(wrapped.slice(seedLength, end))
  } catch {
    throw unwrapFailed()
  } finally {
    cipherKey.fill(0)
  }
}

/** A `KEY_PROVIDER_FAILED` error that says what to look at. */
export function unwrapFailed(): CryptoError {
  const message =
    'localKeyProvider: the key does not unwrap: another secret or passphrase, or the key store was changed'
  return cryptoError('KEY_PROVIDER_FAILED', message, { status: 503 })
}

function messageKeys(
  key: Uint8Array,
  seed: Uint8Array,
): { cipherKey: Uint8Array; nonce: Uint8Array; commitment: Uint8Array } {
  const derived = hkdf(sha256, key, seed, text.encode(domain), 76)
  return { cipherKey: derived.subarray(0, 32), nonce: derived.subarray(32, 44), commitment: derived.subarray(44) }
}

/** Each item after its length, so that no two contexts have the same bytes. */
function contextBytes(header: Uint8Array, { keyring, purpose, version }: KeyContext): Uint8Array {
  const items = [text.encode(domain), header, text.encode(keyring), text.encode(purpose), text.encode(String(version))]
  return joined(...items.flatMap((item) => [uint32(item.length), item]))
}

function uint32(value: number): Uint8Array {
  const bytes = new Uint8Array(4)
  new DataView(bytes.buffer).setUint32(0, value)
  return bytes
}

/** The parts, one after the other, in a new array. */
export function joined(...parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((length, part) => length + part.length, 0))
  let offset = 0
  for (const part of parts) {
    all.set(part, offset)
    offset += part.length
  }
  return all
}

function equalInConstantTime(a: Uint8Array, b: Uint8Array): boolean {
  let difference = a.length ^ b.length
  for (let i = 0; i < a.length; i++) difference |= (a[i] ?? 0) ^ (b[i] ?? 0)
  return difference === 0
}
