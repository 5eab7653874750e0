import { DecryptError, type Field, type FieldDefinition, type Keyring, UnknownKeyVersionError } from '@mosaajii/crypto'
import { fc, test } from '@fast-check/vitest'
import { beforeAll, describe, expect } from 'vitest'
import { testKeyring } from './support/keyrings.ts'

const text = fc.string({ unit: 'binary', maxLength: 200 })
const name = fc.stringMatching(/^[b-hk-m][b-hk-m0-9]{0,12}$/)
const rowKey = fc.oneof(
  fc.string({ unit: 'binary', minLength: 1, maxLength: 64 }),
  fc.maxSafeInteger(),
  fc.bigInt({ min: -(10n ** 70n), max: 10n ** 70n }),
)
const definition: fc.Arbitrary<FieldDefinition> = fc.record(
  { table: name, column: name, tenant: name, schema: name },
  { requiredKeys: ['table', 'column'] },
)

function refusal(work: () => unknown): unknown {
  try {
    return work()
  } catch (error) {
    return error instanceof DecryptError || error instanceof UnknownKeyVersionError ? 'refused' : error
  }
}

describe.each(['native', 'portable'] as const)('any field on the %s engine', (engine) => {
  let keyring: Keyring
  let field: Field

  beforeAll(async () => {
    keyring = (await testKeyring({ engine })).keyring
    field = keyring.field({ table: 'customers', column: 'email' })
  })

  test.prop([definition, rowKey, text])('gives back any text in any context', (where, row, plaintext) => {
    const any = keyring.field(where)
    expect(any.open(any.seal(plaintext, { row }), { row })).toBe(plaintext)
  })

  test.prop([definition, rowKey, fc.uint8Array({ maxLength: 400 })])(
    'gives back any bytes in any context',
    (where, row, plaintext) => {
      const any = keyring.field(where)
      expect(any.openBytes(any.sealBytes(plaintext, { row }), { row })).toEqual(plaintext)
    },
  )

  test.prop([definition, definition, rowKey, rowKey, text])(
    'opens in no other context',
    (one, other, row, otherRow, plaintext) => {
      const same = JSON.stringify(Object.entries(one).toSorted()) === JSON.stringify(Object.entries(other).toSorted())
      fc.pre(!same || String(row) !== String(otherRow))
      const sealed = keyring.field(one).seal(plaintext, { row })
      expect(refusal(() => keyring.field(other).open(sealed, { row: otherRow }))).toBe('refused')
    },
  )

  test.prop([text, fc.nat(), fc.integer({ min: 1, max: 255 })])(
    'opens nothing with any byte changed',
    (plaintext, place, change) => {
      const bytes = Buffer.from(field.seal(plaintext, { row: 1 }), 'base64url')
      const at = place % bytes.length
      bytes[at] = (bytes[at] as number) ^ change
      expect(refusal(() => field.open(bytes.toString('base64url'), { row: 1 }))).toBe('refused')
    },
  )

  test.prop([
    text,
    fc.array(fc.tuple(fc.nat(), fc.constantFrom('', 'A', '=', '-', '\n', 'é')), { minLength: 1, maxLength: 4 }),
  ])('opens nothing with any character changed', (plaintext, edits) => {
    const sealed: string = field.seal(plaintext, { row: 1 })
    let edited = sealed
    for (const [place, character] of edits) {
      const at = place % (edited.length + 1)
      edited = edited.slice(0, at) + character + edited.slice(at + 1)
    }
    fc.pre(edited !== sealed)
    expect(refusal(() => field.open(edited, { row: 1 }))).toBe('refused')
  })

  test.prop([fc.string({ unit: 'binary', maxLength: 300 })])('answers any text at all with a refusal', (garbage) => {
    expect(refusal(() => field.open(garbage, { row: 1 }))).toBe('refused')
  })

  test.prop([text])('never gives the same token twice', (plaintext) => {
    expect(field.seal(plaintext, { row: 1 })).not.toBe(field.seal(plaintext, { row: 1 }))
  })
})
