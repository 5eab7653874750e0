// The tokens of format-1.json that open.
import { createHash } from 'node:crypto'
import { type Algorithm, bytesNamed, type Context, expiryBytes, sealToken } from './format.ts'

/** One value and the token that it has to become. */
export interface SealedVector extends Context {
  readonly name: string
  readonly algorithm: Algorithm
  /** 32 bytes in hex. */
  readonly key: string
  readonly keyVersion: number
  /** 24 bytes in hex. */
  readonly nonce: string
  /** Text, for `bytes` in hex; a long one as what is repeated how often. */
  readonly plaintext: string | { readonly repeat: string; readonly times: number }
  /** Of a transient value: when it ends, in milliseconds since 1970. It opens before that. */
  readonly expiry?: number
  /** Absent where it is long. */
  readonly token?: string
  /** Where the token is long: its SHA-256 in hex. */
  readonly tokenSha256?: string
}

/** The key of all sealed vectors. */
export const keyA: Buffer = bytesNamed('key A')

interface Defaults extends Context {
  readonly algorithm: Algorithm
  readonly keyVersion: number
}

/** The context of a vector that asks for nothing else. */
export const email: Defaults = {
  algorithm: 'KC-XAES-256-GCM',
  keyVersion: 1,
  kind: 'text',
  tenant: null,
  table: 'customers',
  column: 'email',
  schema: null,
  row: '01890a5d-ac96-774b-bcce-b302099a8057',
}

/** When the transient values end. */
export const expiry: number = Date.UTC(2026, 0, 1, 1)

interface Wish extends Partial<Defaults> {
  readonly name: string
  readonly plaintext: SealedVector['plaintext']
  readonly expiry?: number
  /** What the nonce is named after. Default: the vector. */
  readonly nonceOf?: string
}

const photo = { kind: 'bytes', column: 'photo' } as const
const cvv = { kind: 'transient', table: 'payments', column: 'cvv' } as const
const ada = 'ada@example.com'

const wishes: readonly Wish[] = [
  { name: 'text', plaintext: ada },
  { name: 'empty text', plaintext: '' },
  { name: 'one character', plaintext: 'x' },
  { name: 'text of one AES block', plaintext: '4111111111111111' },
  {
    name: 'text of many scripts',
    plaintext: 'Größe \u20ac 12,50 \u2013 \u0642\u06cc\u0645\u062a \u4ef7\u683c \u{1f4b3}',
  },
  { name: 'text that begins with a BOM', plaintext: '\ufeffada@example.com' },
  { name: 'composed text', plaintext: 'Jos\u00e9' },
  { name: 'decomposed text, which stays so', plaintext: 'Jose\u0301' },
  { name: 'text with NUL and line breaks', plaintext: 'a\0b\r\nc\u2028d' },
  { name: 'text of 65536 bytes', plaintext: { repeat: 'x', times: 65_536 } },
  { name: 'text of 65535 bytes in 21845 characters', plaintext: { repeat: '\u20ac', times: 21_845 } },
  { name: 'a tenant', tenant: 'shop-7', plaintext: ada },
  { name: 'a schema', schema: 'v2', plaintext: ada },
  { name: 'a tenant and a schema', tenant: 'shop-7', schema: 'v2', plaintext: ada },
  { name: 'names in Unicode', tenant: 'فروشگاه', table: 'Käufer', column: '電話', plaintext: '+44 20 7946 0958' },
  { name: 'row 7 as a number', row: 7, nonceOf: 'row 7', plaintext: ada },
  { name: 'row 7 as text: the same token', row: '7', nonceOf: 'row 7', plaintext: ada },
  { name: 'row 007: another row', row: '007', nonceOf: 'row 7', plaintext: ada },
  { name: 'row 0', row: 0, plaintext: ada },
  { name: 'a row below 0', row: -42, plaintext: ada },
  { name: 'the greatest row that a number can be', row: Number.MAX_SAFE_INTEGER, plaintext: ada },
  { name: 'a row that only a bigint or a text can be', row: '18446744073709551615', plaintext: ada },
  { name: 'a row in Unicode', row: 'Kunde \u{1f6d2} \u2116 7', plaintext: ada },
  { name: 'key version 65536', keyVersion: 65_536, plaintext: ada },
  { name: 'key version 2^31', keyVersion: 2 ** 31, plaintext: ada },
  { name: 'the greatest key version', keyVersion: 2 ** 32 - 1, plaintext: ada },
  { name: 'bytes', ...photo, plaintext: '89504e470d0a1a0a00ff' },
  { name: 'no bytes', ...photo, plaintext: '' },
  { name: 'bytes that are no UTF-8', ...photo, plaintext: 'ff00fec0af80' },
  { name: 'transient', ...cvv, expiry, plaintext: '123' },
  { name: 'empty transient', ...cvv, expiry: expiry + 999, plaintext: '' },
  { name: 'XAES text', algorithm: 'XAES-256-GCM', plaintext: ada },
  { name: 'XAES empty text', algorithm: 'XAES-256-GCM', plaintext: '' },
  { name: 'XAES bytes', algorithm: 'XAES-256-GCM', ...photo, plaintext: '00ff' },
  {
    name: 'XAES transient with everything',
    algorithm: 'XAES-256-GCM',
    keyVersion: 258,
    ...cvv,
    tenant: 'shop-7',
    schema: 'v2',
    row: 7,
    expiry,
    plaintext: '1234',
  },
]

/** The vectors, in the order of the file. */
export function sealedVectors(): SealedVector[] {
  return wishes.map(({ name, nonceOf = name, plaintext, expiry, ...rest }) => {
    const context = { ...email, ...rest }
    const nonce = bytesNamed(`nonce of ${nonceOf}`, 24)
    const token = sealToken({ ...context, key: keyA, nonce }, bytesOf(context.kind, plaintext, expiry)).toString(
      'base64url',
    )
    const long = token.length > 1000
    return {
      name,
      ...context,
      key: keyA.toString('hex'),
      nonce: nonce.toString('hex'),
      plaintext,
      ...(expiry === undefined ? {} : { expiry }),
      ...(long ? { tokenSha256: createHash('sha256').update(token).digest('hex') } : { token }),
    }
  })
}

function bytesOf(kind: Context['kind'], plaintext: SealedVector['plaintext'], expiry: number | undefined): Buffer {
  const bytes = Buffer.from(textOf(plaintext), kind === 'bytes' ? 'hex' : 'utf8')
  return expiry === undefined ? bytes : Buffer.concat([expiryBytes(expiry), bytes])
}

/** A plaintext in full. */
export function textOf(plaintext: SealedVector['plaintext']): string {
  return typeof plaintext === 'string' ? plaintext : plaintext.repeat.repeat(plaintext.times)
}
