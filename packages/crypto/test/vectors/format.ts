// Format 1 as its description says it, on the plain reference of the tests. It shares no code with the package.
import { createHash } from 'node:crypto'
import { commitment, kcXaesOpen, xaesOpen, xaesSeal } from '../support/kc-xaes-reference.ts'

/** The algorithms by name, with the byte that stands for each. */
export const algorithms = { 'KC-XAES-256-GCM': 1, 'XAES-256-GCM': 2 } as const

/** The name of an algorithm. */
export type Algorithm = keyof typeof algorithms

/** What a value is bound to. */
export interface Context {
  readonly kind: 'text' | 'bytes' | 'transient'
  readonly tenant: string | null
  readonly table: string
  readonly column: string
  readonly schema: string | null
  /** A number stands for its decimal digits, which a bigint or a text may give just as well. */
  readonly row: string | number
}

/** One message, with everything that its token depends on besides the plaintext. */
export interface Message extends Context {
  readonly algorithm: Algorithm
  readonly key: Buffer
  readonly keyVersion: number
  readonly nonce: Buffer
}

/** Bytes that look random and are the same in every run. */
export function bytesNamed(name: string, length = 32): Buffer {
  return createHash('sha256').update(`mosaajii format-1 ${name}`).digest().subarray(0, length)
}

/** Four bytes, big-endian. */
export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

/** A length and UTF-8; an absent text has a length that no text can have. */
export function item(text: string | null): Buffer {
  if (text === null) return uint32(0xffffffff)
  const bytes = Buffer.from(text, 'utf8')
  return Buffer.concat([uint32(bytes.length), bytes])
}

/** The six bytes in front of every token. */
export function header(algorithm: number, keyVersion: number, version = 1): Buffer {
  return Buffer.concat([Buffer.from([version, algorithm]), uint32(keyVersion)])
}

/** The additional authenticated data. */
export function aadOf(algorithm: number, keyVersion: number, context: Context): Buffer {
  const { kind, tenant, table, column, schema, row } = context
  const items = ['mosaajii/crypto/field/v1', kind, tenant, table, column, schema, String(row)].map(item)
  return Buffer.concat([header(algorithm, keyVersion), ...items])
}

/** The eight bytes in front of a transient plaintext. */
export function expiryBytes(expiry: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64BE(BigInt(expiry))
  return bytes
}

/** Makes the bytes of a token. */
export function sealToken(message: Message, plaintext: Uint8Array): Buffer {
  const { algorithm, key, keyVersion, nonce } = message
  const number = algorithms[algorithm]
  const input = { key, nonce, aad: aadOf(number, keyVersion, message) }
  const { ciphertext, tag } = xaesSeal(input, plaintext)
  const committed = number === 1 ? commitment(key, nonce) : Buffer.alloc(0)
  return Buffer.concat([header(number, keyVersion), nonce, ciphertext, tag, committed])
}

/** Why a token does not open. The package tells nobody; vectors do. */
export type Refusal =
  | 'not canonical base64url'
  | 'too short'
  | 'unknown format version'
  | 'unknown algorithm'
  | 'algorithm not listed'
  | 'another key version'
  | 'wrong commitment'
  | 'wrong tag'
  | 'not UTF-8'
  | 'no expiry'
  | 'expired'

/** What a token is opened with. */
export interface Opening extends Context {
  readonly algorithms: readonly Algorithm[]
  readonly key: Buffer
  readonly keyVersion: number
  /** Milliseconds since 1970. Default: 0. */
  readonly now?: number
}

/** Opens a token: the text, for `bytes` in hex, or why it does not open. */
export function openToken(token: string, opening: Opening): { opened: string } | { refused: Refusal } {
  const bytes = Buffer.from(token, 'base64url')
  if (bytes.length === 0 || bytes.toString('base64url') !== token) return { refused: 'not canonical base64url' }
  if (bytes.length < 46) return { refused: 'too short' }
  if (bytes[0] !== 1) return { refused: 'unknown format version' }
  const algorithm = (Object.keys(algorithms) as Algorithm[]).find((name) => algorithms[name] === bytes[1])
  if (!algorithm) return { refused: 'unknown algorithm' }
  if (!opening.algorithms.includes(algorithm)) return { refused: 'algorithm not listed' }
  if (bytes.readUInt32BE(2) !== opening.keyVersion) return { refused: 'another key version' }
  if (algorithm === 'KC-XAES-256-GCM' && bytes.length < 78) return { refused: 'too short' }
  return decrypt(bytes, algorithm, opening)
}

function decrypt(bytes: Buffer, algorithm: Algorithm, opening: Opening): { opened: string } | { refused: Refusal } {
  const end = algorithm === 'KC-XAES-256-GCM' ? bytes.length - 32 : bytes.length
  const aad = aadOf(algorithms[algorithm], opening.keyVersion, opening)
  const input = { key: opening.key, nonce: bytes.subarray(6, 30), aad }
  const [ciphertext, tag, committed] = [
    bytes.subarray(30, end - 16),
    bytes.subarray(end - 16, end),
    bytes.subarray(end),
  ]
  try {
    const committing = algorithm === 'KC-XAES-256-GCM'
    const open = () => (committing ? kcXaesOpen(input, ciphertext, tag, committed) : xaesOpen(input, ciphertext, tag))
    return read(open(), opening)
  } catch (error) {
    return { refused: String(error).includes('commitment') ? 'wrong commitment' : 'wrong tag' }
  }
}

function read(plaintext: Buffer, { kind, now = 0 }: Opening): { opened: string } | { refused: Refusal } {
  if (kind === 'bytes') return { opened: plaintext.toString('hex') }
  if (kind === 'transient' && plaintext.length < 8) return { refused: 'no expiry' }
  if (kind === 'transient' && BigInt(now) > plaintext.readBigUInt64BE()) return { refused: 'expired' }
  const text = kind === 'transient' ? plaintext.subarray(8) : plaintext
  // Every UTF-8 text comes back byte by byte; a replaced byte does not.
  const decoded = text.toString('utf8')
  return Buffer.from(decoded, 'utf8').equals(text) ? { opened: decoded } : { refused: 'not UTF-8' }
}
