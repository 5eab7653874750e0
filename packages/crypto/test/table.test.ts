import {
  type CryptoError,
  DecryptError,
  type Keyring,
  openKeyring,
  localKeyProvider,
  memoryKeyStore,
  type Sealed,
  searchable,
  sealed,
  UnknownKeyVersionError,
} from '@mosaajii/crypto'
import { discardEvents } from '@mosaajii/core'
import { beforeEach, describe, expect, it } from 'vitest'
import { testKeyring, type TestKeyring, thrown } from './support/keyrings.ts'
import { customer, customersOf, type Customers, rotated } from './support/shop.ts'

let test: TestKeyring
let keyring: Keyring
let customers: Customers
beforeEach(async () => {
  test = await testKeyring()
  keyring = test.keyring
  customers = customersOf(keyring)
})

/** What the types forbid, for callers in JavaScript. */
function untyped(value: unknown): never {
  return value as never
}

describe('seal', () => {
  it('seals the fields, adds the tokens and lets everything else pass', () => {
    const record = { ...customer(4), visits: 7, tags: ['vip'] as const, since: undefined }
    const row = customers.seal(record)
    expect(row).toMatchObject({ id: 'c00004', city: 'London', visits: 7, tags: ['vip'], since: undefined })
    for (const name of ['name', 'email', 'phone', 'photo'] as const) expect(row[name]).toMatch(/^AQEAAAAB/)
    expect(row.email_index).toMatch(/^1\./)
    expect(row.phone_token).toMatch(/^1\./)
    expect(Object.keys(row)).not.toContain('name_index')
    expect(record).toEqual({ ...customer(4), visits: 7, tags: ['vip'], since: undefined })
    expect(customers.open(row)).toEqual(record)
  })

  it('keeps null where a field is nullable, and gives null no token', () => {
    const row = customers.seal({ ...customer(1), phone: null })
    expect(row.phone).toBeNull()
    expect(row.phone_token).toBeNull()
    expect(customers.open(row).phone).toBeNull()
  })

  it.each([
    ['a missing field', { email: undefined }, 'email'],
    ['a missing nullable field', { phone: undefined }, 'phone'],
    ['a null that is not allowed', { name: null }, 'name'],
    ['a null in a searchable field', { email: null }, 'email'],
    ['a token of the caller', { email_index: '1.AAAA' }, 'email_index'],
    ['a null token of the caller', { phone_token: null }, 'phone_token'],
  ])('refuses %s and names the column', (_, change, column) => {
    const error = thrown(() => customers.seal(untyped({ ...customer(1), ...change }))) as CryptoError
    expect(error).toMatchObject({ code: 'SEAL_INPUT_INVALID', detail: { table: 'customers', column } })
  })

  it.each([
    ['a number', { name: 7 }],
    ['an object', { name: { toString: () => 'Ada' } }],
    ['text for bytes', { photo: 'jpeg' }],
    ['an ArrayBuffer', { photo: new ArrayBuffer(3) }],
    ['bytes for text', { name: Uint8Array.of(65) }],
    ['a lone surrogate', { name: '\ud800' }],
  ])('refuses %s in a field', (_, change) => {
    expect(thrown(() => customers.seal(untyped({ ...customer(1), ...change }))).code).toBe('SEAL_INPUT_INVALID')
  })

  it('refuses what a normaliser does not take, and does not show it', () => {
    const error = thrown(() => customers.seal({ ...customer(1), email: 'ada at example' }))
    expect(error.code).toBe('INDEX_INPUT_INVALID')
    expect(String(error.stack)).not.toContain('ada at')
  })

  it.each([
    ['undefined', undefined],
    ['null', null],
    ['empty text', ''],
    ['a fraction', 1.5],
    ['NaN', Number.NaN],
    ['an unsafe integer', 2 ** 53],
    ['an object', {}],
    ['true', true],
    ['long text', 'x'.repeat(300)],
    ['a lone surrogate', '\ud800'],
  ])('refuses %s as the row, also when every given field is null', (_, id) => {
    const nulls = keyring.table('notes', { row: 'id', fields: { note: sealed({ nullable: true }) } })
    for (const note of ['x', null]) {
      expect(thrown(() => nulls.seal({ id: untyped(id), note })).code).toBe('ROW_INVALID')
      expect(thrown(() => nulls.sealPatch(untyped(id), { note })).code).toBe('ROW_INVALID')
      expect(thrown(() => nulls.open({ id: untyped(id), note })).code).toBe('ROW_INVALID')
    }
  })

  it('refuses to seal what it sealed already', () => {
    const row = customers.seal(customer(1))
    const { email_index: _, phone_token: __, ...again } = row
    expect(thrown(() => customers.seal(untyped({ ...again, photo: null }))).code).toBe('ALREADY_SEALED')
    expect(thrown(() => customers.sealPatch('c00001', { name: row.name })).code).toBe('ALREADY_SEALED')
  })

  it('refuses what is no record', () => {
    for (const record of [null, undefined, 7, 'x', []]) expect(() => customers.seal(untyped(record))).toThrow(Error)
  })

  it('takes 7, 7n and "7" as one row', () => {
    const t = keyring.table('t', { row: 'id', fields: { a: sealed() } })
    for (const id of [7, 7n, '7'])
      for (const other of [7, 7n, '7'])
        expect(t.open({ ...t.seal({ id, a: 'x' }), id: other })).toEqual({ id: other, a: 'x' })
  })
})

describe('sealPatch', () => {
  it('seals what is given, with its token, and lets other columns pass', () => {
    const patch = customers.sealPatch('c1', { email: 'Ada@Example.com', city: 'Paris' })
    expect(Object.keys(patch).toSorted()).toEqual(['city', 'email', 'email_index'])
    expect(customers.open({ id: 'c1', ...patch })).toEqual({ id: 'c1', email: 'Ada@Example.com', city: 'Paris' })
    expect(patch.email_index).toBe(customers.seal({ ...customer(1), email: 'ada@example.com' }).email_index)
  })

  it('leaves out what is undefined, so that an update cannot null it', () => {
    expect(customers.sealPatch('c1', { email: undefined, phone: undefined, name: 'Ada' })).not.toHaveProperty('email')
    expect(Object.keys(customers.sealPatch('c1', { email: undefined, city: undefined }))).toEqual([])
    expect(Object.keys(customers.sealPatch('c1', {}))).toEqual([])
  })

  it('nulls a nullable field together with its token, and no other', () => {
    expect(customers.sealPatch('c1', { phone: null })).toEqual({ phone: null, phone_token: null })
    expect(thrown(() => customers.sealPatch('c1', untyped({ name: null }))).code).toBe('SEAL_INPUT_INVALID')
  })

  it('refuses the key of the row and tokens of the caller', () => {
    expect(thrown(() => customers.sealPatch('c1', { id: 'c2', name: 'Ada' })).code).toBe('SEAL_INPUT_INVALID')
    expect(thrown(() => customers.sealPatch('c1', untyped({ email_index: '1.x' }))).code).toBe('SEAL_INPUT_INVALID')
    expect(thrown(() => customers.sealPatch('c1', { phone: null, phone_token: '1.x' })).code).toBe('SEAL_INPUT_INVALID')
  })
})

describe('open', () => {
  it('opens some of the columns, and removes tokens wherever they are', () => {
    const row = customers.seal(customer(1))
    expect(customers.open({ id: row.id, email: row.email, email_index: row.email_index })).toEqual({
      id: 'c00001',
      email: 'Ada1@Example.com',
    })
    expect(customers.open({ id: row.id, phone_token: row.phone_token })).toEqual({ id: 'c00001' })
    expect(Object.keys(customers.open({ id: row.id, name: undefined }))).toEqual(['id', 'name'])
  })

  it('does not change what it is given', () => {
    const row = Object.freeze(customers.seal(customer(1)))
    const copy = { ...row }
    customers.open(row)
    expect(row).toEqual(copy)
  })

  it('refuses a null that someone put into a field that is not nullable', () => {
    const row = { ...customers.seal(customer(1)), name: untyped(null) }
    const nulled = thrown(() => customers.open(row))
    expect(nulled).toBeInstanceOf(DecryptError)
    expect(test.events.named('field.openFailed').at(-1)?.data).toMatchObject({ column: 'name', reason: 'null' })
    const moved = thrown(() => customers.open({ ...customers.seal(customer(1)), id: 'c2' }))
    expect({ ...nulled, message: nulled.message }).toEqual({ ...moved, message: moved.message })
  })

  it.each([
    ['empty text', ''],
    ['a space', ' '],
    ['plaintext', 'ada@example.com'],
    ['zero', 0],
    ['true', true],
    ['an object', {}],
    ['a Buffer', Buffer.from('AQEA')],
    ['endless text', 'A'.repeat(200_000)],
  ])('refuses %s where a sealed value should be, and does not hand it on', (_, stored) => {
    const row = { ...customers.seal(customer(1)), name: untyped(stored) }
    expect(thrown(() => customers.open(row))).toBeInstanceOf(DecryptError)
  })

  it('refuses a value from another row, column, kind, table, schema, tenant or keyring', async () => {
    const a = customers.seal(customer(4))
    const b = customers.seal(customer(8))
    const moves: Partial<Record<'name' | 'email' | 'phone' | 'photo', Sealed | null>>[] = [
      { name: b.name },
      { name: a.email },
      { email: a.name },
      { phone: a.email },
      { photo: a.name },
      { name: a.photo },
      { photo: b.photo },
    ]
    const fields = { name: sealed() }
    const elsewhere = [
      keyring.table('suppliers', { row: 'id', fields }),
      keyring.table('customers', { row: 'id', fields, schema: 'shop' }),
      keyring.table('customers', { row: 'id', fields, tenant: 'berlin' }),
      (await testKeyring()).keyring.table('customers', { row: 'id', fields }),
    ]
    moves.push(...elsewhere.map((table) => table.seal({ id: a.id, name: 'Eve' })))
    for (const move of moves)
      expect(
        thrown(() => customers.open({ ...a, ...move })),
        JSON.stringify(Object.keys(move)),
      ).toBeInstanceOf(DecryptError)
    for (const table of elsewhere)
      expect(thrown(() => table.open({ id: a.id, name: a.name }))).toBeInstanceOf(DecryptError)
    const bytes = keyring.table('customers', { row: 'id', fields: { name: sealed({ kind: 'bytes' }) } })
    const eve = bytes.seal({ id: a.id, name: Buffer.from('Eve') })
    expect(thrown(() => customers.open({ ...a, name: eve.name }))).toBeInstanceOf(DecryptError)
    expect(thrown(() => bytes.open({ id: a.id, name: a.name }))).toBeInstanceOf(DecryptError)
    expect(customers.open(a)).toEqual(customer(4))
  })

  it('keeps the tenants apart, values and tokens', () => {
    const [berlin, paris] = [customersOf(keyring, 'berlin'), customersOf(keyring, 'paris')]
    const row = berlin.seal(customer(4))
    expect(berlin.open(row)).toEqual(customer(4))
    expect(thrown(() => paris.open(row))).toBeInstanceOf(DecryptError)
    expect(thrown(() => customers.open(row))).toBeInstanceOf(DecryptError)
    const tokens = [berlin, paris, customers].map((table) => table.where('email', 'ada4@example.com').tokens)
    expect(tokens[0]).toEqual([row.email_index])
    expect(new Set(tokens.flat()).size).toBe(3)
  })

  it('waits for one refresh in openAsync when a version is not known here yet', async () => {
    const provider = localKeyProvider({ secret: Uint8Array.from({ length: 32 }, (_, i) => i) })
    const store = memoryKeyStore()
    const options = { provider, store, events: discardEvents(), clock: test.clock }
    const [one, late] = [await openKeyring(options), await openKeyring(options)]
    await rotated({ ...test, keyring: one })
    const row = customersOf(one).seal(customer(4))
    const here = customersOf(late)
    expect(thrown(() => here.open(row))).toBeInstanceOf(UnknownKeyVersionError)
    expect(await here.openAsync(row)).toEqual(customer(4))
    await expect(here.openAsync({ ...row, id: 'c2' })).rejects.toBeInstanceOf(DecryptError)
    await expect(here.openAsync({ ...row, name: untyped(null) })).rejects.toBeInstanceOf(DecryptError)
  })
})

describe('where', () => {
  it('finds by any spelling, while the index key rotates too', async () => {
    const before = customers.seal(customer(1))
    await rotated(test, 'index')
    const after = customers.seal(customer(2))
    expect([before.email_index, after.email_index].map((token) => token.split('.')[0])).toEqual(['1', '2'])
    for (const [row, email] of [
      [before, ' ADA1@example.com '],
      [after, 'ada2@EXAMPLE.com'],
    ] as const) {
      const match = customers.where('email', email)
      expect(match.column).toBe('email_index')
      expect(match.tokens).toContain(row.email_index)
      expect(match.tokens.length).toBe(2)
      expect(match.tokens[0]).toMatch(/^2\./)
      expect(match((column, operator, tokens) => [column, operator, tokens])).toEqual([
        'email_index',
        'in',
        match.tokens,
      ])
      expect(match.open([before, after])).toEqual([row === before ? customer(1) : customer(2)])
    }
  })

  it('keeps of the rows found under a narrow index those that have the value', () => {
    const t = keyring.table('t', { row: 'id', fields: { a: searchable({ bits: 1, nullable: true }) } })
    const values = Array.from({ length: 40 }, (_, id) => ({ id, a: `value ${id % 20}` }))
    const rows = values.map((value) => t.seal(value))
    const match = t.where('a', 'value 3')
    const found = rows.filter((row) => match.tokens.includes(row.a_index ?? ''))
    expect(found.length).toBeGreaterThan(2)
    expect(match.open(found)).toEqual([values[3], values[23]])
    expect(match.open([{ ...t.seal({ id: 50, a: null }), a_index: match.tokens[0] ?? '' }])).toEqual([])
    expect(match.open([])).toEqual([])
  })

  it('throws for a row among them that does not open, rather than to drop it', () => {
    const match = customers.where('email', 'ada1@example.com')
    const rows = [customers.seal(customer(1)), { ...customers.seal(customer(1)), id: 'c2' }]
    expect(thrown(() => match.open(rows))).toBeInstanceOf(DecryptError)
  })

  it('says so when the rows were selected without the field, rather than to find nobody', () => {
    const { id, name } = customers.seal(customer(1))
    const match = customers.where('email', 'ada1@example.com')
    expect(() => match.open(untyped([{ id, name }]))).toThrow(
      new TypeError("where: select 'email' too, so that its values can be compared"),
    )
  })

  it('refuses a field without an index, and values that cannot be looked for', () => {
    for (const field of ['name', 'photo', 'street', 'email_index', 'constructor', '__proto__'])
      expect(() => customers.where(untyped(field), 'x')).toThrow(TypeError)
    for (const value of [null, undefined, 7, '', 'not an address'])
      expect(thrown(() => customers.where('email', untyped(value))).code).toBe('INDEX_INPUT_INVALID')
  })

  it('gives every field, name, normaliser and width tokens of its own', () => {
    const specs = [
      { a: searchable(), b: searchable() },
      { a: searchable({ name: 'other' }), b: searchable({ normalize: 'digits' }) },
      { a: searchable({ bits: 255 }), b: searchable({ bits: 200 }) },
    ]
    const tokens = specs.flatMap((fields) => {
      const t = keyring.table('t', { row: 'id', fields })
      return [...t.where('a', '12').tokens, ...t.where('b', '12').tokens]
    })
    expect(new Set(tokens.map((token) => token.slice(0, 20))).size).toBe(6)
  })
})

describe('formerly', () => {
  it('on the table: reads and finds what was written under the earlier name, and writes under the new one', () => {
    const fields = { name: sealed(), email: searchable() }
    const old = keyring.table('clients', { row: 'id', fields, schema: 'v1' })
    const now = keyring.table('people', { row: 'id', fields, formerly: [{ table: 'clients', schema: 'v1' }] })
    const record = { id: 1, name: 'Ada', email: 'a@b.c' }
    const row = old.seal(record)
    expect(now.open(row)).toEqual(record)
    expect(now.where('email', 'a@b.c').tokens).toContain(row.email_index)
    const moved = now.seal(record)
    expect(moved.email_index).toBe(now.where('email', 'a@b.c').tokens[0])
    expect(thrown(() => old.open(moved))).toBeInstanceOf(DecryptError)
    expect(thrown(() => now.open({ ...row, id: 2 }))).toBeInstanceOf(DecryptError)
    expect(thrown(() => now.open({ ...row, name: row.email }))).toBeInstanceOf(DecryptError)
  })

  it('on a column: only that column reads under its earlier name', () => {
    const old = keyring.table('t', { row: 'id', fields: { mail: searchable(), name: sealed() } })
    const now = keyring.table('t', {
      row: 'id',
      fields: { email: searchable({ formerly: [{ column: 'mail' }] }), name: sealed() },
    })
    const { mail, mail_index, ...rest } = old.seal({ id: 1, mail: 'a@b.c', name: 'Ada' })
    expect(now.open({ ...rest, email: mail })).toEqual({ id: 1, email: 'a@b.c', name: 'Ada' })
    expect(now.where('email', 'a@b.c').tokens).toContain(mail_index)
    expect(thrown(() => now.open({ ...rest, name: mail }))).toBeInstanceOf(DecryptError)
  })

  it('never crosses tenants', () => {
    const fields = { name: sealed() }
    const berlin = keyring.table('t', { row: 'id', fields, tenant: 'berlin' })
    const paris = keyring.table('u', { row: 'id', fields, tenant: 'paris', formerly: [{ table: 't' }] })
    expect(thrown(() => paris.open(berlin.seal({ id: 1, name: 'Ada' })))).toBeInstanceOf(DecryptError)
  })
})

describe('names', () => {
  it.each(['constructor', 'toString', 'hasOwnProperty', '__proto__'])(
    'takes %s for a column like any other',
    (column) => {
      const t = keyring.table('t', {
        row: 'id',
        fields: { [column]: searchable({ nullable: true, column: 'valueOf' }), other: sealed({ nullable: true }) },
      })
      const record = Object.fromEntries<unknown>([
        ['id', 1],
        ['other', null],
        [column, 'x'],
      ])
      const row: object = t.seal(untyped(record))
      expect(Object.keys(row).toSorted()).toEqual(['id', 'other', column, 'valueOf'].toSorted())
      expect(Object.getOwnPropertyDescriptor(row, column)?.value).toMatch(/^AQE/)
      const opened = t.open(untyped(row))
      expect(Object.getPrototypeOf(opened)).toBe(Object.prototype)
      expect(new Map(Object.entries(opened))).toEqual(new Map(Object.entries(record)))
      expect(Object.keys(t.sealPatch(1, { other: null }))).toEqual(['other'])
      expect(Object.keys(t.open({ id: 1 }))).toEqual(['id'])
      expect(thrown(() => t.seal(untyped({ id: 1, other: null }))).code).toBe('SEAL_INPUT_INVALID')
    },
  )

  it.each([
    ['the row as a field', { row: 'a', fields: { a: sealed() } }],
    ['the row as an index column', { row: 'a', fields: { b: searchable({ column: 'a' }) } }],
    [
      'two indexes in one column',
      { row: 'id', fields: { a: searchable({ column: 'c' }), b: searchable({ column: 'c' }) } },
    ],
    ['an index in the column of a field', { row: 'id', fields: { a: searchable({ column: 'b' }), b: sealed() } }],
    ['an index in its own column', { row: 'id', fields: { a: searchable({ column: 'a' }) } }],
    ['the default index column as a field', { row: 'id', fields: { a: searchable(), a_index: sealed() } }],
    ['no fields', { row: 'id', fields: {} }],
  ])('refuses %s', (_, definition) => {
    expect(() => keyring.table('t', definition)).toThrow(RangeError)
  })

  it.each([
    ['no definition', undefined],
    ['no fields', { row: 'id' }],
    ['no row', { fields: { a: sealed() } }],
    ['an empty row', { row: '', fields: { a: sealed() } }],
    ['an unknown option', { row: 'id', fields: { a: sealed() }, tennant: 'berlin' }],
    ['something else than a column', { row: 'id', fields: { a: { nullable: true } } }],
    ['undefined for a column', { row: 'id', fields: { a: undefined } }],
    ['an earlier place that is none', { row: 'id', fields: { a: sealed() }, formerly: [{ name: 'x' }] }],
    ['an empty tenant', { row: 'id', fields: { a: sealed() }, tenant: '' }],
    ['an unknown algorithm', { row: 'id', fields: { a: sealed() }, algorithms: ['AES'] }],
  ])('refuses %s', (_, definition) => {
    expect(() => keyring.table('t', untyped(definition))).toThrow(/keyring\.|fields/)
  })

  it('checks all columns before it notes the first one in the keyring, where a field stays for good', async () => {
    for (const fields of [
      { fine: sealed(), cvv: sealed() },
      { fine: sealed(), id: sealed() },
      { fine: sealed(), x: 7 },
    ])
      expect(() => keyring.table('shop', untyped({ row: 'id', fields }))).toThrow(Error)
    const t = keyring.table('t', { row: 'id', fields: { a: sealed() } })
    await keyring.recorded()
    await rotated(test)
    test.clock.advance('2m')
    await keyring.refresh()
    const source = { page: async () => [], update: async () => false }
    // Refused, if a column of 'shop' were noted: no source covers it.
    const covered = [
      { fields: customers, source, empty: true },
      { fields: t, source, empty: true },
    ]
    expect(await keyring.destroy(1, { sources: covered })).toMatchObject({ state: 'destroyed' })
  })

  it('names the column in every error about a value, and never shows the value', async () => {
    const { keyring } = await testKeyring()
    const people = keyring.table('people', {
      row: 'id',
      fields: { email: searchable({ normalize: 'email' }), photo: sealed({ kind: 'bytes' }) },
    })
    const good = { id: 1, email: 'ada@example.com', photo: new Uint8Array(1) }
    const cases: [object, string, string][] = [
      [{ email: 7 }, 'email', 'SEAL_INPUT_INVALID'],
      [{ email: 'canary' }, 'email', 'INDEX_INPUT_INVALID'],
      [{ email: `canary@${'x'.repeat(70_000)}` }, 'email', 'SEAL_INPUT_TOO_LONG'],
      [{ email: people.seal(good).email }, 'email', 'ALREADY_SEALED'],
      [{ photo: 'canary' }, 'photo', 'SEAL_INPUT_INVALID'],
      [{ id: null }, 'id', 'ROW_INVALID'],
    ]
    for (const [change, column, code] of cases) {
      const error = thrown(() => people.seal({ ...good, ...change }))
      expect(error).toMatchObject({ code, detail: { table: 'people', column } })
      expect(error.message).toContain(`table 'people': '${column}'`)
      expect(error.message).not.toContain('canary')
    }
  })

  it('refuses options of a column that it does not know', () => {
    expect(() => sealed(untyped({ nulable: true }))).toThrow(TypeError)
    expect(() => sealed(untyped({ nullable: 'yes' }))).toThrow(TypeError)
    expect(() => sealed(untyped({ kind: 'json' }))).toThrow(RangeError)
    expect(() => searchable(untyped({ normalise: 'email' }))).toThrow(TypeError)
    expect(() => searchable(untyped({ nullable: 1 }))).toThrow(TypeError)
    expect(() => searchable({ column: '' })).toThrow(RangeError)
    for (const options of [{ bits: 0 }, { bits: 257 }, { bits: 1.5 }, { normalize: 'toString' }])
      expect(() => keyring.table('t', { row: 'id', fields: { a: searchable(untyped(options)) } })).toThrow(RangeError)
  })
})
