import { DecryptError, type Keyring, type SealedTable, searchable, sealed } from '@mosaajii/crypto'
import { fc, test } from '@fast-check/vitest'
import { beforeAll, describe, expect } from 'vitest'
import { testKeyring, thrown } from './support/keyrings.ts'

const text = fc.string({ unit: 'grapheme', maxLength: 60 }).filter((one) => one.isWellFormed())
const indexed = text.filter((one) => one !== '')
const photo = fc.option(fc.uint8Array({ maxLength: 60 }))
const key = fc.oneof(fc.string({ unit: 'binary', minLength: 1, maxLength: 40 }), fc.maxSafeInteger(), fc.bigInt())
/** Columns that are not fields, `__proto__` and `constructor` among them. */
const others = fc.dictionary(
  fc.oneof(fc.string({ maxLength: 8 }), fc.constantFrom('constructor', '__proto__', 'name_index')),
  fc.anything(),
  { maxKeys: 4 },
)
const name = fc.stringMatching(/^[b-hk-m][b-hk-m0-9]{0,12}$/)
const fields = ['id', 'name', 'email', 'email_index', 'photo'] as const
const record = fc
  .tuple(key, text, indexed, photo)
  .map(([id, name, email, bytes]) => ({ id, name, email, photo: bytes }))
const patch = fc.record(
  { name: fc.option(text, { nil: undefined }), email: fc.option(indexed, { nil: undefined }), photo },
  { requiredKeys: [] },
)

/** The own properties, whatever the prototype is. */
function entries(value: object): Map<string, unknown> {
  return new Map(Object.entries(value))
}

describe('any record', () => {
  let keyring: Keyring
  let table: SealedTable<'id', ReturnType<typeof specs>>
  const specs = () => ({
    name: sealed(),
    email: searchable({ bits: 8 }),
    photo: sealed({ kind: 'bytes', nullable: true }),
  })
  beforeAll(async () => {
    keyring = (await testKeyring()).keyring
    table = keyring.table('people', { row: 'id', fields: specs() })
  })

  test.prop([record, others])('comes back as it was, whatever other columns it has', (one, rest) => {
    const extra = Object.fromEntries(
      Object.entries(rest).filter(([name]) => !(fields as readonly string[]).includes(name)),
    )
    const row = table.seal({ ...extra, ...one })
    expect(entries(table.open(row))).toEqual(entries({ ...extra, ...one }))
    expect([row.name, row.email].every((value) => value.startsWith('AQE'))).toBe(true)
    for (const value of [row.name, row.email, row.email_index]) {
      // Short texts may be part of any base64.
      if (one.name.length > 8) expect(value).not.toContain(one.name)
      if (one.email.length > 8) expect(value).not.toContain(one.email)
    }
  })

  test.prop([record, fc.array(patch, { maxLength: 5 })])(
    'takes patches as an object takes assignments',
    (one, patches) => {
      const row = table.seal(one)
      const expected = { ...one }
      for (const change of patches) {
        const given = Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined))
        const sealedPatch = table.sealPatch(one.id, change)
        expect(new Set(Object.keys(sealedPatch))).toEqual(
          new Set([...Object.keys(given), ...('email' in given ? ['email_index'] : [])]),
        )
        Object.assign(row, sealedPatch)
        Object.assign(expected, given)
      }
      expect(table.open(row)).toEqual(expected)
    },
  )

  test.prop([fc.array(record, { maxLength: 12 }), indexed])(
    'is found by its value, and nobody else is',
    (records, value) => {
      const people = records.map((one, i) => ({ ...one, email: i % 2 === 0 ? one.email : value }))
      const match = table.where('email', value)
      const rows = people.map((one) => table.seal(one)).filter((row) => match.tokens.includes(row.email_index))
      expect(match.open(rows)).toEqual(people.filter(({ email }) => email === value))
    },
  )

  test.prop([record, record, fc.subarray(['name', 'email', 'photo'] as const, { minLength: 1 })])(
    'opens no value of another row',
    (one, other, moved) => {
      fc.pre(String(one.id) !== String(other.id))
      const [row, from] = [table.seal(one), table.seal({ ...other, photo: Uint8Array.of(1) })]
      const mixed = { ...row, ...Object.fromEntries(moved.map((name) => [name, from[name]])) }
      expect(thrown(() => table.open(mixed))).toBeInstanceOf(DecryptError)
      expect(thrown(() => table.open({ ...row, id: other.id }))).toBeInstanceOf(DecryptError)
    },
  )

  test.prop([record, fc.constantFrom('table', 'tenant', 'schema'), name])(
    'opens in no other place',
    (one, what, name) => {
      const definition = { row: 'id', fields: specs(), ...(what !== 'table' && { [what]: name }) } as const
      const elsewhere = keyring.table(what === 'table' ? name : 'people', definition)
      expect(thrown(() => elsewhere.open(table.seal(one)))).toBeInstanceOf(DecryptError)
      // A search goes on in another schema, which says how a table is written and not whose it is.
      const tokens = [keyring, keyring].map((_, i) => {
        const wide = {
          row: 'id',
          fields: { email: searchable() },
          ...(i === 1 && what === 'tenant' && { tenant: name }),
        }
        return keyring.table(i === 1 && what === 'table' ? name : 'people', wide).where('email', one.email).tokens[0]
      })
      expect(tokens[0] === tokens[1]).toBe(what === 'schema')
    },
  )
})
