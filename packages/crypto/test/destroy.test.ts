import { afterEach, beforeEach, describe, expect, it, test, vi } from 'vitest'
import { settableClock } from '@mosaajii/core/testing'
import { DecryptError, type DestroyOptions, type Field, type Keyring, searchable, sealed } from '@mosaajii/crypto'
import { type Fleet, fleet, minute, rejection, type RowsSource, rowsSource } from './support/fleet.ts'
import { testKeyring } from './support/keyrings.ts'

let group: Fleet
let keyring: Keyring
let email: Field
/** One row of `email`, sealed with version 1. */
let source: RowsSource
beforeEach(async () => {
  group = fleet()
  keyring = await group.open()
  email = keyring.field({ table: 'customers', column: 'email' })
  source = rowsSource([{ key: 'c1', columns: { email: email.seal('ada@example.com', { row: 'c1' }) } }])
})
afterEach(() => {
  group.closeAll()
  vi.useRealTimers()
})

/** Rotates, and waits until version 1 may go. */
async function retire(purpose: 'data' | 'index' = 'data', ...others: readonly Keyring[]): Promise<void> {
  await (purpose === 'data' ? keyring.rotate() : keyring.rotateIndex())
  for (let i = 0; i < 4; i++) await group.pass(minute, keyring, ...others)
}

/** Seals all rows of `email` with the active version, as re-encryption does. */
function renew(): void {
  for (const { key, columns } of source.rows) {
    const row = { row: key }
    columns['email'] = email.seal(email.open(columns['email'] ?? '', row), row)
  }
}

const covered = (): DestroyOptions['sources'] => [{ fields: email, source }]

/** Expects a refusal that says why, and that nothing happened. */
async function refused(work: Promise<unknown>, reason: RegExp): Promise<void> {
  const before = group.store.written.length
  const error = await rejection(work)
  expect(error).toMatchObject({ name: 'CryptoError', code: 'KEY_DESTRUCTION_REFUSED', status: 409 })
  expect(error.message).toMatch(reason)
  expect(group.store.written.length).toBe(before)
  expect(group.events.named('keyring.destroy')).toEqual([])
  expect((await group.store.document()).keys.every(({ wrapped }) => wrapped !== undefined)).toBe(true)
}

describe('destroy() succeeds', () => {
  it('when every row was sealed anew: a tombstone stays, without the key', async () => {
    await retire()
    renew()
    const [entry] = (await group.store.document()).keys
    const destroyed = await keyring.destroy(1, { sources: covered() })
    const { createdAt = 0, activeAt = 0 } = entry ?? {}
    const destroyedAt = group.clock.now()
    expect(destroyed).toMatchObject({
      purpose: 'data',
      version: 1,
      state: 'destroyed',
      createdAt,
      activeAt,
      destroyedAt,
    })
    const [tombstone] = (await group.store.document()).keys
    expect(tombstone).toEqual({ purpose: 'data', version: 1, createdAt, activeAt, provider: 'local', destroyedAt })
    expect(group.store.written.at(-1)).not.toContain(entry?.wrapped)
    expect(email.open(source.rows[0]?.columns['email'] ?? '', { row: 'c1' })).toBe('ada@example.com')
  })

  it('and the number is never used again', async () => {
    await retire()
    renew()
    await keyring.destroy(1, { sources: covered() })
    expect((await keyring.rotate()).version).toBe(3)
    expect((await group.open()).versions().map(({ version, state }) => `${version} ${state}`)).toEqual([
      '1 destroyed',
      '2 active',
      '3 pending',
    ])
  })

  it('and what was sealed with it opens nowhere: here at once, elsewhere from the next refresh', async () => {
    const other = await group.open()
    const elsewhere = other.field({ table: 'customers', column: 'email' })
    const old = email.seal('old', { row: 1 })
    await retire('data', other)
    renew()
    await keyring.destroy(1, { sources: covered() })
    expect(elsewhere.open(old, { row: 1 })).toBe('old')
    await other.refresh()
    for (const field of [email, elsewhere]) {
      expect(() => field.open(old, { row: 1 })).toThrow(DecryptError)
      await expect(field.openAsync(old, { row: 1 })).rejects.toThrow(DecryptError)
    }
    expect(group.events.named('field.openFailed').map(({ data }) => data)).toEqual(
      Array.from({ length: 4 }, () => ({
        keyring: 'main',
        table: 'customers',
        column: 'email',
        reason: 'key destroyed',
        keyVersion: 1,
      })),
    )
    // A new process asks the provider for live keys only.
    const asked = group.provider.calls.length
    group.closeAll()
    await group.open()
    expect(group.provider.made('unwrap').slice(-2).toSorted()).toEqual(['data 2', 'index 1'])
    expect(group.provider.calls.length - asked).toBe(2)
  })

  it('and what was sealed with it is ordinary text from then on: it may be sealed', async () => {
    const old = email.seal('old', { row: 1 })
    await retire()
    renew()
    expect(() => email.seal(old, { row: 1 })).toThrow(expect.objectContaining({ code: 'ALREADY_SEALED' }))
    await keyring.destroy(1, { sources: covered() })
    email.seal(old, { row: 1 })
  })

  it('with nulls, empty tables, tables and fields, several sources of one field', async () => {
    const people = keyring.table('people', {
      row: 'id',
      fields: { name: sealed({ nullable: true }), photo: sealed({ kind: 'bytes' }) },
    })
    await retire()
    renew()
    const { name, photo } = people.seal({ id: 1, name: null, photo: Uint8Array.of(1) })
    const rows = rowsSource([{ key: 1, columns: { name, photo } }])
    await keyring.destroy(1, {
      sources: [...covered(), { fields: email, source: rowsSource(), empty: true }, { fields: people, source: rows }],
    })
    expect(keyring.versions()[0]?.state).toBe('destroyed')
  })

  it('of two instances at once, with one tombstone', async () => {
    const other = await group.open()
    const same = other.field({ table: 'customers', column: 'email' })
    await retire('data', other)
    renew()
    const before = group.store.written.length
    const both = await Promise.all([
      keyring.destroy(1, { sources: covered() }),
      other.destroy(1, { sources: [{ fields: same, source }] }),
    ])
    expect(both[0]).toEqual(both[1])
    expect(group.store.written.length - before).toBe(1)
  })

  it('with rows of more than one page', async () => {
    for (let key = 0; key < 1234; key++) {
      source.rows.push({ key, columns: { email: email.seal(`${key}`, { row: key }) } })
    }
    await retire()
    renew()
    const last = source.rows.at(-1) as RowsSource['rows'][number]
    await group.pass(1, keyring)
    const [mended, old] = [last.columns['email'] ?? '', email.seal('x', { row: last.key })]
    expect(mended).not.toBe(old)
    await keyring.destroy(1, { sources: covered() })
    expect(keyring.versions()[0]?.state).toBe('destroyed')
  })
})

describe('destroy() refuses', () => {
  it('the active version', async () => {
    await refused(keyring.destroy(1, { sources: covered() }), /version 1 of the data key is active/)
  })

  it('a pending version', async () => {
    await keyring.rotate()
    await refused(keyring.destroy(2, { sources: covered() }), /pending/)
  })

  test.each([0, 2, -1, 1.5, Number.NaN, 2 ** 32])('version %s, which does not exist', async (version) => {
    await refused(keyring.destroy(version, { sources: covered() }), /there is no version/)
  })

  it('a version that is no number', async () => {
    await expect(keyring.destroy('1' as unknown as number, { sources: covered() })).rejects.toThrow(TypeError)
  })

  it('a source that finds no row: its table or its filter may be the wrong one', async () => {
    await retire()
    renew()
    const nothing = rowsSource()
    await refused(keyring.destroy(1, { sources: [{ fields: email, source: nothing }] }), /has no rows; .* empty: true/)
    await keyring.destroy(1, { sources: [{ fields: email, source: nothing, empty: true }] })
  })

  it('a purpose that does not exist', async () => {
    await refused(keyring.destroy(1, { sources: covered(), purpose: 'backup' as never }), /there is no version/)
  })

  it('a version that is destroyed already', async () => {
    await retire()
    renew()
    await keyring.destroy(1, { sources: covered() })
    const error = await rejection(keyring.destroy(1, { sources: covered() }))
    expect(error).toMatchObject({ code: 'KEY_DESTRUCTION_REFUSED', message: expect.stringContaining('destroyed') })
  })

  it('one millisecond before two intervals have passed, and says how long to wait', async () => {
    const { activeAt } = await keyring.rotate()
    group.clock.set(activeAt)
    await keyring.refresh()
    renew()
    group.clock.set(activeAt + 2 * minute - 1)
    await refused(keyring.destroy(1, { sources: covered() }), /120000 ms before it can go; 1 ms are left/)
    group.clock.advance(1)
    await keyring.destroy(1, { sources: covered() })
  })

  it('before two intervals of the slowest instance have passed', async () => {
    await group.open({ refresh: '1h' })
    await keyring.refresh()
    const { activeAt } = await keyring.rotate()
    group.clock.set(activeAt + 120 * minute - 1)
    await keyring.refresh()
    renew()
    await refused(keyring.destroy(1, { sources: covered() }), /1 ms are left/)
    group.clock.advance(1)
    await keyring.destroy(1, { sources: covered() })
  })

  it('while a transient value could still be open: an hour more', async () => {
    const cvv = keyring.transient({ table: 'payments', column: 'cvv', ttl: '1h' })
    await keyring.recorded()
    const { activeAt } = await keyring.rotate()
    group.clock.set(activeAt - 1)
    await keyring.refresh()
    const last = cvv.seal('123', { row: 1 })
    group.clock.set(activeAt + 62 * minute - 1)
    await keyring.refresh()
    renew()
    await refused(keyring.destroy(1, { sources: covered() }), /1 ms are left/)
    group.clock.advance(1)
    expect(() => cvv.open(last, { row: 1 })).toThrow(DecryptError)
    await keyring.destroy(1, { sources: covered() })
  })

  it('no longer than the longest transient field of any instance asks for', async () => {
    const define = (by: Keyring, ttl: '5m' | '20m' | '1m') => by.transient({ table: 'payments', column: 'cvv', ttl })
    const other = await group.open()
    for (const [by, ttl] of [
      [keyring, '5m'],
      [other, '20m'],
      [keyring, '1m'],
    ] as const) {
      define(by, ttl)
      await by.recorded()
    }
    expect((await group.store.document()).fields.at(-1)).toMatchObject({ use: 'transient', ttl: 20 * minute })
    const { activeAt } = await keyring.rotate()
    group.clock.set(activeAt + 22 * minute - 1)
    await keyring.refresh()
    renew()
    await refused(keyring.destroy(1, { sources: covered() }), /1 ms are left/)
    group.clock.advance(1)
    await keyring.destroy(1, { sources: covered() })
  })

  it('a row that still needs it', async () => {
    await retire()
    await refused(keyring.destroy(1, { sources: covered() }), /1 values of email still need version 1; run reencrypt/)
    renew()
    await keyring.destroy(1, { sources: covered() })
  })

  it('one such row among many, on the last page', async () => {
    const old = email.seal('old', { row: 'last' })
    await retire()
    renew()
    for (let key = 0; key < 1001; key++) {
      source.rows.push({ key, columns: { email: email.seal(`${key}`, { row: key }) } })
    }
    source.rows.push({ key: 'last', columns: { email: old } })
    await refused(keyring.destroy(1, { sources: covered() }), /1 values of email still need/)
  })

  it('such a row in an earlier context of its field', async () => {
    const before = keyring.field({ table: 'clients', column: 'mail' })
    const old = before.seal('y', { row: 2 })
    const moved = keyring.field({ table: 'members', column: 'email', formerly: [{ table: 'clients', column: 'mail' }] })
    const rows = rowsSource([{ key: 1, columns: { email: before.seal('x', { row: 1 }) } }])
    await retire()
    renew()
    const sources = [...covered(), { fields: moved, source: rows }]
    // Rows may have been left in the earlier place: that it is gone must be said, or its rows be read too.
    await refused(keyring.destroy(1, { sources }), /no source covers clients\.mail/)
    const dropped = [{ table: 'clients', column: 'mail' }]
    await refused(keyring.destroy(1, { sources, dropped }), /still need version 1/)
    rows.rows[0] = { key: 1, columns: { email: moved.seal('x', { row: 1 }) } }
    const left = rowsSource([{ key: 2, columns: { mail: old } }])
    await refused(
      keyring.destroy(1, { sources: [...sources, { fields: before, source: left }] }),
      /1 values of mail still need/,
    )
    await keyring.destroy(1, { sources, dropped })
  })

  test.each<[string, (token: string) => string | null | undefined]>([
    ['plaintext', () => 'ada@example.com'],
    ['an empty text', () => ''],
    ['a truncated value', (token) => token.slice(0, -1)],
    ['a changed value', (token) => `${token.slice(0, 60)}${token[60] === 'A' ? 'B' : 'A'}${token.slice(61)}`],
    ['a column that the source does not give', () => undefined],
  ])('a row that cannot be read: %s', async (_, damage) => {
    await retire()
    renew()
    const columns = source.rows[0]?.columns as Record<string, string | null | undefined>
    columns['email'] = damage(columns['email'] ?? '')
    await refused(keyring.destroy(1, { sources: covered() }), /1 values of email cannot be read/)
  })

  test.each(['another row', 'another tenant', 'another field', 'another keyring', 'an unknown version'])(
    'a row that cannot be read: of %s',
    async (of) => {
      const other = await group.open({ id: 'other' })
      await retire('data', other)
      renew()
      const seal: Record<string, () => string> = {
        'another row': () => email.seal('x', { row: 'c2' }),
        'another tenant': () =>
          keyring.field({ table: 'customers', column: 'email', tenant: 't' }).seal('x', { row: 'c1' }),
        'another field': () => keyring.field({ table: 'customers', column: 'name' }).seal('x', { row: 'c1' }),
        'another keyring': () => other.field({ table: 'customers', column: 'email' }).seal('x', { row: 'c1' }),
        'an unknown version': () => {
          const bytes = Buffer.from(email.seal('x', { row: 'c1' }), 'base64url')
          bytes.writeUInt32BE(9, 2)
          return bytes.toString('base64url')
        },
      }
      source.rows[0] = { key: 'c1', columns: { email: seal[of]?.() ?? '' } }
      await Promise.all([keyring.recorded(), other.recorded()])
      const dropped = [
        { table: 'customers', column: 'email', tenant: 't' },
        { table: 'customers', column: 'name' },
      ]
      await refused(keyring.destroy(1, { sources: covered(), dropped }), /1 values of email cannot be read/)
    },
  )

  it('when a field is not covered', async () => {
    keyring.field({ table: 'customers', column: 'phone' })
    await retire()
    renew()
    await refused(keyring.destroy(1, { sources: covered() }), /no source covers customers\.phone; add it to sources/)
    await refused(keyring.destroy(1, { sources: [] }), /no source covers customers\./)
  })

  it('when a field of another instance, which this one never defined, is not covered', async () => {
    await retire()
    renew()
    const other = await group.open()
    other.field({ table: 'invoices', column: 'iban' })
    await other.recorded()
    other.close()
    await refused(keyring.destroy(1, { sources: covered() }), /invoices\.iban/)
  })

  test.each([{ tenant: 'a' }, { schema: 's' }, { tenant: 'a', schema: 's' }])(
    'when the same column with %j is not covered',
    async (place) => {
      const special = keyring.field({ table: 'customers', column: 'email', ...place })
      await retire()
      renew()
      await refused(
        keyring.destroy(1, { sources: covered() }),
        new RegExp(`customers\\.email \\(.*'${Object.values(place)[0]}'`),
      )
      await refused(
        keyring.destroy(1, { sources: [{ fields: special, source: rowsSource() }] }),
        /no source covers customers\.email;/,
      )
      await keyring.destroy(1, { sources: [...covered(), { fields: special, source: rowsSource(), empty: true }] })
    },
  )

  it('when a field is covered by the field of another keyring only', async () => {
    const other = await group.open({ id: 'other' })
    const namesake = other.field({ table: 'customers', column: 'email' })
    const table = other.table('customers', { row: 'id', fields: { email: sealed() } })
    await retire('data', other)
    for (const fields of [namesake, table]) {
      const error = await rejection(keyring.destroy(1, { sources: [{ fields, source: rowsSource() }] }))
      expect(error).toBeInstanceOf(TypeError)
      expect(error.message).toContain('another keyring')
    }
  })

  it('when a field was defined while the rows were counted, here or elsewhere', async () => {
    const other = await group.open()
    await retire('data', other)
    renew()
    const dropped: { table: string; column: string }[] = []
    for (const instance of [other, keyring]) {
      const late = { table: 'late', column: instance === other ? 'there' : 'here' }
      source.beforePage(async () => {
        source.beforePage(undefined)
        instance.field(late)
        await instance.recorded()
      })
      const error = await rejection(keyring.destroy(1, { sources: covered(), dropped }))
      dropped.push(late)
      expect(error.code).toBe('KEY_DESTRUCTION_REFUSED')
      expect(error.message).toContain('while the rows were counted')
    }
    expect((await group.store.document()).keys[0]?.wrapped).toBeDefined()
    await keyring.destroy(1, { sources: covered(), dropped })
  })

  it('with the error of a source that fails', async () => {
    await retire()
    source.beforePage(() => {
      throw new Error('connection refused')
    })
    expect((await rejection(keyring.destroy(1, { sources: covered() }))).message).toBe('connection refused')
    expect(group.events.named('keyring.destroy')).toEqual([])
    expect(keyring.versions()[0]?.state).toBe('decrypt-only')
  })

  test.each<[string, unknown, RegExp]>([
    ['no options', undefined, /plain object/],
    ['no sources', {}, /sources is a list/],
    ['sources that are no list', { sources: {} }, /sources is a list/],
    ['an unknown option', { sources: [], force: true }, /unknown option 'force'/],
    ['a source of something else', { sources: [{ fields: {}, source: rowsSource() }] }, /table or a field/],
    [
      'an index that is none',
      { sources: [{ index: {}, column: 'c', source: rowsSource() }], purpose: 'index' },
      /blind index/,
    ],
    ['dropped that is no list', { sources: [], dropped: 'customers' }, /dropped is a list/],
    ['dropped that is null', { sources: [], dropped: [null] }, /plain object/],
    [
      'dropped with a misspelt tenant',
      { sources: [], dropped: [{ table: 't', column: 'c', tenants: 'x' }] },
      /unknown option/,
    ],
    ['dropped without a column', { sources: [], dropped: [{ table: 't' }] }, /column/],
  ])('%s, with a TypeError', async (_, options, message) => {
    await retire()
    await retire('index')
    const error = await rejection(keyring.destroy(1, options as DestroyOptions))
    expect(error).toBeInstanceOf(TypeError)
    expect(error.message).toMatch(message)
    expect((await group.store.document()).keys.every(({ wrapped }) => wrapped !== undefined)).toBe(true)
  })
})

describe('dropped fields', () => {
  it('need no source', async () => {
    keyring.field({ table: 'customers', column: 'fax' })
    await retire()
    renew()
    await keyring.destroy(1, { sources: covered(), dropped: [{ table: 'customers', column: 'fax' }] })
  })

  test.each([
    [{ tenant: 'a' }, {}],
    [{}, { tenant: 'a' }],
    [{ schema: 's' }, {}],
    [{ tenant: 'a' }, { tenant: 'b' }],
  ])('with %j are not those with %j', async (place, other) => {
    keyring.field({ table: 'old', column: 'fax', ...place })
    await retire()
    renew()
    const dropped = [{ table: 'old', column: 'fax', ...other }]
    await refused(keyring.destroy(1, { sources: covered(), dropped }), /no source covers old\.fax/)
  })
})

describe('destroying an index key', () => {
  it('needs every indexed field covered, and no other', async () => {
    const index = email.blindIndex({ normalize: 'email' })
    const customers = keyring.table('people', {
      row: 'id',
      fields: { mail: searchable({ normalize: 'email' }), name: sealed() },
    })
    const tokens = rowsSource([{ key: 1, columns: { email_index: index.current('ada@example.com') } }])
    const record = customers.seal({ id: 1, mail: 'ada@example.com', name: 'Ada' })
    const people = rowsSource([{ key: 1, columns: { mail_index: record.mail_index } }])
    const byIndex = { index, column: 'email_index', source: tokens }
    const byTable = { fields: customers, source: people }
    await retire('index')
    const destroy = async (sources: DestroyOptions['sources']) => keyring.destroy(1, { purpose: 'index', sources })

    await refused(destroy([]), /no source covers/)
    await refused(destroy([byTable]), /no source covers the blind index 'default email 256' of customers\.email/)
    await refused(destroy([byIndex]), /no source covers .* of people\.mail/)
    // The field alone says nothing about where its tokens are.
    await refused(destroy([byTable, { fields: email, source }]), /no source covers .* of customers\.email/)
    await refused(destroy([byIndex, byTable]), /1 values of email_index still need version 1/)
    tokens.rows[0] = { key: 1, columns: { email_index: index.current('ada@example.com') } }
    await refused(destroy([byIndex, byTable]), /1 values of mail_index still need version 1/)
    people.rows[0] = { key: 1, columns: { mail_index: 'rubbish' } }
    await refused(destroy([byIndex, byTable]), /1 values of mail_index cannot be read/)
    people.rows[0] = { key: 1, columns: { mail_index: null } }
    expect(await destroy([byIndex, byTable])).toMatchObject({ purpose: 'index', version: 1, state: 'destroyed' })
    expect(index.all('ada@example.com').map((token) => token.split('.')[0])).toEqual(['2'])
    // The data key of the same number is another key.
    expect(keyring.versions()[0]?.state).toBe('active')
    expect(email.open(source.rows[0]?.columns['email'] ?? '', { row: 'c1' })).toBe('ada@example.com')
  })

  it('takes no index of another keyring for one of its own', async () => {
    const twin = (await testKeyring()).keyring.field({ table: 'customers', column: 'email' }).blindIndex()
    email.blindIndex()
    await retire('index')
    const sources = [{ index: twin, column: 'email_index', source: rowsSource() }]
    await expect(keyring.destroy(1, { purpose: 'index', sources })).rejects.toThrow(/of another keyring/)
  })

  it('needs each of several indexes of one field covered', async () => {
    const [full, short] = [email.blindIndex({ name: 'full' }), email.blindIndex({ name: 'short', bits: 12 })]
    await retire('index')
    const sources = [{ index: full, column: 'full', source: rowsSource(), empty: true }]
    await refused(
      keyring.destroy(1, { purpose: 'index', sources }),
      /no source covers the blind index 'short exact 12'/,
    )
    const short1 = rowsSource([{ key: 1, columns: { short: '1.AAA' } }])
    const both = [...sources, { index: short, column: 'short', source: short1, empty: true }]
    await refused(keyring.destroy(1, { purpose: 'index', sources: both }), /1 values of short still need/)
    short1.rows.length = 0
    // The same name with another width is another index, with a column of its own.
    email.blindIndex({ name: 'short', bits: 13 })
    await keyring.recorded()
    await refused(keyring.destroy(1, { purpose: 'index', sources: both }), /the blind index 'short exact 13'/)
    const dropped = [{ table: 'customers', column: 'email', index: { name: 'short', bits: 13 } }]
    await keyring.destroy(1, { purpose: 'index', sources: both, dropped })
  })

  it('is refused when a field got an index while the rows were counted', async () => {
    const index = email.blindIndex()
    const phone = keyring.field({ table: 'customers', column: 'phone' })
    const tokens = rowsSource()
    await retire('index')
    tokens.beforePage(async () => {
      tokens.beforePage(undefined)
      phone.blindIndex()
      await keyring.recorded()
    })
    const destroying = keyring.destroy(1, {
      purpose: 'index',
      sources: [{ index, column: 'email_index', source: tokens, empty: true }],
    })
    expect((await rejection(destroying)).message).toContain('while the rows were counted')
  })
})

test('nothing seals with a key that is known to be destroyed, not even between two steps of a refresh', async () => {
  const slow = settableClock(group.clock.now())
  const behind = await group.open({ clock: slow })
  const field = behind.field({ table: 'customers', column: 'email' })
  await retire()
  renew()
  await behind.refresh()
  expect(field.keyVersionOf(field.seal('x', { row: 1 }))).toBe(1)
  await keyring.destroy(1, { sources: covered() })
  const refreshing = behind.refresh()
  let refusals = 0
  for (let step = 0; step < 500; step++) {
    const destroyed = behind.versions()[0]?.state === 'destroyed'
    try {
      field.seal('x', { row: 1 })
      expect(destroyed).toBe(false)
    } catch (error) {
      expect(error).toMatchObject({ code: 'KEYRING_STALE' })
      refusals++
    }
    await Promise.resolve()
  }
  await refreshing
  expect(refusals).toBeGreaterThan(0)
})

describe('a destruction that the store interrupts', () => {
  it('leaves the key when nothing was written', async () => {
    await retire()
    renew()
    group.store.beforeWrite(() => {
      throw new Error('disk full')
    })
    expect((await rejection(keyring.destroy(1, { sources: covered() }))).code).toBe('KEY_STORE_FAILED')
    group.store.beforeWrite(undefined)
    expect(keyring.versions()[0]?.state).toBe('decrypt-only')
    await keyring.destroy(1, { sources: covered() })
  })

  it('keeps a rotation that another instance published meanwhile', async () => {
    const other = await group.open()
    await retire('data', other)
    renew()
    group.store.beforeWrite(async () => {
      group.store.beforeWrite(undefined)
      await other.rotate()
    })
    await keyring.destroy(1, { sources: covered() })
    expect(keyring.versions().map(({ state }) => state)).toEqual(['destroyed', 'active', 'pending'])
  })
})
