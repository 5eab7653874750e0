import { DecryptError, type TransientDefinition, type TransientField } from '@mosaajii/crypto'
import { beforeEach, describe, expect, it } from 'vitest'
import { testKeyring, type TestKeyring, thrown } from './support/keyrings.ts'

const row = 'authorisation-1'

describe.each(['native', 'portable'] as const)('a transient field on the %s engine', (engine) => {
  let test: TestKeyring
  let cvv: TransientField

  beforeEach(async () => {
    test = await testKeyring({ engine, refresh: '1d' })
    cvv = test.keyring.transient({ table: 'authorisations', column: 'cvv', ttl: '5m' })
  })

  it('opens until it expires, to the millisecond', () => {
    const sealed = cvv.seal('123', { row })
    expect(Buffer.from(sealed, 'base64url').length).toBe(78 + 8 + 3)
    expect(cvv.open(sealed, { row })).toBe('123')
    test.clock.advance(299_999)
    expect(cvv.open(sealed, { row })).toBe('123')
    test.clock.advance(1)
    expect(thrown(() => cvv.open(sealed, { row }))).toBeInstanceOf(DecryptError)
    expect(test.events.named('field.openFailed').at(-1)?.data['reason']).toBe('expired')
  })

  it('looks the same to the caller whether it expired or was tampered with', () => {
    const sealed = cvv.seal('123', { row })
    const tampered = thrown(() => cvv.open(sealed, { row: 'other' }))
    test.clock.advance('1h')
    const expired = thrown(() => cvv.open(sealed, { row }))
    expect({ ...expired, message: expired.message }).toEqual({ ...tampered, message: tampered.message })
  })

  it('does not live longer when the clock is set back', () => {
    const sealed = cvv.seal('123', { row })
    test.clock.set(test.clock.now() - 3_600_000)
    expect(thrown(() => cvv.open(sealed, { row }))).toBeInstanceOf(DecryptError)
  })

  it('authenticates the expiry: a value opens under no other kind, row or field', () => {
    const sealed = cvv.seal('123', { row })
    const stored = test.keyring.field({ table: 'authorisations', column: 'reference' })
    expect(thrown(() => stored.open(sealed, { row }))).toBeInstanceOf(DecryptError)
    expect(thrown(() => cvv.open(sealed, { row: 'other' }))).toBeInstanceOf(DecryptError)
    expect(thrown(() => cvv.open(stored.seal(`${'\0'.repeat(8)}123`, { row }), { row }))).toBeInstanceOf(DecryptError)
    const track = test.keyring.transient({ table: 'authorisations', column: 'track2', ttl: '5m' })
    expect(thrown(() => track.open(sealed, { row }))).toBeInstanceOf(DecryptError)
    const bytes = Buffer.from(sealed, 'base64url')
    for (let at = 0; at < bytes.length; at++) {
      const changed = Buffer.from(bytes)
      changed[at] = (changed[at] as number) ^ 1
      expect(() => cvv.open(changed.toString('base64url'), { row }), `byte ${at}`).toThrow(
        /could not be opened|not known here yet/,
      )
    }
  })

  it('takes text up to 64 KiB, and the shortest ttl', () => {
    const long = '€'.repeat(21_845)
    expect(cvv.open(cvv.seal(long, { row }), { row })).toBe(long)
    expect(cvv.open(cvv.seal('', { row }), { row })).toBe('')
    expect(thrown(() => cvv.seal('x'.repeat(65_537), { row }))).toMatchObject({ code: 'SEAL_INPUT_TOO_LONG' })
    expect(thrown(() => cvv.seal('\ud800', { row }))).toMatchObject({ code: 'SEAL_INPUT_INVALID' })
    expect(thrown(() => cvv.seal('1', { row: '' }))).toMatchObject({ code: 'ROW_INVALID' })
  })

  it('waits for a refresh where it is asked to', async () => {
    const sealed = cvv.seal('123', { row })
    expect(await cvv.openAsync(sealed, { row })).toBe('123')
    await expect(cvv.openAsync(sealed, { row: 'other' })).rejects.toBeInstanceOf(DecryptError)
  })
})

describe('defining a transient field', () => {
  it.each([
    [{ table: 'a', column: 'cvv' }, TypeError],
    [{ table: 'a', column: 'cvv', ttl: '61m' }, RangeError],
    [{ table: 'a', column: 'cvv', ttl: 3_600_001 }, RangeError],
    [{ table: 'a', column: 'cvv', ttl: 0 }, RangeError],
    [{ table: 'a', column: 'cvv', ttl: Number.NaN }, RangeError],
    [{ table: 'a', column: 'cvv', ttl: '5 minutes' }, TypeError],
    [{ table: 'a', column: 'cvv', ttl: '5m', formerly: [{ table: 'b' }] }, TypeError],
  ])('refuses %o', async (definition, kind) => {
    const { keyring } = await testKeyring()
    expect(() => keyring.transient(definition as TransientDefinition)).toThrow(kind)
  })

  it('takes card data before authorisation, and no password', async () => {
    const { keyring } = await testKeyring()
    for (const column of ['cvv', 'track2', 'pin_block'])
      keyring.transient({ table: 'authorisations', column, ttl: '1h' })
    expect(thrown(() => keyring.transient({ table: 'users', column: 'password', ttl: '1m' }))).toMatchObject({
      code: 'FIELD_REFUSED',
    })
  })
})
