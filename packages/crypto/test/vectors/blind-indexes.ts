// The blind-index tokens of format-1.json.
import { createHmac, hkdfSync } from 'node:crypto'
import { bytesNamed, item } from './format.ts'

/** One value and its blind-index token. */
export interface BlindIndexVector {
  readonly name: string
  /** The index root of this version, 32 bytes in hex. */
  readonly root: string
  readonly version: number
  readonly tenant: string | null
  readonly table: string
  readonly column: string
  readonly index: string
  readonly normalizer: 'email' | 'phone' | 'digits' | 'exact'
  readonly bits: number
  /** HKDF-SHA-256 of the root, 32 bytes in hex. */
  readonly indexKey: string
  readonly value: string
  readonly normalForm: string
  readonly token: string
}

const root = bytesNamed('index root')

type Names = Pick<BlindIndexVector, 'version' | 'tenant' | 'table' | 'column' | 'index' | 'normalizer' | 'bits'>

const email: Names = {
  version: 1,
  tenant: null,
  table: 'customers',
  column: 'email',
  index: 'email',
  normalizer: 'email',
  bits: 14,
}

interface Wish extends Partial<Names> {
  readonly name: string
  readonly value: string
  readonly normalForm: string
}

const ada = { value: 'ada@example.com', normalForm: 'ada@example.com' }
const widths = [3, 7, 8, 9, 12, 15, 16, 17, 31, 32, 33, 39, 64, 128, 255, 256]

// The normal forms are written by hand: they are what the normalisers have to find.
const wishes: readonly Wish[] = [
  { name: 'email', value: ' Ada@Example.COM ', normalForm: 'ada@example.com' },
  { name: 'email, decomposed', value: 'Jose\u0301@example.com', normalForm: 'jos\u00e9@example.com' },
  { name: 'phone', column: 'phone', normalizer: 'phone', value: '0044 20 7946-0958', normalForm: '+442079460958' },
  { name: 'digits', column: 'pan', normalizer: 'digits', value: '4111 1111 1111 1111', normalForm: '4111111111111111' },
  { name: 'exact', column: 'name', normalizer: 'exact', value: ' Ada \u20ac', normalForm: ' Ada \u20ac' },
  { name: 'a tenant', tenant: 'shop-7', ...ada },
  { name: 'another table', table: 'staff', ...ada },
  { name: 'another index', index: 'email_login', ...ada },
  { name: 'names in Unicode', tenant: 'فروشگاه', table: 'Käufer', column: '電話', index: '\u{1f50d}', ...ada },
  { name: 'the greatest version', version: 2 ** 32 - 1, ...ada },
  ...widths.map((bits) => ({ name: `${bits} bits`, bits, ...ada })),
]

/** The vectors, in the order of the file. */
export function blindIndexVectors(): BlindIndexVector[] {
  return wishes.map(({ name, value, normalForm, ...rest }) => {
    const names = { ...email, ...rest }
    const { tenant, table, column, index, normalizer, bits } = names
    const info = ['mosaajii/crypto/blind-index/v1', tenant, table, column, index, normalizer, String(bits)].map(item)
    const indexKey = Buffer.from(hkdfSync('sha256', root, Buffer.alloc(0), Buffer.concat(info), 32))
    const mac = createHmac('sha256', indexKey).update(normalForm, 'utf8').digest()
    const token = `${names.version}.${firstBits(mac, bits).toString('base64url')}`
    return { name, root: root.toString('hex'), ...names, indexKey: indexKey.toString('hex'), value, normalForm, token }
  })
}

/** The first bits, with the unused low bits of the last byte zero. */
function firstBits(bytes: Buffer, bits: number): Buffer {
  const kept = Buffer.from(bytes.subarray(0, Math.ceil(bits / 8)))
  const last = kept.length - 1
  kept[last] = (kept[last] ?? 0) & (0xff << (kept.length * 8 - bits))
  return kept
}
