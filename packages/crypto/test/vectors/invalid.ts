// The tokens of format-1.json that must not open.
import { commitment, xaesSubkey } from '../support/kc-xaes-reference.ts'
import { salamander } from '../support/salamander.ts'
import {
  type Algorithm,
  aadOf,
  algorithms,
  bytesNamed,
  type Context,
  expiryBytes,
  header,
  type Message,
  type Refusal,
  sealToken,
} from './format.ts'
import { email, expiry, keyA } from './sealed.ts'

/** A token that must not open under the key and the context given with it. */
export interface InvalidVector extends Context {
  readonly name: string
  /** The first reason that a reader who goes through the token in its order finds. The package tells no reasons. */
  readonly why: Refusal
  /** What the field lists. */
  readonly algorithms: readonly Algorithm[]
  /** 32 bytes in hex. */
  readonly key: string
  readonly keyVersion: number
  /** The time at which it is opened, in milliseconds since 1970, where that matters. */
  readonly now?: number
  readonly token: string
}

/** Where what it is opened with differs from what {@link message} was sealed with. */
type Opened = Partial<Context & { key: Buffer; keyVersion: number; now: number; algorithms: readonly Algorithm[] }>
type Case = readonly [name: string, why: Refusal, token: Buffer | string, opened?: Opened]

const keyB = bytesNamed('key B')
const nonce = bytesNamed('nonce of the invalid tokens', 24)
const both: readonly Algorithm[] = ['KC-XAES-256-GCM', 'XAES-256-GCM']

const message: Message = { ...email, tenant: 'shop-7', schema: 'v2', row: '7', key: keyA, nonce }
const plainMessage: Message = { ...message, algorithm: 'XAES-256-GCM' }
const bytesMessage: Message = { ...message, kind: 'bytes' }
const transientMessage: Message = { ...message, kind: 'transient', table: 'payments', column: 'one_time_code' }

const text = Buffer.from('ada@example.com')
const good = sealToken(message, text)
const plain = sealToken(plainMessage, text)
const transient = sealToken(transientMessage, Buffer.concat([expiryBytes(expiry), Buffer.from('123')]))
const withoutCommitment = good.subarray(0, -32)

/** The token with one bit changed; from the end where `at` is below 0. */
function flipped(token: Buffer, at: number, bit = 1): Buffer {
  const changed = Buffer.from(token)
  const index = at < 0 ? changed.length + at : at
  changed[index] = (changed[index] ?? 0) ^ bit
  return changed
}

/** The token with another header. */
function relabelled(token: Buffer, algorithm: number, keyVersion = 1, version = 1): Buffer {
  return Buffer.concat([header(algorithm, keyVersion, version), token.subarray(6)])
}

/** One ciphertext that GCM opens under both keys; where the algorithm has a commitment, it is to key A. */
function twoKeyed(message: Message): Buffer {
  const { algorithm, keyVersion, nonce } = message
  const number = algorithms[algorithm]
  const aad = aadOf(number, keyVersion, message)
  const { ciphertext, tag } = salamander({
    keyA: xaesSubkey(keyA, nonce),
    aadA: aad,
    textA: text,
    keyB: xaesSubkey(keyB, nonce),
    aadB: aad,
    textB: Buffer.from('mallory@example.com'),
    nonce: nonce.subarray(12),
  })
  const committed = number === 1 ? commitment(keyA, nonce) : Buffer.alloc(0)
  return Buffer.concat([header(number, keyVersion), nonce, ciphertext, tag, committed])
}

const twoKeyedKc = twoKeyed(bytesMessage)
const twoKeyedPlain = twoKeyed({ ...plainMessage, kind: 'bytes' })

const keyCases: readonly Case[] = [
  ['commitment with its first bit changed', 'wrong commitment', flipped(good, -32, 0x80)],
  ['commitment with its last bit changed', 'wrong commitment', flipped(good, -1)],
  ['commitment of zeros', 'wrong commitment', Buffer.concat([withoutCommitment, Buffer.alloc(32)])],
  ['commitment of another key', 'wrong commitment', Buffer.concat([withoutCommitment, commitment(keyB, nonce)])],
  ['another key', 'wrong commitment', good, { key: keyB }],
  ['another key, plain XAES', 'wrong tag', plain, { key: keyB, algorithms: both }],
  [
    'salamander under the key that it is not committed to',
    'wrong commitment',
    twoKeyedKc,
    { key: keyB, kind: 'bytes' },
  ],
  ...[keyA, keyB].flatMap((key, at): Case[] => [
    [
      `salamander relabelled as plain XAES, key ${at + 1}`,
      'wrong tag',
      relabelled(twoKeyedKc.subarray(0, -32), 2),
      { key, kind: 'bytes', algorithms: both },
    ],
    [
      `plain salamander where the field lists KC-XAES alone, key ${at + 1}`,
      'algorithm not listed',
      twoKeyedPlain,
      { key, kind: 'bytes' },
    ],
  ]),
]

const headerCases: readonly Case[] = [
  ['format version 0', 'unknown format version', relabelled(good, 1, 1, 0)],
  ['format version 2', 'unknown format version', relabelled(good, 1, 1, 2)],
  ['algorithm 0', 'unknown algorithm', relabelled(good, 0), { algorithms: both }],
  ['algorithm 3', 'unknown algorithm', relabelled(good, 3), { algorithms: both }],
  ['algorithm 255', 'unknown algorithm', relabelled(good, 255), { algorithms: both }],
  ['a key version that is not there', 'another key version', relabelled(good, 1, 2)],
  ['another key version that has the same key', 'wrong tag', relabelled(good, 1, 2), { keyVersion: 2 }],
  ['plain XAES where the field lists KC-XAES alone', 'algorithm not listed', plain],
  ['relabelled as plain, commitment kept', 'wrong tag', relabelled(good, 2), { algorithms: both }],
  ['relabelled as plain, commitment removed', 'wrong tag', relabelled(withoutCommitment, 2), { algorithms: both }],
  ['relabelled as plain where the field lists KC-XAES alone', 'algorithm not listed', relabelled(withoutCommitment, 2)],
  [
    'plain relabelled as KC-XAES with the true commitment',
    'wrong tag',
    Buffer.concat([relabelled(plain, 1), commitment(keyA, nonce)]),
    { algorithms: both },
  ],
]

const base64url = good.toString('base64url')
// 78 + 16 bytes are no whole groups of three: four bits of the last character are unused.
const unaligned = sealToken(message, Buffer.from('ada@example.com.')).toString('base64url')
const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
const unusedBitSet = unaligned.slice(0, -1) + alphabet.charAt(alphabet.indexOf(unaligned.slice(-1)) + 1)

const byteCases: readonly Case[] = [
  ['tag changed', 'wrong tag', flipped(good, -33)],
  ['ciphertext changed', 'wrong tag', flipped(good, 30)],
  ['nonce changed in its first half', 'wrong commitment', flipped(good, 6)],
  ['nonce changed in its second half', 'wrong commitment', flipped(good, 29)],
  ['last byte missing', 'wrong commitment', good.subarray(0, -1)],
  ['a byte of the ciphertext missing', 'wrong tag', Buffer.concat([good.subarray(0, 30), good.subarray(31)])],
  ['one byte more', 'wrong commitment', Buffer.concat([good, Buffer.alloc(1)])],
  ['77 bytes', 'too short', good.subarray(0, 77)],
  ['45 bytes of plain XAES', 'too short', plain.subarray(0, 45), { algorithms: both }],
  ['the header alone', 'too short', good.subarray(0, 6)],
  ['one byte', 'too short', good.subarray(0, 1)],
  ['nothing', 'not canonical base64url', ''],
  ['padding', 'not canonical base64url', `${unaligned}==`],
  ['an unused bit set', 'not canonical base64url', unusedBitSet],
  ['a length that base64url never has', 'not canonical base64url', `${base64url}A`],
  ['the other alphabet of base64', 'not canonical base64url', good.toString('base64')],
  ['a line break behind it', 'not canonical base64url', `${base64url}\n`],
  ['a space in it', 'not canonical base64url', `${base64url.slice(0, 40)} ${base64url.slice(40)}`],
  ['ordinary text', 'not canonical base64url', 'ada@example.com'],
  ['hex instead of base64url', 'unknown format version', `${good.toString('hex')}00`],
]

const contextCases: readonly Case[] = [
  ['another row', 'wrong tag', good, { row: '8' }],
  ['the row with a zero before it', 'wrong tag', good, { row: '07' }],
  ['another tenant', 'wrong tag', good, { tenant: 'shop-8' }],
  ['no tenant', 'wrong tag', good, { tenant: null }],
  ['another table', 'wrong tag', good, { table: 'staff' }],
  ['another column', 'wrong tag', good, { column: 'phone' }],
  ['another schema', 'wrong tag', good, { schema: 'v1' }],
  ['no schema', 'wrong tag', good, { schema: null }],
  ['table and column cut elsewhere', 'wrong tag', good, { table: 'customerse', column: 'mail' }],
  ['tenant and schema exchanged', 'wrong tag', good, { tenant: 'v2', schema: 'shop-7' }],
  ['text opened as bytes', 'wrong tag', good, { kind: 'bytes' }],
  ['bytes opened as text', 'wrong tag', sealToken(bytesMessage, text)],
  ['text in overlong UTF-8', 'not UTF-8', sealToken(message, Buffer.from('c0af', 'hex'))],
  ['text with a surrogate in UTF-8', 'not UTF-8', sealToken(message, Buffer.from('eda080', 'hex'))],
  ['transient after its end', 'expired', transient, { ...transientMessage, now: expiry + 1 }],
  ['transient opened as text', 'wrong tag', transient, { ...transientMessage, kind: 'text', now: expiry - 1 }],
  [
    'transient too short for an expiry',
    'no expiry',
    sealToken(transientMessage, expiryBytes(expiry).subarray(0, 7)),
    { ...transientMessage, now: expiry - 1 },
  ],
]

/** The vectors, in the order of the file. */
export function invalidVectors(): InvalidVector[] {
  return [...keyCases, ...headerCases, ...byteCases, ...contextCases].map(([name, why, token, opened]) => {
    const opening = { ...message, algorithms: ['KC-XAES-256-GCM'] as const, ...opened }
    const { algorithms, key, keyVersion, kind, tenant, table, column, schema, row } = opening
    return {
      name,
      why,
      algorithms,
      key: key.toString('hex'),
      keyVersion,
      kind,
      tenant,
      table,
      column,
      schema,
      row,
      ...(opened?.now === undefined ? {} : { now: opened.now }),
      token: typeof token === 'string' ? token : token.toString('base64url'),
    }
  })
}
