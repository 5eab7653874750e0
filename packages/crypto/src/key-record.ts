import { cryptoError } from './errors.ts'
import type { KeyContext, KeyPurpose } from './key-provider.ts'

/** The length of every key: AES-256, or the root of the blind-index keys. */
export const keyLength = 32

const magic = 'MSJK1'
const purposes: Readonly<Record<KeyPurpose, number>> = { data: 1, index: 2 }
/** What the key is used with: the XAES family, or HKDF and HMAC-SHA-256. */
const algorithms: Readonly<Record<KeyPurpose, number>> = { data: 1, index: 2 }

/**
 * What a provider wraps: `magic 5 | purpose 1 | algorithm 1 | version 4 | keyring id length 1 | keyring id | key 32`. Everything before the
 * key says which key it is, so a store that swaps wrapped keys is found out even where the provider ignores the context.
 */
export function encodeKeyRecord(context: KeyContext, key: Uint8Array): Uint8Array {
  const prefix = recordPrefix(context)
  const record = new Uint8Array(prefix.length + keyLength)
  record.set(prefix)
  record.set(key, prefix.length)
  return record
}

/**
 * Takes the key out of an unwrapped record.
 *
 * @throws {CryptoError} `KEY_PROVIDER_FAILED` when the record is of another keyring, purpose, version or algorithm, or its key is all zero.
 */
export function decodeKeyRecord(context: KeyContext, record: Uint8Array): Uint8Array {
  const prefix = recordPrefix(context)
  const matches = record.length === prefix.length + keyLength && prefix.every((byte, i) => byte === record[i])
  if (!matches) throw mismatch(context, "to another key's record")
  // A copy by construction: `slice` of a Buffer would be a view of the provider's memory, which is overwritten in a moment.
  const key = new Uint8Array(record.subarray(prefix.length))
  if (key.some((byte) => byte !== 0)) return key
  throw mismatch(context, 'to an empty key')
}

function mismatch({ keyring, purpose, version }: KeyContext, what: string): Error {
  return cryptoError('KEY_PROVIDER_FAILED', `the ${purpose} key ${version} of keyring '${keyring}' unwrapped ${what}`, {
    status: 503,
  })
}

function recordPrefix({ keyring, purpose, version }: KeyContext): Uint8Array {
  const id = new TextEncoder().encode(keyring)
  const prefix = new Uint8Array(magic.length + 7 + id.length)
  prefix.set(new TextEncoder().encode(magic))
  prefix.set([purposes[purpose], algorithms[purpose]], magic.length)
  new DataView(prefix.buffer).setUint32(magic.length + 2, version)
  prefix[magic.length + 6] = id.length
  prefix.set(id, magic.length + 7)
  return prefix
}
