import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import {
  DummyDriver,
  type Generated,
  Kysely,
  sql,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely'
import { afterAll, beforeAll, beforeEach, describe, expect, expectTypeOf, test } from 'vitest'
import { kyselySource } from '../src/kysely-source.ts'
import type { RowKey, SealedSource } from '../src/sealed-source.ts'
import { postgresUrl } from '../../../test/services.ts'
import { databases, postgresDatabase, type TestDatabase } from './support/databases.ts'

interface Shop {
  customers: {
    id: Generated<number>
    shop: string | null
    active: number
    email: string | null
    email_index: string | null
    created: Date | null
  }
  receipts: { number: string; total: string }
}

const columns = ['email', 'email_index']

/** All rows of a source, page by page; `between` runs after each page. */
async function scan(source: SealedSource, limit: number, between: (last: RowKey) => Promise<unknown> = async () => {}) {
  const keys: RowKey[] = []
  let after: RowKey | undefined
  for (;;) {
    const page = await source.page(after, limit, columns)
    if (page.length === 0) return keys
    expect(page.length).toBeLessThanOrEqual(limit)
    expect(page[0]?.key).not.toBe(after)
    keys.push(...page.map(({ key }) => key))
    after = keys.at(-1)
    await between(after as RowKey)
  }
}

describe.each(databases)('kyselySource on %s', (name, openDatabase) => {
  let database: TestDatabase
  let db: Kysely<Shop>
  beforeAll(async () => {
    database = await openDatabase()
    db = database.open<Shop>()
    await sql`create table customers (id integer, shop text, active integer not null default 1, email text, email_index text, created text)`.execute(
      db,
    )
    await sql`create table receipts (number text primary key, total text)`.execute(db)
  })
  afterAll(() => database.close())
  beforeEach(async () => {
    await db.deleteFrom('customers').execute()
    await db.deleteFrom('receipts').execute()
  })

  const insert = (
    ...rows: { id: number | null; shop?: string | null; email?: string | null; email_index?: string | null }[]
  ) =>
    db
      .insertInto('customers')
      .values(rows.map((row) => ({ active: 1, ...row, id: row.id as number })))
      .execute()
  const emailOf = async (id: number) =>
    (await db.selectFrom('customers').select('email').where('id', '=', id).execute()).map(({ email }) => email)
  const customers = () => kyselySource(db, { table: 'customers', row: 'id' })

  test('pages through every row once, in order, with the columns asked for', async () => {
    await insert(...Array.from({ length: 23 }, (_, i) => ({ id: (i * 7) % 23, email: `sealed ${(i * 7) % 23}` })))
    for (const limit of [1, 2, 5, 22, 23, 24, 10_000]) {
      expect(await scan(customers(), limit)).toEqual(Array.from({ length: 23 }, (_, i) => i))
    }
    expect(await customers().page(3, 2, ['email'])).toEqual([
      { key: 4, columns: { email: 'sealed 4' } },
      { key: 5, columns: { email: 'sealed 5' } },
    ])
    expect(await customers().page(22, 2, columns)).toEqual([])
  })

  test('rows that exist throughout come once, whatever is inserted and deleted meanwhile', () =>
    fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(fc.integer({ min: -50, max: 50 }), { minLength: 1 }),
        fc.array(fc.integer({ min: -60, max: 60 })),
        fc.integer({ min: 1, max: 7 }),
        async (kept, changes, limit) => {
          await db.deleteFrom('customers').execute()
          await insert(...kept.map((id) => ({ id, email: 'kept' })))
          const there = new Set<number>()
          const keys = await scan(customers(), limit, async () => {
            const id = changes.pop()
            if (id === undefined || kept.includes(id)) return
            if (there.delete(id)) await db.deleteFrom('customers').where('id', '=', id).execute()
            else await insert({ id: (there.add(id), id), email: 'new' })
          })
          expect(keys.filter((key) => kept.includes(key as number))).toEqual(kept.toSorted((a, b) => a - b))
          expect(new Set(keys).size).toBe(keys.length)
        },
      ),
      { numRuns: 40 },
    ))

  test('pages through text keys in the order of the database', async () => {
    const numbers = ['a', 'B', 'ä', 'Z', 'é', 'aa', '10', '9', "o'hara", '日本', '-1', '🗝️', 'z'.repeat(200)]
    await db
      .insertInto('receipts')
      .values(numbers.map((number) => ({ number, total: 'sealed' })))
      .execute()
    const source = kyselySource(db, { table: 'receipts', row: 'number' })
    const keys: RowKey[] = []
    for (let after: RowKey | undefined; ; after = keys.at(-1)) {
      const page = await source.page(after, 2, ['total'])
      if (page.length === 0) break
      keys.push(...page.map(({ key }) => key))
    }
    expect(keys).toHaveLength(numbers.length)
    expect(new Set(keys)).toEqual(new Set(numbers))
  })

  test('updates a row only while it holds what was expected', async () => {
    await insert({ id: 1, email: 'old', email_index: null }, { id: 2, email: 'old', email_index: null })
    const { update } = customers()
    const set = { email: 'new', email_index: 'i' }
    expect(await update(1, { email: 'other', email_index: null }, set)).toBe(false)
    expect(await update(1, { email: 'old', email_index: 'i' }, set)).toBe(false)
    expect(await update(1, { email: null, email_index: null }, set)).toBe(false)
    expect(await update(3, { email: 'old' }, set)).toBe(false)
    expect([await emailOf(1), await emailOf(2)]).toEqual([['old'], ['old']])
    expect(await update(1, { email: 'old', email_index: null }, set)).toBe(true)
    expect(await update(1, { email: 'old', email_index: null }, set)).toBe(false)
    expect([await emailOf(1), await emailOf(2)]).toEqual([['new'], ['old']])
    expect(await update(1, set, { email: null, email_index: null })).toBe(true)
    expect(await update(1, { email: null, email_index: null }, set)).toBe(true)
    expect(await update(1, {}, { email: 'last' })).toBe(true)
    expect(await emailOf(1)).toEqual(['last'])
  })

  test('lets one of many concurrent updates through', async () => {
    await insert({ id: 1, email: 'v0' })
    const sources = [1, 2, 3, 4].map(() => kyselySource(database.open<Shop>(), { table: 'customers', row: 'id' }))
    for (let round = 0; round < 10; round++) {
      const done = await Promise.all(
        sources.map((source, i) => source.update(1, { email: `v${round}` }, { email: `by ${i}` })),
      )
      expect(done.filter(Boolean)).toHaveLength(1)
      expect(await emailOf(1)).toEqual([`by ${done.indexOf(true)}`])
      await sources[0]?.update(1, { email: `by ${done.indexOf(true)}` }, { email: `v${round + 1}` })
    }
  })

  test('sees and changes only the rows of the filter', async () => {
    await insert(
      { id: 1, shop: 'berlin', email: 'old' },
      { id: 2, shop: 'tokyo', email: 'old' },
      { id: 3, shop: 'berlin', email: 'old' },
      { id: 4, shop: null, email: 'old' },
    )
    const berlin = kyselySource(db, { table: 'customers', row: 'id', filter: { shop: 'berlin', active: 1 } })
    const none = kyselySource(db, { table: 'customers', row: 'id', filter: { shop: null } })
    expect([await scan(berlin, 1), await scan(none, 1)]).toEqual([[1, 3], [4]])
    expect(await berlin.update(2, { email: 'old' }, { email: 'new' })).toBe(false)
    expect(await berlin.update(3, { email: 'old' }, { email: 'new' })).toBe(true)
    expect(await none.update(1, { email: 'old' }, { email: 'new' })).toBe(false)
    expect(await none.update(4, { email: 'old' }, { email: 'new' })).toBe(true)
    expect([await emailOf(1), await emailOf(2), await emailOf(3), await emailOf(4)]).toEqual([
      ['old'],
      ['old'],
      ['new'],
      ['new'],
    ])
  })

  test('refuses a row column that hides rows: repeated anywhere, or null', async () => {
    await insert(...[1, 2, 3, 3, 4].map((id) => ({ id, email: 'sealed', shop: 'berlin' })))
    for (const limit of [1, 2, 3, 4, 5, 6])
      await expect(scan(customers(), limit)).rejects.toMatchObject({ code: 'ROW_INVALID' })
    await expect(customers().update(3, { email: 'sealed' }, { email: 'new' })).rejects.toMatchObject({
      code: 'ROW_INVALID',
    })
    await db.deleteFrom('customers').where('id', '=', 3).execute()
    await insert({ id: null, email: 'sealed', shop: 'tokyo' })
    await expect(scan(customers(), 10)).rejects.toMatchObject({
      code: 'ROW_INVALID',
      message: expect.stringContaining('null') as string,
    })
    expect(await scan(kyselySource(db, { table: 'customers', row: 'id', filter: { shop: 'berlin' } }), 10)).toEqual([
      1, 2, 4,
    ])
  })

  test('refuses keys that are the same to the database, wherever the page ends', async () => {
    const collation = name === 'libsql' ? sql.raw('nocase') : sql.raw('"any_case"')
    if (name !== 'libsql')
      await sql`create collation any_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false)`.execute(
        db,
      )
    await sql`create table tickets (number text collate ${collation} not null, total text)`.execute(db)
    const tickets = kyselySource(db, { table: 'tickets' as 'receipts', row: 'number' })
    const add = (...numbers: string[]) =>
      sql`insert into tickets values ${sql.join(numbers.map((number) => sql`(${number}, 'sealed')`))}`.execute(db)
    const pages = async (limit: number) => {
      const keys: RowKey[] = []
      for (let after: RowKey | undefined; ; after = keys.at(-1)) {
        const page = await tickets.page(after, limit, ['total'])
        if (page.length === 0) return keys
        keys.push(...page.map(({ key }) => key))
      }
    }
    await add('A', 'b', 'C', 'zz', 'ZY')
    expect(await pages(2)).toEqual(['A', 'b', 'C', 'ZY', 'zz'])
    await add('ZZ')
    for (const limit of [1, 2, 3, 4, 5, 6]) {
      await expect(pages(limit)).rejects.toMatchObject({
        code: 'ROW_INVALID',
        message: expect.stringContaining('not unique to the database') as string,
      })
    }
  })

  test('asks about repeated keys among the rows of the filter, once a scan', async () => {
    await insert({ id: 1, shop: 'a' }, { id: 2, shop: 'a' }, { id: 2, shop: 'b' }, { id: 3, shop: 'b' })
    const of = (shop: string) => kyselySource(db, { table: 'customers', row: 'id', filter: { shop } })
    expect([await scan(of('a'), 1), await scan(of('b'), 1)]).toEqual([
      [1, 2],
      [2, 3],
    ])
    await insert({ id: 3, shop: 'b' })
    await expect(of('b').page(undefined, 1, columns)).rejects.toMatchObject({ code: 'ROW_INVALID' })
    expect(await of('a').page(undefined, 1, columns)).toHaveLength(1)
  })

  test('refuses keys that are no row keys', async () => {
    await sql`create table floats as select 1.5 as id, 'sealed' as email, 'sealed' as email_index`.execute(db)
    const floats = kyselySource(db, { table: 'floats' as 'customers', row: 'id' })
    // `pg` gives a numeric as text, which is a key.
    if (name === 'libsql')
      await expect(floats.page(undefined, 5, columns)).rejects.toMatchObject({ code: 'ROW_INVALID' })
    for (const key of [Number.NaN, 1.5, null, {}, 'a\ud800']) {
      await expect(customers().page(key as RowKey, 5, columns)).rejects.toThrow(TypeError)
      await expect(customers().update(key as RowKey, { email: 'a' }, { email: 'b' })).rejects.toThrow(TypeError)
    }
  })

  test.each(['null', 'undefined'])('takes the text %s as a key like any other', async (number) => {
    await db.insertInto('receipts').values({ number, total: 'sealed' }).execute()
    const receipts = kyselySource(db, { table: 'receipts', row: 'number' })
    expect(await receipts.page(undefined, 5, ['total'])).toEqual([{ key: number, columns: { total: 'sealed' } }])
  })

  test('gives what is not text as something that no field can open', async () => {
    await insert({ id: 1 })
    const blob = name === 'libsql' ? sql.raw("x'00ff'") : sql.raw("'\\x00ff'::bytea")
    const other = kyselySource(db, { table: 'blobs' as 'customers', row: 'id' })
    await sql`create table blobs as select id, ${blob} as email, 7 as email_index from customers`.execute(db)
    expect(await other.page(undefined, 5, columns)).toEqual([
      { key: 1, columns: { email: '(not text)', email_index: '(not text)' } },
    ])
  })

  test('wraps what the database throws', async () => {
    const missing = kyselySource(db, { table: 'missing' as 'customers', row: 'id' })
    await expect(missing.page(undefined, 5, columns)).rejects.toMatchObject({ code: 'REENCRYPTION_STOPPED' })
    await expect(missing.update(1, { email: 'a' }, { email: 'b' })).rejects.toMatchObject({
      code: 'REENCRYPTION_STOPPED',
    })
  })

  test('refuses wrong arguments before it asks the database', async () => {
    const { page, update } = customers()
    for (const limit of [0, -1, 1.5, 10_001, Number.NaN])
      await expect(page(undefined, limit, columns)).rejects.toThrow(RangeError)
    for (const names of [[], ['email as id'], ['customers.email'], ['e"mail'], [''], 'email']) {
      await expect(page(undefined, 5, names as string[])).rejects.toThrow(TypeError)
    }
    await expect(update(1, { email: 'a' }, {})).rejects.toThrow(TypeError)
    await expect(update(1, { email: 'a' }, { 'e"mail': 'b' })).rejects.toThrow(TypeError)
    await expect(update(1, { email: undefined as unknown as null }, { email: 'b' })).rejects.toThrow(TypeError)
    await expect(update(1, { email: 'a' }, { email: undefined as unknown as null })).rejects.toThrow(TypeError)
    await expect(update(1, { email: 'a' }, { email: 7 as unknown as string })).rejects.toThrow(TypeError)
  })

  test('refuses wrong options', async () => {
    type Options = Parameters<typeof kyselySource<Shop, 'customers'>>[1]
    const given = db
    const good = { table: 'customers', row: 'id' }
    // What is bound as NULL or as another text matches no row, and a scan without rows lets a key be destroyed.
    const unmatched = [Number.NaN, Infinity, -Infinity, 2 ** 53, 'a\ud800'].map((shop) => ({ shop }))
    const filters = [{}, { shop: undefined }, { shop: {} }, { 'a"b': 'c' }, null, 'shop', [], ...unmatched]
    const wrong = [
      { table: 'a b' },
      { table: '' },
      { row: 'a.b' },
      { row: undefined },
      { where: {} },
      ...filters.map((filter) => ({ filter })),
    ]
    for (const options of wrong) {
      expect(() => kyselySource(given, { ...good, ...options } as unknown as Options)).toThrow(/^kyselySource/)
    }
    expect(() => kyselySource({} as Kysely<Shop>, { table: 'customers', row: 'id' })).toThrow(/Kysely instance/)
    await db.transaction().execute(async (transaction) => {
      expect(() => kyselySource(transaction, { table: 'customers', row: 'id' })).toThrow(/not a transaction/)
    })
  })
})

test('names each column with its table: SQLite may take an unknown column for a text that equals no other', async () => {
  const asked: string[] = []
  const db = new Kysely<Shop>({
    dialect: {
      createAdapter: () => new SqliteAdapter(),
      createDriver: () => new DummyDriver(),
      createIntrospector: (database) => new SqliteIntrospector(database),
      createQueryCompiler: () => new SqliteQueryCompiler(),
    },
    log: ({ query }) => void asked.push(query.sql),
  })
  for (const table of ['customers', 'shop.customers'] as const) {
    const source = kyselySource(db, { table: table as 'customers', row: 'id', filter: { shop: 'berlin', active: 1 } })
    await source.page(undefined, 5, columns)
    await source.page(7, 5, columns)
    await source.update(7, { email: 'a', email_index: null }, { email: 'b' }).catch(() => undefined)
  }
  expect(asked).toHaveLength(8)
  // The only name that stands alone is that of a column to set, which SQLite does not take for anything else.
  const alone = asked
    .flatMap((query) => query.match(/(?<!["\w.])"\w+"(?!\.)/g) ?? [])
    .filter((n) => n !== '"customers"')
  expect(alone).toEqual(['"email"', '"email"'])
})

describe.skipIf(!postgresUrl())('kyselySource on Postgres', () => {
  test('takes keys of 64 bits and UUIDs as the driver gives them', async () => {
    const database = await postgresDatabase()
    interface Wide {
      wide: { id: string; key: string; email: string | null }
    }
    const db = database.open<Wide>()
    await sql`create table wide (id bigint primary key, key uuid not null unique default gen_random_uuid(), email text)`.execute(
      db,
    )
    await sql`insert into wide (id, email) select 9007199254740990 + n, 'old' from generate_series(1, 20) n`.execute(db)
    for (const row of ['id', 'key'] as const) {
      const source = kyselySource(db, { table: 'wide', row })
      const keys: RowKey[] = []
      for (let after: RowKey | undefined; ; after = keys.at(-1)) {
        const page = await source.page(after, 3, ['email'])
        if (page.length === 0) break
        keys.push(...page.map(({ key }) => key))
      }
      expect(new Set(keys).size).toBe(20)
      expect(await source.update(keys[7] as RowKey, { email: 'old' }, { email: row })).toBe(true)
      expect(await source.update(keys[7] as RowKey, { email: row }, { email: 'old' })).toBe(true)
    }
    expect(
      await kyselySource(db, { table: 'wide', row: 'id' }).update(
        9_007_199_254_740_993n,
        { email: 'old' },
        { email: 'b' },
      ),
    ).toBe(true)
    await database.close()
  })

  test('counts a row that a serializable statement lost as not updated', async () => {
    const database = await postgresDatabase('-c default_transaction_isolation=serializable')
    const db = database.open<Shop>()
    await sql`create table customers (id integer primary key, email text)`.execute(db)
    await sql`insert into customers values (1, 'v0')`.execute(db)
    const sources = [1, 2, 3, 4].map(() => kyselySource(database.open<Shop>(), { table: 'customers', row: 'id' }))
    for (let round = 0; round < 25; round++) {
      const token = randomBytes(4).toString('hex')
      const before = (await sources[0]?.page(undefined, 1, ['email']))?.[0]?.columns ?? {}
      const done = await Promise.all(sources.map((source, i) => source.update(1, before, { email: `${token} ${i}` })))
      expect(done.filter(Boolean)).toHaveLength(1)
    }
    await database.close()
  })
})

test('the types know tables and columns, without a cast', () => {
  const check = (db: Kysely<Shop>) => {
    kyselySource(db, { table: 'customers', row: 'id', filter: { shop: 'berlin', active: 1 } })
    // @ts-expect-error there is no such table
    kyselySource(db, { table: 'customer', row: 'id' })
    // @ts-expect-error there is no such column
    kyselySource(db, { table: 'customers', row: 'number' })
    // @ts-expect-error a column of the filter has another type
    kyselySource(db, { table: 'customers', row: 'id', filter: { shop: 7 } })
    // @ts-expect-error there is no such column to filter by
    kyselySource(db, { table: 'customers', row: 'id', filter: { number: '7' } })
    return kyselySource(db, { table: 'receipts', row: 'number' })
  }
  expectTypeOf(check).returns.toEqualTypeOf<SealedSource>()
})
