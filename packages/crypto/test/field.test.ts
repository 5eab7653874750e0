import { inspect } from 'node:util'
import { toProblem } from '@mosaajii/core'
import {
  CryptoError,
  DecryptError,
  type Field,
  type FieldDefinition,
  type Sealed,
  UnknownKeyVersionError,
} from '@mosaajii/crypto'
import { beforeEach, describe, expect, it } from 'vitest'
import { testKeyring, type TestKeyring, thrown } from './support/keyrings.ts'
import { flipBit } from './support/random.ts'

const row = '0190a6f0-0000-7000-8000-1234567890ab'

function reencoded(sealed: string, change: (bytes: Buffer) => Buffer): string {
  return change(Buffer.from(sealed, 'base64url')).toString('base64url')
}

describe.each(['native', 'portable'] as const)('a field on the %s engine', (engine) => {
  let test: TestKeyring
  let email: Field

  beforeEach(async () => {
    test = await testKeyring({ engine })
    email = test.keyring.field({ table: 'customers', column: 'email' })
  })

  /** One DecryptError, the same in everything that can be seen; its reason is in the event alone. */
  function refuses(work: () => unknown, reason: string): void {
    const before = test.events.events.length
    const error = thrown(work)
    expect(error).toBeInstanceOf(DecryptError)
    expect(Object.getOwnPropertyNames(error).toSorted()).toEqual([
      'code',
      'detail',
      'message',
      'name',
      'stack',
      'status',
    ])
    expect({ ...error, message: error.message }).toEqual({
      name: 'DecryptError',
      code: 'DECRYPT_FAILED',
      status: 500,
      detail: {},
      message: 'the value could not be opened; the field.openFailed event has the reason',
    })
    const event = test.events.events[before]
    expect(event).toMatchObject({
      name: 'field.openFailed',
      data: { keyring: 'main', table: 'customers', column: 'email', reason },
    })
    expect(test.events.events.length).toBe(before + 1)
  }

  it.each([
    ['empty', ''],
    ['one character', 'x'],
    ['a byte order mark', '\ufeffada'],
    ['NUL and line breaks', '\0\r\n\u2028'],
    ['astral characters', '💳🧾'],
    ['decomposed characters, kept so', 'Jose\u0301'],
    ['64 KiB of ASCII', 'x'.repeat(65_536)],
    ['64 KiB of two-byte characters', 'é'.repeat(32_768)],
    ['64 KiB less one in three-byte characters', '€'.repeat(21_845)],
    ['64 KiB of four-byte characters', '💳'.repeat(16_384)],
    ['text that merely looks like a token', `AQEAAAAB${'A'.repeat(96)}`],
    ['text that begins like a token', 'AQE'],
  ])('seals and opens %s', (_, text) => {
    const sealed = email.seal(text, { row })
    expect(sealed).toMatch(/^[A-Za-z0-9_-]+$/)
    expect(Buffer.from(sealed, 'base64url').length).toBe(Buffer.byteLength(text) + 78)
    expect(email.open(sealed, { row })).toBe(text)
  })

  it.each([
    ['64 KiB and one byte of ASCII', 'x'.repeat(65_537)],
    ['64 KiB and one byte of two-byte characters', `${'é'.repeat(32_768)}x`],
    ['65,538 bytes of three-byte characters', '€'.repeat(21_846)],
    ['an endless text', 'x'.repeat(10_000_000)],
  ])('refuses %s and names the limit', (_, text) => {
    const error = thrown(() => email.seal(text, { row }))
    expect(error).toBeInstanceOf(CryptoError)
    expect(error).toMatchObject({ code: 'SEAL_INPUT_TOO_LONG', status: 413, detail: { limit: 65_536 } })
    expect(error.message).toContain('65536')
  })

  it.each(['\ud800', '\udc00', 'a\ud83d', '\udca9a', '\udca9\ud83d'])('refuses a lone surrogate', (text) => {
    expect(thrown(() => email.seal(text, { row }))).toMatchObject({ code: 'SEAL_INPUT_INVALID' })
  })

  it.each([undefined, null, 7, 7n, true, Symbol('x'), {}, ['x'], new String('x'), Buffer.from('x')])(
    'refuses what is no string: %o',
    (value) => {
      expect(thrown(() => email.seal(value as string, { row }))).toMatchObject({ code: 'SEAL_INPUT_INVALID' })
    },
  )

  it.each([undefined, null, 'x', [1], new Uint16Array(2), new ArrayBuffer(2), new DataView(new ArrayBuffer(2))])(
    'refuses to seal as bytes what is no Uint8Array: %o',
    (value) => {
      expect(thrown(() => email.sealBytes(value as never, { row }))).toMatchObject({ code: 'SEAL_INPUT_INVALID' })
    },
  )

  it('seals and opens bytes up to 64 KiB', () => {
    for (const length of [0, 1, 65_536]) {
      const bytes = new Uint8Array(length).fill(0xff)
      expect(email.openBytes(email.sealBytes(bytes, { row }), { row })).toEqual(bytes)
    }
    expect(thrown(() => email.sealBytes(new Uint8Array(65_537), { row }))).toMatchObject({
      code: 'SEAL_INPUT_TOO_LONG',
    })
    const part = new Uint8Array([9, 1, 2, 9]).subarray(1, 3)
    expect(email.openBytes(email.sealBytes(part, { row }), { row })).toEqual(new Uint8Array([1, 2]))
  })

  it('hands out bytes that later calls do not change', () => {
    const [one, two] = [new Uint8Array([1, 1]), new Uint8Array([2, 2])]
    const first = email.openBytes(email.sealBytes(one, { row }), { row })
    email.openBytes(email.sealBytes(two, { row }), { row })
    expect(first).toEqual(one)
  })

  it('keeps text and bytes apart', () => {
    refuses(() => email.openBytes(email.seal('ada', { row }), { row }), 'does not verify')
    refuses(() => email.open(email.sealBytes(Buffer.from('ada'), { row }), { row }), 'does not verify')
  })

  it('takes 7, 7n and "7" for the same row, and no other for it', () => {
    const sealed = email.seal('ada', { row: 7 })
    for (const same of [7, 7n, '7']) expect(email.open(sealed, { row: same })).toBe('ada')
    for (const other of [8, '07', '7 ', ' 7', '+7', '7.0', '-7', '７', '7\0'])
      refuses(() => email.open(sealed, { row: other }), 'does not verify')
    expect(email.open(email.seal('x', { row: -0 }), { row: '0' })).toBe('x')
    const big = 2n ** 70n
    expect(email.open(email.seal('x', { row: big }), { row: big.toString() })).toBe('x')
    expect(email.open(email.seal('x', { row: 'é'.repeat(128) }), { row: 'é'.repeat(128) })).toBe('x')
  })

  it.each([
    undefined,
    null,
    '',
    Number.NaN,
    Number.POSITIVE_INFINITY,
    1.5,
    2 ** 53,
    10n ** 80n,
    true,
    {},
    [7],
    '\ud800',
    'x'.repeat(257),
    'é'.repeat(129),
  ])('refuses the row %s', (bad) => {
    const context = { row: bad as string }
    expect(thrown(() => email.seal('x', context))).toMatchObject({ code: 'ROW_INVALID' })
    expect(thrown(() => email.open('x', context))).toMatchObject({ code: 'ROW_INVALID' })
  })

  it('tells rows apart by their whole key, whatever the length of the row before', () => {
    for (const before of ['x', 'x'.repeat(200)]) {
      email.seal('ada', { row: before })
      const sealed = email.seal('ada', { row: 'x-long-common-start-1' })
      refuses(() => email.open(sealed, { row: 'x-long-common-start-2' }), 'does not verify')
      refuses(() => email.open(sealed, { row: 'x-long-common-start-' }), 'does not verify')
    }
  })

  it('needs a context', () => {
    expect(() => email.seal('x', undefined as never)).toThrow(/row/)
    expect(() => email.open('x', {} as never)).toThrow(/row/)
  })

  it('opens nothing that was truncated at any byte', () => {
    const sealed = email.seal('twenty-two bytes long.', { row })
    const bytes = Buffer.from(sealed, 'base64url')
    expect(bytes.length).toBe(100)
    for (let length = 0; length < bytes.length; length++) {
      const cut = bytes.subarray(0, length).toString('base64url')
      refuses(() => email.open(cut, { row }), length < 78 ? 'not a token' : 'does not verify')
    }
    for (let length = 0; length < sealed.length; length++) {
      expect(thrown(() => email.open(sealed.slice(0, length), { row }))).toBeInstanceOf(DecryptError)
    }
  })

  it('opens nothing of which any bit of its 100 bytes was flipped', () => {
    const sealed = email.seal('twenty-two bytes long.', { row })
    for (let bit = 0; bit < 800; bit++) {
      const error = thrown(() =>
        email.open(
          reencoded(sealed, (bytes) => flipBit(bytes, bit)),
          { row },
        ),
      )
      const isVersion = bit >= 16 && bit < 48
      expect(error, `bit ${bit}`).toBeInstanceOf(isVersion ? UnknownKeyVersionError : DecryptError)
    }
  })

  it.each([
    ['padding', (text: string) => `${text}=`],
    ['a space', (text: string) => `${text} `],
    ['a line break', (text: string) => `${text.slice(0, 64)}\n${text.slice(64)}`],
    ['the other alphabet', (text: string) => text.replaceAll('-', '+').replaceAll('_', '/')],
    ['a spare bit', (text: string) => text.slice(0, -1) + String.fromCharCode(text.charCodeAt(text.length - 1) + 1)],
    ['a NUL', (text: string) => `${text}\0`],
  ])('opens no other spelling of a token: %s', (_, respell) => {
    // 23 bytes of text leave two spare bits in the last character; the alphabet case needs a token with - or _.
    let sealed: string = email.seal('a text of 23 bytes.....', { row })
    while (!/[-_]/.test(sealed) || !/[AQgw]$/.test(sealed)) sealed = email.seal('a text of 23 bytes.....', { row })
    refuses(() => email.open(respell(sealed), { row }), 'not a token')
  })

  it.each([undefined, null, 7, {}, [], Buffer.from('x'), ''])(
    'answers what is no token at all with the same error: %o',
    (value) => {
      refuses(() => email.open(value as string, { row }), 'not a token')
    },
  )

  it('reads no token that is longer than any can be', () => {
    refuses(() => email.open('A'.repeat(200_000), { row }), 'not a token')
  })

  it('opens nothing that was relabelled as another algorithm or format', () => {
    const sealed = email.seal('ada@example.com', { row })
    const relabel = (offset: number, value: number, cut: number) =>
      reencoded(sealed, (bytes) => {
        bytes[offset] = value
        return bytes.subarray(0, bytes.length - cut)
      })
    refuses(() => email.open(relabel(1, 2, 0), { row }), 'algorithm not allowed')
    refuses(() => email.open(relabel(1, 2, 32), { row }), 'algorithm not allowed')
    for (const other of [0, 3, 255]) refuses(() => email.open(relabel(1, other, 0), { row }), 'not a token')
    for (const other of [0, 2, 255]) refuses(() => email.open(relabel(0, other, 0), { row }), 'not a token')
    const both = test.keyring.field({
      table: 'customers',
      column: 'email',
      algorithms: ['KC-XAES-256-GCM', 'XAES-256-GCM'],
    })
    refuses(() => both.open(relabel(1, 2, 0), { row }), 'does not verify')
    refuses(() => both.open(relabel(1, 2, 32), { row }), 'does not verify')
  })

  it('seals and opens plain XAES only where the field asks for it', () => {
    const plain = test.keyring.field({ table: 'customers', column: 'email', algorithms: ['XAES-256-GCM'] })
    const sealed = plain.seal('ada', { row })
    expect(Buffer.from(sealed, 'base64url').length).toBe(3 + 46)
    expect(plain.open(sealed, { row })).toBe('ada')
    refuses(() => email.open(sealed, { row }), 'algorithm not allowed')
    refuses(() => plain.open(email.seal('ada', { row }), { row }), 'algorithm not allowed')
    const moving = test.keyring.field({
      table: 'customers',
      column: 'email',
      algorithms: ['KC-XAES-256-GCM', 'XAES-256-GCM'],
    })
    expect(moving.open(sealed, { row })).toBe('ada')
    expect(moving.isStale(sealed)).toBe(true)
    expect(moving.isStale(email.seal('ada', { row }))).toBe(false)
  })

  it('opens nothing in another context, whichever item differs', () => {
    const full: FieldDefinition = { tenant: 't', table: 'a', column: 'b', schema: 's' }
    const sealed = test.keyring.field(full).seal('ada', { row })
    const others: FieldDefinition[] = [
      { ...full, tenant: 'u' },
      { ...full, table: 'ab' },
      { ...full, column: 'c' },
      { ...full, schema: 'v' },
      { table: 'a', column: 'b', schema: 's' },
      { tenant: 't', table: 'a', column: 'b' },
      { tenant: 't', table: 'ab', column: 'x', schema: 's' },
      { tenant: 's', table: 'a', column: 'b', schema: 't' },
      { tenant: 'a', table: 't', column: 'b', schema: 's' },
    ]
    for (const other of others)
      expect(thrown(() => test.keyring.field(other).open(sealed, { row }))).toBeInstanceOf(DecryptError)
    expect(test.keyring.field(full).open(sealed, { row })).toBe('ada')
  })

  it('opens nothing of a foreign keyring, though it has the same id and version', async () => {
    const foreign = (await testKeyring({ engine })).keyring.field({ table: 'customers', column: 'email' })
    refuses(() => email.open(foreign.seal('ada', { row }), { row }), 'does not verify')
  })

  it('opens values of its earlier places, and calls for nothing else', () => {
    const old = test.keyring.field({ table: 'clients', column: 'mail', schema: 'v1' })
    const sealed = old.seal('ada', { row })
    const moved = test.keyring.field({
      table: 'customers',
      column: 'email',
      schema: 'v2',
      formerly: [{ table: 'buyers' }, { table: 'clients', column: 'mail', schema: 'v1' }],
    })
    expect(moved.open(sealed, { row })).toBe('ada')
    expect(thrown(() => moved.open(sealed, { row: 'other' }))).toBeInstanceOf(DecryptError)
    expect(thrown(() => old.open(moved.seal('ada', { row }), { row }))).toBeInstanceOf(DecryptError)
    const unschemed = test.keyring.field({
      table: 'customers',
      column: 'email',
      schema: 'v2',
      formerly: [{ schema: null }],
    })
    expect(unschemed.open(email.seal('ada', { row }), { row })).toBe('ada')
  })

  it('does not seal what it sealed, in any form', async () => {
    const sealed = email.seal('ada', { row })
    const other = test.keyring.field({ table: 'other', column: 'column' })
    const bytes = Buffer.from(sealed, 'base64url')
    for (const again of [
      () => email.seal(sealed, { row }),
      () => other.seal(sealed, { row: 1 }),
      () => other.seal(other.sealBytes(bytes.subarray(0, 20), { row }), { row }),
      () => email.sealBytes(Buffer.from(sealed), { row }),
      () => email.sealBytes(bytes, { row }),
      () => test.keyring.transient({ table: 'a', column: 'b', ttl: '1m' }).seal(sealed, { row }),
    ]) {
      expect(thrown(again)).toMatchObject({ code: 'ALREADY_SEALED' })
    }
  })

  it('seals text that only looks like a token', async () => {
    const sealed = email.seal('ada', { row })
    const foreign = (await testKeyring({ engine })).keyring
      .field({ table: 'customers', column: 'email' })
      .seal('ada', { row })
    const broken = reencoded(sealed, (bytes) => flipBit(bytes, bytes.length * 8 - 1))
    const unknown = reencoded(sealed, (bytes) => flipBit(bytes, 40))
    for (const text of [foreign, broken, unknown, `${sealed} `, sealed.slice(0, -4)]) {
      expect(email.open(email.seal(text, { row }), { row })).toBe(text)
    }
  })

  it('tells version and staleness from the header', () => {
    const sealed = email.seal('ada', { row })
    expect(email.keyVersionOf(sealed)).toBe(1)
    expect(email.isStale(sealed)).toBe(false)
    for (const bad of ['', 'x', 'AQEAAAA', 'AQMAAAABxxxx', 'AgEAAAABxxxx', 'A'.repeat(200_000), '++++++++']) {
      expect(thrown(() => email.keyVersionOf(bad))).toBeInstanceOf(DecryptError)
      expect(thrown(() => email.isStale(bad))).toBeInstanceOf(DecryptError)
    }
  })

  it('says nothing of plaintext, token or key in errors and events', () => {
    const secret = 'ada-lovelace-canary@example.com'
    const sealed = email.seal(secret, { row })
    const attempts = [
      () => email.open(sealed, { row: 'other' }),
      () => email.open(`${sealed}A`, { row }),
      () => email.seal(sealed, { row }),
      () => email.seal(`${secret}\ud800`, { row }),
      () => email.seal(secret.repeat(5000), { row }),
      () => email.seal(secret, { row: `${secret}${'x'.repeat(300)}` }),
    ]
    for (const attempt of attempts) {
      const error = thrown(attempt)
      const shown = [
        error.message,
        error.stack,
        JSON.stringify(error),
        inspect(error, { depth: 9, showHidden: true }),
        JSON.stringify(toProblem(error)),
      ]
      for (const text of shown) {
        expect(text).not.toContain('canary')
        expect(text).not.toContain(sealed.slice(0, 30))
      }
      expect(error.cause).toBeUndefined()
    }
    const events = inspect(test.events.events, { depth: 9 })
    expect(events).not.toContain('canary')
    expect(events).not.toContain(sealed.slice(10, 30))
    expect(inspect([test.keyring, email], { depth: 20, showHidden: true })).not.toContain('canary')
  })

  it('goes on when the sink fails', () => {
    test.events.failWith(new Error('disk full'))
    expect(thrown(() => email.open('x', { row }))).toBeInstanceOf(DecryptError)
    expect(email.open(email.seal('ada', { row }), { row })).toBe('ada')
  })
})

describe('defining a field', () => {
  it.each([
    [undefined, TypeError],
    [{}, TypeError],
    [{ table: 'a' }, TypeError],
    [{ table: '', column: 'b' }, RangeError],
    [{ table: 'a', column: 7 }, TypeError],
    [{ table: 'a', column: 'b', tenant: '' }, RangeError],
    [{ table: 'a', column: 'b', schema: '\ud800' }, RangeError],
    [{ table: 'a', column: 'b'.repeat(201) }, RangeError],
    [{ table: 'a', column: 'b', ttl: '1m' }, TypeError],
    [{ table: 'a', column: 'b', tennant: 'x' }, TypeError],
    [{ table: 'a', column: 'b', algorithms: [] }, RangeError],
    [{ table: 'a', column: 'b', algorithms: ['AES'] }, RangeError],
    [{ table: 'a', column: 'b', algorithms: ['toString'] }, RangeError],
    [{ table: 'a', column: 'b', algorithms: 'KC-XAES-256-GCM' }, RangeError],
    [{ table: 'a', column: 'b', formerly: {} }, TypeError],
    [{ table: 'a', column: 'b', formerly: [{ tabel: 'x' }] }, TypeError],
    [{ table: 'a', column: 'b', formerly: [{ tenant: 'x' }] }, TypeError],
    [{ table: 'a', column: 'b', formerly: Array.from({ length: 17 }, () => ({ table: 'x' })) }, TypeError],
  ])('refuses %o', async (definition, kind) => {
    const { keyring } = await testKeyring()
    expect(() => keyring.field(definition as FieldDefinition)).toThrow(kind)
  })

  it.each([
    ['payments', 'cvv'],
    ['payments', 'card_cvc2'],
    ['payments', 'track2'],
    ['cards', 'pinBlock'],
    ['users', 'password'],
  ])('refuses %s.%s', async (table, column) => {
    const { keyring } = await testKeyring()
    expect(thrown(() => keyring.field({ table, column }))).toMatchObject({ code: 'FIELD_REFUSED' })
  })

  it('takes what only sounds like it', async () => {
    const { keyring } = await testKeyring()
    for (const column of ['shipping', 'password_hash', 'opinion', 'card_number']) {
      expect(keyring.field({ table: 'orders', column }).column).toBe(column)
    }
  })

  it('types sealed values as Sealed, so that a plain column does not take them unnoticed', async () => {
    const { keyring } = await testKeyring()
    const value: Sealed = keyring.field({ table: 'a', column: 'b' }).seal('x', { row })
    // @ts-expect-error plain text is not a sealed value
    const wrong: Sealed = 'x'
    expect([value.length, wrong]).toEqual([106, 'x'])
  })
})
