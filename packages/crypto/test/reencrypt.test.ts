import {
  type AnySealedTable,
  type ColumnSpecs,
  type CryptoError,
  type CursorStore,
  DecryptError,
  type Keyring,
  localKeyProvider,
  memoryCursor,
  memoryKeyStore,
  openKeyring,
  reencrypt,
  type ReencryptOptions,
  type ReencryptProgress,
  type RowKey,
  searchable,
  sealed,
  type SourceColumns,
} from '@mosaajii/crypto'
import { discardEvents } from '@mosaajii/core'
import { beforeEach, describe, expect, it } from 'vitest'
import { ContextTemplate } from '../src/context.ts'
import { FieldTable } from '../src/table.ts'
import { testKeyring, type TestKeyring, thrown } from './support/keyrings.ts'
import {
  customer,
  type Customer,
  customerColumns,
  customersOf,
  type Customers,
  finish,
  type MemorySource,
  memorySource,
  rotated,
} from './support/shop.ts'

let test: TestKeyring
let keyring: Keyring
let customers: Customers
let source: MemorySource
/** Customers 0 to 9 under version 1. */
let backup: Record<string, object>

beforeEach(async () => {
  test = await testKeyring()
  keyring = test.keyring
  customers = customersOf(keyring)
  source = memorySource()
  backup = Object.fromEntries(
    Array.from({ length: 10 }, (_, i) => [customer(i).id, { ...customers.seal(customer(i)) }]),
  )
})

/** As when the backup of a database comes back. */
function restore(): void {
  for (const [id, columns] of Object.entries(backup)) source.put(id, columns)
}

/** Puts customers 0 to `count - 1` into the source, sealed under the active key. */
function fill(count: number): void {
  for (let i = 0; i < count; i++) source.put(customer(i).id, customers.seal(customer(i)))
}

function run(options: Partial<ReencryptOptions> = {}): Promise<ReencryptProgress[]> {
  return finish(reencrypt({ keyring, table: customers, source, ...options }))
}

function columnsOf(i: number): SourceColumns {
  return source.rows.get(customer(i).id)?.columns ?? {}
}

/** The versions in all values and tokens of a kind. */
function versions(kind: 'values' | 'tokens'): Set<number> {
  const field = keyring.field({ table: 'customers', column: 'name' })
  const found = [...source.rows.values()].flatMap(({ columns }) =>
    customerColumns
      .filter((name) => /_(index|token)$/.test(name) === (kind === 'tokens'))
      .map((name) => columns[name])
      .filter((value) => typeof value === 'string'),
  )
  return new Set(found.map((value) => (kind === 'values' ? field.keyVersionOf(value) : Number.parseInt(value, 10))))
}

/** Opens customer `i` as it stands in the source. */
function opened(i: number): Customer {
  const row = source.rows.get(customer(i).id)
  return customers.open({ ...row?.columns, id: row?.key ?? '' } as never)
}

function expectAll(count: number): void {
  expect(source.rows.size).toBe(count)
  for (let i = 0; i < count; i++) expect(opened(i)).toEqual(customer(i))
}

/** What the types forbid, for callers in JavaScript. */
function untyped(value: unknown): never {
  return value as never
}

describe('the work', () => {
  it('brings every value to the active data key and every token to the active index key, and nothing else', async () => {
    fill(25)
    await rotated(test)
    await rotated(test, 'index')
    await rotated(test)
    const before = source.snapshot()
    const progress = await run({ batch: 7 })
    expect(progress.at(-1)).toMatchObject({ rewritten: 25, conflicts: 0, unreadable: [], done: true })
    expect([versions('values'), versions('tokens')]).toEqual([new Set([3]), new Set([2])])
    expectAll(25)
    for (let i = 0; i < 25; i++) {
      const [was, is] = [before[customer(i).id] ?? {}, columnsOf(i)]
      expect(is['city']).toBe(was['city'])
      expect(Object.keys(is).toSorted()).toEqual(Object.keys(was).toSorted())
      expect(is['email_index']).toBe(customers.where('email', customer(i).email).tokens[0])
      for (const name of customerColumns) expect(is[name] === was[name], name).toBe(was[name] === null)
    }
  })

  it('writes a row in one UPDATE, with all its values and tokens, and all old values as the condition', async () => {
    fill(2)
    await rotated(test)
    const before = source.snapshot()
    const updates: [RowKey, SourceColumns, SourceColumns][] = []
    const update = source.update.bind(source)
    const watched = {
      page: source.page.bind(source),
      update: async (...args: [RowKey, SourceColumns, SourceColumns]) => {
        updates.push(args)
        return update(...args)
      },
    }
    await run({ source: watched })
    expect(updates.map(([key]) => key)).toEqual(['c00000', 'c00001'])
    for (const [key, expected, set] of updates) {
      const { name, email, phone, photo } = before[String(key)] ?? {}
      expect(expected).toEqual({ name, email, phone, photo })
      expect(Object.keys(set).toSorted()).toEqual(
        customerColumns
          .filter((column) => columnsOf(Number(String(key).slice(1)))[column] !== null || column.endsWith('_token'))
          .toSorted(),
      )
    }
  })

  it('reports each batch and the end, in numbers of this run', async () => {
    fill(25)
    await rotated(test)
    const numbers = (await run({ batch: 10 })).map(({ pass, scanned, rewritten, done }) => [
      pass,
      scanned,
      rewritten,
      done,
    ])
    expect(numbers).toEqual([
      [1, 10, 10, false],
      [1, 20, 20, false],
      [1, 25, 25, false],
      [2, 35, 25, false],
      [2, 45, 25, false],
      [2, 50, 25, false],
      [2, 50, 25, true],
    ])
    expect(
      (await run({ batch: 10_000 })).map(({ pass, scanned, rewritten, done }) => [pass, scanned, rewritten, done]),
    ).toEqual([
      [1, 25, 0, false],
      [1, 25, 0, true],
    ])
  })

  it('is done with an empty table at once', async () => {
    expect(await run()).toEqual([
      { pass: 1, scanned: 0, rewritten: 0, conflicts: 0, unreadable: [], unreadableCount: 0, done: true },
    ])
  })

  it('neither writes nor decrypts in a fresh table', async () => {
    fill(20)
    // Only who decrypts would notice.
    for (const [id, row] of source.rows)
      source.put(id, { ...row.columns, name: `${String(row.columns['name']).slice(0, -4)}AAAA` })
    const progress = await run()
    expect(progress.at(-1)).toMatchObject({ pass: 1, scanned: 20, rewritten: 0, unreadable: [], done: true })
    expect(source.calls.update).toBe(0)
    expect(test.events.named('field.openFailed')).toEqual([])
    expect(thrown(() => opened(3))).toBeInstanceOf(DecryptError)
  })

  it('asks the source for the sealed columns and the tokens only', async () => {
    fill(3)
    const asked = new Set<string>()
    await run({
      source: {
        ...source,
        page: async (after, limit, columns) =>
          source.page(after, limit, (columns.forEach((name) => asked.add(name)), columns)),
      },
    })
    expect([...asked].toSorted()).toEqual([...customerColumns].toSorted())
  })

  it.each<[string, RowKey[]]>([
    ['numbers', [-5, 0, 1, 2, 10, 100, Number.MAX_SAFE_INTEGER]],
    ['bigints', [-(10n ** 70n), -1n, 0n, 9n, 10n, 2n ** 64n, 10n ** 76n]],
    ['text', ['-', '10', '9', 'Z', 'a', 'ä', '\u{1f600}', 'x'.repeat(80)]],
    [
      'text of control characters, which a cursor must hold too',
      ['\u0001'.repeat(256), '\u0002'.repeat(256), '"\\'.repeat(128)],
    ],
  ])('goes through rows with keys that are %s, and resumes among them', async (_, keys) => {
    for (const id of keys) source.put(id, customers.seal({ ...customer(1), id: untyped(id) }))
    await rotated(test)
    const cursor = strictCursor()
    for (const _ of keys) await reencrypt({ keyring, table: customers, source, cursor, batch: 1 }).next()
    expect(source.calls.update).toBe(keys.length)
    expect((await run({ cursor, batch: 1 })).at(-1)).toMatchObject({ pass: 2, rewritten: 0, done: true })
    expect(versions('values')).toEqual(new Set([2]))
    for (const id of keys)
      expect(customers.open({ ...source.rows.get(String(id))?.columns, id } as never)).toEqual({ ...customer(1), id })
  })

  it('mends tokens that are missing, old, or of a version that does not exist, where the values are fresh', async () => {
    fill(8)
    for (const [i, token] of [null, '0.x', 'x', '', '99.AAAA', `${'9'.repeat(40)}.A`].entries())
      source.put(customer(i).id, { ...columnsOf(i), email_index: token })
    await run()
    for (let i = 0; i < 8; i++)
      expect(columnsOf(i)['email_index']).toBe(customers.where('email', customer(i).email).tokens[0])
    expectAll(8)
  })

  it('removes the token that was left beside a null, which would keep its index key in use for ever', async () => {
    fill(2)
    source.put(customer(1).id, { ...columnsOf(1), phone: null })
    expect((await run()).at(-1)).toMatchObject({ rewritten: 1, done: true })
    expect(columnsOf(1)).toMatchObject({ phone: null, phone_token: null })
    expect(opened(1)).toEqual({ ...customer(1), phone: null })
  })

  it.each(['__proto__', 'constructor'])('moves a column that is called %s like any other', async (column) => {
    const odd = keyring.table('odd', { row: 'id', fields: { [column]: searchable({ column: 'toString' }) } })
    const record = untyped(
      Object.fromEntries<unknown>([
        ['id', 1],
        [column, 'x'],
      ]),
    )
    source.put(1, odd.seal(record))
    await rotated(test)
    await rotated(test, 'index')
    expect((await run({ table: odd })).at(-1)).toMatchObject({ pass: 2, rewritten: 1, done: true })
    const columns = new Map(Object.entries(source.rows.get('1')?.columns ?? {}))
    expect([columns.get(column)?.slice(0, 8), columns.get('toString')?.slice(0, 2)]).toEqual(['AQEAAAAC', '2.'])
  })

  it('leaves a table of nulls alone', async () => {
    const notes = keyring.table('notes', { row: 'id', fields: { note: searchable({ nullable: true }) } })
    source.put(1, notes.seal({ id: 1, note: null }))
    await rotated(test)
    await rotated(test, 'index')
    expect((await run({ table: notes })).at(-1)).toMatchObject({ scanned: 1, rewritten: 0, done: true })
  })
})

describe('what cannot be read', () => {
  /** Makes one value of customer `i` unreadable and says which. */
  type Damage = (i: number) => { name?: string | null; email?: string; phone?: string; photo?: string }
  const damages: [string, Damage][] = [
    ['plaintext', () => ({ name: 'Ada Lovelace' })],
    ['empty text', () => ({ email: '' })],
    ['a null where none may be', () => ({ name: null })],
    ['a cut value', (i) => ({ name: String(columnsOf(i)['name']).slice(0, -8) })],
    [
      'a changed byte',
      (i) => ({ phone: String(columnsOf(i)['phone']).replace(/.$/, (last) => (last === 'A' ? 'Q' : 'A')) }),
    ],
    ['a value of another row', () => ({ name: String(columnsOf(1)['name']) })],
    ['a value of another column', (i) => ({ email: String(columnsOf(i)['name']) })],
    ['a value of another kind', (i) => ({ photo: String(columnsOf(i)['name']) })],
    ['a version that does not exist', (i) => ({ name: `AQEAAAAJ${String(columnsOf(i)['name']).slice(8)}` })],
    ['version 0', (i) => ({ name: `AQEAAAAA${String(columnsOf(i)['name']).slice(8)}` })],
    [
      'an algorithm that the field does not list',
      (i) => ({ name: `AQIAAAAB${String(columnsOf(i)['name']).slice(8)}` }),
    ],
    ['an unknown algorithm', (i) => ({ name: `AQMAAAAB${String(columnsOf(i)['name']).slice(8)}` })],
  ]

  it.each(damages)('is listed and left byte for byte, and the other rows move on: %s', async (_, damage) => {
    fill(12)
    const damaged = damage(5)
    source.put(customer(5).id, { ...columnsOf(5), ...damaged })
    const before = source.snapshot()
    await rotated(test)
    await rotated(test, 'index')
    for (let again = 0; again < 2; again++) {
      const progress = await run({ batch: 5 })
      const listed = [{ row: 'c00005', column: Object.keys(damaged)[0] }]
      expect(progress.at(-1)).toMatchObject({ unreadable: listed, unreadableCount: 1, conflicts: 0, done: true })
    }
    expect(columnsOf(5)).toEqual(before['c00005'])
    source.rows.delete('c00005')
    expect([versions('values'), versions('tokens')]).toEqual([new Set([2]), new Set([2])])
    for (let i = 0; i < 12; i++) if (i !== 5) expect(opened(i)).toEqual(customer(i))
  })

  it('includes a version that does not exist and a null, also where everything else is fresh', async () => {
    fill(3)
    source.put(customer(0).id, { ...columnsOf(0), name: `AQEAAAAJ${String(columnsOf(0)['name']).slice(8)}` })
    source.put(customer(2).id, { ...columnsOf(2), name: null })
    expect((await run()).at(-1)?.unreadable).toEqual([
      { row: 'c00000', column: 'name' },
      { row: 'c00002', column: 'name' },
    ])
    expect(source.calls.update).toBe(0)
  })

  it('is listed up to 1000 rows, and counted beyond', async () => {
    for (let i = 0; i < 1203; i++) source.put(i, { note: 'plaintext' })
    const notes = keyring.table('notes', { row: 'id', fields: { note: sealed() } })
    const last = (await run({ table: notes })).at(-1)
    expect(last?.unreadable.length).toBe(1000)
    expect(last?.unreadable[999]).toEqual({ row: 999, column: 'note' })
    expect(last?.unreadableCount).toBe(1203)
  })

  it('is also what a normaliser does not take, when a field became searchable later', async () => {
    const before = keyring.table('people', { row: 'id', fields: { mail: sealed() } })
    for (const [id, mail] of ['a@b.c', 'none', '', 'd@e.f'].entries()) source.put(id, before.seal({ id, mail }))
    const now = keyring.table('people', { row: 'id', fields: { mail: searchable({ normalize: 'email' }) } })
    const kept = source.snapshot()
    expect((await run({ table: now })).at(-1)).toMatchObject({
      rewritten: 2,
      unreadable: [
        { row: 1, column: 'mail' },
        { row: 2, column: 'mail' },
      ],
      done: true,
    })
    expect(source.rows.get('3')?.columns['mail_index']).toBe(now.where('mail', 'd@e.f').tokens[0])
    expect([source.rows.get('1')?.columns, source.rows.get('2')?.columns]).toEqual([kept['1'], kept['2']])
  })

  it('is also a value that holds a sealed value: it is never sealed once more', async () => {
    fill(3)
    const table: AnySealedTable = customers
    const core = FieldTable.coreOf(table as FieldTable<string, ColumnSpecs>)
    const { cipher, version } = core.sealingKey()
    const place = { tenant: undefined, table: 'customers', column: 'name', schema: undefined }
    const context = new ContextTemplate(core.engine, 'text', place)
    const twice = cipher.seal(1, context.for(1, version, 'c00001'), String(columnsOf(1)['name']))
    source.put(customer(1).id, { ...columnsOf(1), name: twice })
    expect(opened(1).name).toMatch(/^AQE/)
    await rotated(test)
    expect((await run()).at(-1)).toMatchObject({ rewritten: 2, unreadable: [{ row: 'c00001', column: 'name' }] })
    expect(columnsOf(1)['name']).toBe(twice)
  })

  it('is also a row whose key no field takes, however long, and the work goes on after it', async () => {
    const ids = ['', 'a', 'b'.repeat(300), 'c', 'd'.repeat(2000), 'e']
    for (const id of ids) source.put(id, customers.seal({ ...customer(1), id: id.length === 1 ? id : 'x' }))
    await rotated(test)
    const cursor = strictCursor()
    for (const _ of ids) await reencrypt({ keyring, table: customers, source, cursor, batch: 1 }).next()
    expect((await run({ cursor })).at(-1)).toMatchObject({
      unreadable: ids.filter((id) => id.length !== 1).map((row) => ({ row, column: 'name' })),
      done: true,
    })
    for (const id of ['a', 'c', 'e'])
      expect(source.rows.get(id)?.columns['name']?.startsWith('AQEAAAAC'), id).toBe(true)
  })

  it('tells the log why, without the value', async () => {
    fill(1)
    source.put(customer(0).id, { ...columnsOf(0), name: 'Ada Lovelace' })
    await run()
    expect(test.events.named('field.openFailed').map(({ data }) => data)).toEqual([
      { keyring: 'main', table: 'customers', column: 'name', reason: 'not a token' },
    ])
  })
})

describe('what the application does meanwhile', () => {
  /** Does something once, between the reading of customer 3 and its update. */
  function between(act: () => void): void {
    let done = false
    source.before = (what, key) => {
      if (done || what !== 'update' || key !== 'c00003') return
      done = true
      act()
    }
  }

  it('keeps a value that was written between the reading and the update', async () => {
    fill(6)
    await rotated(test)
    between(() =>
      source.put('c00003', { ...columnsOf(3), ...customers.sealPatch('c00003', { email: 'new@example.com' }) }),
    )
    expect((await run()).at(-1)).toMatchObject({ rewritten: 6, conflicts: 0, done: true })
    expect(opened(3)).toEqual({ ...customer(3), email: 'new@example.com' })
    expect(columnsOf(3)['email_index']).toBe(customers.where('email', 'new@example.com').tokens[0])
    expect(versions('values')).toEqual(new Set([2]))
  })

  it('keeps a whole record that was written anew, and a null, and a value in place of a null', async () => {
    for (const change of [
      { ...customer(8), id: 'c00003' },
      { ...customer(3), photo: null, phone: null },
      { ...customer(3), phone: '+4930123456', photo: Uint8Array.of(1) },
    ]) {
      fill(6)
      await rotated(test)
      between(() => source.put('c00003', customers.seal(change)))
      expect((await run()).at(-1)).toMatchObject({ conflicts: 0, done: true })
      expect(opened(3)).toEqual(change)
    }
  })

  it('does not bring a deleted row back, and takes a row that was inserted in its place', async () => {
    fill(6)
    await rotated(test)
    between(() => source.rows.delete('c00003'))
    await run()
    expect([...source.rows.keys()]).not.toContain('c00003')
    fill(6)
    await rotated(test)
    between(() => {
      source.rows.delete('c00003')
      source.put('c000025', customers.seal({ ...customer(3), id: 'c000025' }))
    })
    expect((await run()).at(-1)?.done).toBe(true)
    expect(versions('values')).toEqual(new Set([3]))
  })

  it('does not blame a deleted row for the one after it', async () => {
    fill(6)
    source.put('c00004', { ...columnsOf(4), name: 'plaintext' })
    await rotated(test)
    between(() => source.rows.delete('c00003'))
    expect((await run({ batch: 10 })).map(({ unreadable }) => unreadable)).toEqual(
      Array.from({ length: 3 }, () => [{ row: 'c00004', column: 'name' }]),
    )
  })

  it('begins another pass when a key becomes active in the middle of one', async () => {
    fill(30)
    await rotated(test)
    let progress: ReencryptProgress | undefined
    for await (const step of reencrypt({ keyring, table: customers, source, batch: 5 })) {
      progress = step
      if (step.scanned === 15) await rotated(test)
      if (step.scanned === 65) await rotated(test, 'index')
    }
    expect(progress).toMatchObject({ done: true, unreadable: [] })
    expect([versions('values'), versions('tokens')]).toEqual([new Set([3]), new Set([2])])
    expectAll(30)
  })

  it('does not say that it is done when a key became active at the very end', async () => {
    fill(4)
    let rotations = 0
    const pass = source.page.bind(source)
    const page: MemorySource['page'] = async (after, limit, columns) => {
      const rows = await pass(after, limit, columns)
      if (rows.length === 0 && rotations++ === 0) await rotated(test)
      return rows
    }
    expect((await run({ source: { ...source, page, update: source.update.bind(source) } })).at(-1)).toMatchObject({
      done: true,
      rewritten: 4,
    })
    expect(versions('values')).toEqual(new Set([2]))
  })

  it('gives up after a hundred passes over a row that someone changes each time, and can begin anew', async () => {
    fill(3)
    await rotated(test)
    const old = columnsOf(1)
    const cursor = memoryCursor()
    const stubborn = {
      page: source.page.bind(source),
      update: async (key: RowKey, expected: SourceColumns, set: SourceColumns) =>
        key === 'c00001' ? false : source.update(key, expected, set),
    }
    const seen: ReencryptProgress[] = []
    const work = async () => {
      for await (const step of reencrypt({ keyring, table: customers, source: stubborn, cursor })) seen.push(step)
    }
    await expect(work()).rejects.toMatchObject({ code: 'REENCRYPTION_STOPPED' })
    expect(seen.length).toBe(100)
    expect(seen.at(-1)).toMatchObject({ pass: 100, conflicts: 100, rewritten: 2, done: false })
    expect(columnsOf(1)).toEqual(old)
    expect(await cursor.load()).toBeUndefined()
    expect((await run({ cursor })).at(-1)).toMatchObject({ rewritten: 1, done: true })
    expectAll(3)
  })

  it('lets timers and requests have their turn, also with a source that answers at once', async () => {
    fill(1500)
    await rotated(test)
    let turns = 0
    const timer = setInterval(() => turns++, 1)
    const { page, update } = source
    // Not even a promise that takes a moment: as a driver that works in the same thread.
    const atOnce = async (...args: Parameters<typeof page>) => page(...args)
    await run({ source: { page: atOnce, update }, batch: 1500 })
    clearInterval(timer)
    expect(turns).toBeGreaterThan(3)
  })

  it('works beside a second one: no row is written twice', async () => {
    fill(40)
    await rotated(test)
    source.before = () => new Promise((resolve) => setImmediate(resolve))
    const [one, two] = await Promise.all([run({ batch: 7 }), run({ batch: 3 })])
    expect((one.at(-1)?.rewritten ?? 0) + (two.at(-1)?.rewritten ?? 0)).toBe(40)
    expect([one.at(-1)?.done, two.at(-1)?.done]).toEqual([true, true])
    expectAll(40)
    expect(versions('values')).toEqual(new Set([2]))
  })
})

describe('moves', () => {
  it('bring a table, a schema and a column from their earlier places to the present ones, tokens too', async () => {
    const old = keyring.table('clients', { row: 'id', schema: 'v1', fields: { mail: searchable(), name: sealed() } })
    const now = keyring.table('people', {
      row: 'id',
      schema: 'v2',
      formerly: [{ table: 'clients', schema: 'v1' }],
      fields: { email: searchable({ formerly: [{ table: 'clients', column: 'mail', schema: 'v1' }] }), name: sealed() },
    })
    const after = keyring.table('people', { row: 'id', schema: 'v2', fields: { email: searchable(), name: sealed() } })
    for (let id = 0; id < 9; id++) {
      const { mail, mail_index, ...rest } = old.seal({ id, mail: `a${id}@b.c`, name: `Ada ${id}` })
      source.put(id, { ...rest, email: mail, email_index: mail_index })
    }
    expect((await run({ table: now, batch: 2 })).at(-1)).toMatchObject({ rewritten: 9, unreadable: [], done: true })
    for (let id = 0; id < 9; id++) {
      const columns = source.rows.get(String(id))?.columns
      expect(after.open({ ...columns, id } as never)).toEqual({ id, email: `a${id}@b.c`, name: `Ada ${id}` })
      expect(columns?.['email_index']).toBe(after.where('email', `a${id}@b.c`).tokens[0])
    }
    expect((await run({ table: now })).at(-1)).toMatchObject({ rewritten: 0, pass: 1 })
  })

  it('bring plain XAES to KC-XAES, so that the field can stop to open plain XAES', async () => {
    const fields = { note: sealed({ kind: 'bytes' }), name: sealed() }
    const old = keyring.table('t', { row: 'id', fields, algorithms: ['XAES-256-GCM'] })
    const both = keyring.table('t', { row: 'id', fields, algorithms: ['KC-XAES-256-GCM', 'XAES-256-GCM'] })
    const now = keyring.table('t', { row: 'id', fields })
    const record = (id: number) => ({ id, note: Uint8Array.of(id), name: `Ada ${id}` })
    for (let id = 0; id < 5; id++) source.put(id, old.seal(record(id)))
    expect((await run({ table: now })).at(-1)).toMatchObject({ unreadableCount: 5, rewritten: 0 })
    expect((await run({ table: both })).at(-1)).toMatchObject({ unreadableCount: 0, rewritten: 5 })
    for (let id = 0; id < 5; id++)
      expect(now.open({ ...source.rows.get(String(id))?.columns, id } as never)).toEqual(record(id))
    // And not the other way round by itself.
    expect((await run({ table: both })).at(-1)?.rewritten).toBe(0)
  })
})

/** A cursor that keeps every cursor it was given and refuses what a real store refuses. */
function strictCursor(start?: string): CursorStore & { readonly saved: string[] } {
  const inner = memoryCursor()
  let first = start
  const saved: string[] = []
  return {
    saved,
    load: async () => first ?? inner.load(),
    async save(cursor) {
      first = undefined
      await inner.save(cursor)
      saved.push(cursor)
    },
    async clear() {
      first = undefined
      await inner.clear()
    },
  }
}

describe('the cursor', () => {
  it('is saved after each batch, when all its rows are written, and cleared at the end', async () => {
    fill(10)
    await rotated(test)
    const cursor = memoryCursor()
    const written: number[] = []
    const save = async (text: string) => {
      written.push(versionOf2())
      await cursor.save(text)
    }
    const watched = { ...cursor, save }
    const versionOf2 = () =>
      [...source.rows.values()].filter(({ columns }) => columns['name']?.startsWith('AQEAAAAC')).length
    await run({ cursor: watched, batch: 4 })
    expect(written).toEqual([4, 8, 10, 10, 10, 10])
    expect(await cursor.load()).toBeUndefined()
  })

  it('holds nothing of the rows but the key', async () => {
    fill(10)
    await rotated(test)
    const cursor = strictCursor()
    await run({ cursor, batch: 4 })
    expect(cursor.saved.length).toBe(6)
    for (const text of cursor.saved) {
      expect(Object.keys(JSON.parse(text) as object).toSorted()).toEqual(['after', 'key', 'of', 'pass'])
      expect(text.length).toBeLessThan(200)
    }
  })

  it('goes on after the last saved batch', async () => {
    fill(10)
    await rotated(test)
    const cursor = memoryCursor()
    for await (const { scanned } of reencrypt({ keyring, table: customers, source, cursor, batch: 3 }))
      if (scanned === 6) break
    const afters: (RowKey | undefined)[] = []
    source.before = (what, key) => void (what === 'page' && afters.push(key))
    const progress = await run({ cursor, batch: 3 })
    expect(afters[0]).toBe('c00005')
    expect(progress.at(-1)).toMatchObject({ rewritten: 4, done: true })
    expectAll(10)
  })

  it('may be left behind at any batch, any number of times, with rotations in between', async () => {
    fill(12)
    await rotated(test)
    const cursor = memoryCursor()
    for (let stop = 0; stop < 12; stop++) {
      let seen = 0
      for await (const _ of reencrypt({ keyring, table: customers, source, cursor, batch: 2 }))
        if (seen++ >= stop % 5) break
      if (stop % 3 === 0) await rotated(test, stop % 2 === 0 ? 'data' : 'index')
    }
    expect((await run({ cursor, batch: 5 })).at(-1)).toMatchObject({ done: true, unreadable: [], conflicts: 0 })
    expect([versions('values'), versions('tokens')]).toEqual([new Set([4]), new Set([3])])
    expectAll(12)
  })

  it('may fail to be saved: the rows were written, and the next run goes on', async () => {
    fill(6)
    await rotated(test)
    const cursor = memoryCursor()
    const failing = { ...cursor, save: async () => Promise.reject(new Error('disk full')) }
    await expect(run({ cursor: failing, batch: 2 })).rejects.toThrow('disk full')
    expect(versions('values')).toEqual(new Set([1, 2]))
    expect((await run({ cursor, batch: 2 })).at(-1)).toMatchObject({ rewritten: 4, done: true })
  })

  it('that is old costs time and nothing else: rows that are stale again are found', async () => {
    fill(10)
    const cursor = strictCursor()
    await run({ cursor, batch: 10 })
    const [atTheEnd] = cursor.saved
    // A backup of the database came back, or someone moved the cursor to the end: all rows are of version 1, and nothing is stale after it.
    await rotated(test)
    const during = strictCursor()
    await run({ cursor: during, batch: 10 })
    for (const old of [atTheEnd, ...during.saved]) {
      restore()
      expect((await run({ cursor: strictCursor(old), batch: 10 })).at(-1)).toMatchObject({ rewritten: 10, done: true })
      expect(versions('values')).toEqual(new Set([2]))
    }
  })

  it('does not outlive the definition that it was saved under', async () => {
    const old = keyring.table('t', { row: 'id', fields: { a: sealed() }, schema: 'v1' })
    const now = keyring.table('t', { row: 'id', fields: { a: sealed({ formerly: [{ schema: 'v1' }] }) } })
    for (let id = 0; id < 4; id++) source.put(id, old.seal({ id, a: `x${id}` }))
    for (let id = 2; id < 4; id++) source.put(id, now.seal({ id, a: `x${id}` }))
    const cursor = memoryCursor()
    const before = keyring.table('t', { row: 'id', fields: { a: sealed() } })
    for await (const { scanned } of reencrypt({ keyring, table: before, source, cursor, batch: 2 }))
      if (scanned === 2) break
    expect((await run({ table: now, cursor, batch: 2 })).at(-1)).toMatchObject({ rewritten: 2, done: true })
  })

  it('of another table, tenant, schema or keyring is refused before anything is written', async () => {
    fill(4)
    await rotated(test)
    const cursor = memoryCursor()
    for await (const _ of reencrypt({ keyring, table: customers, source, cursor, batch: 2 })) break
    const saved = await cursor.load()
    const other = await testKeyring({ id: 'other' })
    const fields = { name: sealed() }
    const foreign: [Keyring, AnySealedTable][] = [
      [keyring, keyring.table('suppliers', { row: 'id', fields })],
      [keyring, customersOf(keyring, 'berlin')],
      [keyring, keyring.table('customers', { row: 'id', fields, schema: 'customers' })],
      [other.keyring, customersOf(other.keyring)],
    ]
    const { update, page } = source.calls
    for (const [ring, table] of foreign)
      await expect(run({ keyring: ring, table, cursor })).rejects.toMatchObject({ code: 'REENCRYPTION_STOPPED' })
    expect(source.calls).toEqual({ update, page })
    expect(await cursor.load()).toBe(saved)
  })

  it('that is damaged is refused, whatever it says', async () => {
    fill(4)
    const cursor = strictCursor()
    await run({ cursor, batch: 2 })
    const [saved = ''] = cursor.saved
    const good = JSON.parse(saved) as Record<string, unknown>
    const damaged = [
      '',
      '{',
      'null',
      '[]',
      '7',
      '"x"',
      'true',
      '{}',
      saved.slice(0, -1),
      saved.slice(1),
      ...['of', 'pass', 'key', 'after'].map((name) => JSON.stringify({ ...good, [name]: undefined })),
      ...[0, -1, 1.5, 101, 1e9, '1', null].map((pass) => JSON.stringify({ ...good, pass })),
      ...['*', 'wyg', 7, null, {}].map((after) => JSON.stringify({ ...good, after })),
      ...['object', 'undefined', 7, null].map((key) => JSON.stringify({ ...good, key })),
      // 'c00001' is no number; the number here is no safe integer.
      ...['number', 'bigint'].map((key) => JSON.stringify({ ...good, key })),
      JSON.stringify({ ...good, key: 'number', after: btoa('9'.repeat(20)) }),
      JSON.stringify({ ...good, key: 'bigint', after: btoa('9'.repeat(81)).replaceAll('=', '') }),
    ]
    for (const text of damaged)
      await expect(run({ cursor: strictCursor(text) }), text).rejects.toMatchObject({ code: 'REENCRYPTION_STOPPED' })
    expect((await run({ cursor: strictCursor(saved) })).at(-1)?.done).toBe(true)
  })

  it.each(['load', 'save', 'clear'] as const)('that fails in %s ends the work with that failure', async (method) => {
    fill(2)
    const cursor = { ...memoryCursor(), [method]: async () => Promise.reject(new Error(`no ${method}`)) }
    await expect(run({ cursor })).rejects.toThrow(`no ${method}`)
    expectAll(2)
  })
})

describe('the end before the end', () => {
  it('stops where the signal says, between two rows, and the next run goes on', async () => {
    fill(10)
    await rotated(test)
    for (const at of [1, 5, 6]) {
      const stopping = new AbortController()
      let updates = 0
      source.before = (what) =>
        void (what === 'update' && ++updates === at && stopping.abort(new Error('closing time')))
      await expect(run({ signal: stopping.signal, batch: 2 })).rejects.toThrow('closing time')
      expect(updates).toBe(at)
      restore()
    }
    source.before = () => undefined
    expect((await run()).at(-1)).toMatchObject({ rewritten: 10, done: true })
    expectAll(10)
  })

  it('does not begin when the signal was there first', async () => {
    fill(3)
    await rotated(test)
    await expect(run({ signal: AbortSignal.abort() })).rejects.toMatchObject({ name: 'AbortError' })
    expect(source.calls).toEqual({ page: 0, update: 0 })
  })

  it('does not say that a table is done when the keyring may have missed a rotation', async () => {
    const provider = localKeyProvider({ secret: globalThis.crypto.getRandomValues(new Uint8Array(32)) })
    const options = { provider, store: memoryKeyStore(), events: discardEvents(), clock: test.clock }
    const [one, late] = [await openKeyring(options), await openKeyring(options)]
    const table = customersOf(late)
    for (let i = 0; i < 3; i++) source.put(customer(i).id, table.seal(customer(i)))
    await rotated({ ...test, keyring: one })
    await expect(run({ keyring: late, table })).rejects.toMatchObject({ code: 'KEYRING_STALE' })
    await late.refresh()
    expect((await run({ keyring: late, table })).at(-1)).toMatchObject({ rewritten: 3, done: true })
  })

  it('leaves no row half written when the keyring is closed in the middle', async () => {
    fill(6)
    await rotated(test)
    let updates = 0
    source.before = (what) => void (what === 'update' && ++updates === 3 && keyring.close())
    const error = await run({ batch: 2 }).catch((reason: unknown) => reason as CryptoError)
    expect(error).toMatchObject({ code: 'KEYRING_CLOSED' })
    expect(updates).toBe(3)
  })

  it('passes on what the source throws', async () => {
    fill(3)
    await rotated(test)
    source.before = (what) => {
      if (what === 'update') throw new Error('connection lost')
    }
    await expect(run()).rejects.toThrow('connection lost')
  })
})

describe('options', () => {
  const good = (): ReencryptOptions => ({ keyring, table: customers, source })

  it.each<[string, () => unknown]>([
    ['none', () => undefined],
    ['an unknown one', () => ({ ...good(), cursors: memoryCursor() })],
    ['no keyring', () => ({ ...good(), keyring: undefined })],
    ['no table', () => ({ ...good(), table: undefined })],
    ['a field', () => ({ ...good(), table: keyring.field({ table: 't', column: 'a' }) })],
    ['something like a table', () => ({ ...good(), table: { ...customers } })],
    ['no source', () => ({ ...good(), source: undefined })],
    ['a source that cannot update', () => ({ ...good(), source: { page: async () => [] } })],
    ['a cursor that is a path', () => ({ ...good(), cursor: 'customers.cursor' })],
    ['a cursor that cannot be cleared', () => ({ ...good(), cursor: { ...memoryCursor(), clear: undefined } })],
    ['a controller for a signal', () => ({ ...good(), signal: new AbortController() })],
    ['null for a signal', () => ({ ...good(), signal: null })],
  ])('are refused at once: %s', (_, options) => {
    expect(() => reencrypt(untyped(options()))).toThrow(TypeError)
  })

  it.each([0, -1, 10_001, 1.5, Number.NaN, Number.POSITIVE_INFINITY])('batch is not %d', (batch) => {
    expect(() => reencrypt({ ...good(), batch })).toThrow(RangeError)
  })

  it('the table is of this keyring', async () => {
    const other = await testKeyring({ id: 'other' })
    expect(() => reencrypt({ ...good(), keyring: other.keyring })).toThrow(TypeError)
    // Another keyring may have the same id.
    const twin = await testKeyring()
    expect(() => reencrypt({ ...good(), keyring: twin.keyring })).toThrow(/another keyring/)
  })
})
