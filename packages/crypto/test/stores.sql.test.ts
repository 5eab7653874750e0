import { randomBytes } from 'node:crypto'
import { inspect } from 'node:util'
import { type Kysely, ParseJSONResultsPlugin, sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { sqlKeyStore } from '../src/stores/sql.ts'
import { postgresUrl } from '../../../test/services.ts'
import { databases, libsqlDatabase, postgresDatabase, type TestDatabase } from './support/databases.ts'

const newTable = () => `keyrings_${randomBytes(6).toString('hex')}`

async function failureOf(work: Promise<unknown>) {
  const error: unknown = await work.then(
    () => expect.unreachable('it did not fail'),
    (reason: unknown) => reason,
  )
  expect(error).toMatchObject({ code: 'KEY_STORE_FAILED', status: 503 })
  return error as Error
}

describe.each(databases)('sqlKeyStore on %s', (_, openDatabase) => {
  let database: TestDatabase
  let db: Kysely<unknown>
  beforeAll(async () => {
    database = await openDatabase()
    db = database.open()
  })
  afterAll(() => database.close())

  test('migrates in many connections at once, and again', async () => {
    const shared = db
    const open = () => database.open<unknown>()
    for (let round = 0; round < 10; round++) {
      const table = newTable()
      const stores = Array.from({ length: 8 }, () => sqlKeyStore({ db: round % 2 ? shared : open(), table }))
      await Promise.all(stores.map((store) => store.migrate()))
      expect(await stores[0]?.write('main', '{"first":true}', 0)).toBe(true)
      await stores[1]?.migrate()
      expect(await stores[2]?.read('main')).toEqual({ generation: 1, document: '{"first":true}' })
    }
  })

  test('says that migrate() is missing', async () => {
    const store = sqlKeyStore({ db, table: newTable() })
    expect((await failureOf(store.read('main'))).message).toContain('migrate()')
    expect((await failureOf(store.write('main', '{}', 0))).message).toContain('migrate()')
    expect((await failureOf(store.write('main', '{}', 1))).cause).toBeInstanceOf(Error)
  })

  test('keeps tables apart', async () => {
    const [a, b] = [sqlKeyStore({ db, table: newTable() }), sqlKeyStore({ db, table: newTable() })]
    await Promise.all([a.migrate(), b.migrate()])
    await a.write('main', '{}', 0)
    expect(await b.read('main')).toBeUndefined()
  })

  test.each([
    ['generation 0', '0', '{}'],
    ['a negative generation', '-1', '{}'],
    ['a generation beyond safe integers', '9007199254740993', '{}'],
    ['a cut document', '1', '{"cut":'],
    ['an empty document', '1', ''],
    ['too long a document', '1', `"${'a'.repeat(1 << 20)}"`],
  ])('refuses a row with %s', async (_, generation, document) => {
    const table = newTable()
    const store = sqlKeyStore({ db, table })
    await store.migrate()
    await sql`insert into ${sql.table(table)} values ('main', ${sql.raw(generation)}, ${document})`.execute(db)
    expect(await failureOf(store.read('main'))).toHaveProperty('cause')
  })

  test('names a plugin that parses results as a possible cause', async () => {
    const table = newTable()
    const store = sqlKeyStore({ db: db.withPlugin(new ParseJSONResultsPlugin()), table })
    await store.migrate()
    expect(await store.write('main', '{"keys":[]}', 0)).toBe(true)
    expect(inspect(await failureOf(store.read('main')))).toContain('plugin')
  })

  test('refuses a transaction: what it wrote could still be rolled back', async () => {
    await db.transaction().execute(async (transaction) => {
      expect(() => sqlKeyStore({ db: transaction })).toThrow(/not a transaction/)
    })
  })

  test('goes on at generations beyond 32 bits', async () => {
    const table = newTable()
    const store = sqlKeyStore({ db, table })
    await store.migrate()
    await sql`insert into ${sql.table(table)} values ('main', 5000000000, '{}')`.execute(db)
    expect(await store.read('main')).toEqual({ generation: 5_000_000_000, document: '{}' })
    expect(await store.write('main', '{"n":1}', 5_000_000_000)).toBe(true)
    expect(await store.read('main')).toEqual({ generation: 5_000_000_001, document: '{"n":1}' })
  })

  test('takes a schema before the table', async () => {
    const schema = (await currentSchema(db)) ?? 'main'
    const table = newTable()
    const store = sqlKeyStore({ db, table: `${schema}.${table}` })
    await store.migrate()
    await store.write('main', '{}', 0)
    expect(await sqlKeyStore({ db, table }).read('main')).toEqual({ generation: 1, document: '{}' })
  })
})

async function currentSchema(db: Kysely<unknown>): Promise<string | undefined> {
  const found = await sql<{ name: string }>`select current_schema() as name`.execute(db).catch(() => undefined)
  return found?.rows[0]?.name
}

describe.skipIf(!postgresUrl())('sqlKeyStore on Postgres', () => {
  test.each(['repeatable\\ read', 'serializable'])(
    'one writer wins each generation when the default isolation is %s',
    async (isolation) => {
      const database = await postgresDatabase(`-c default_transaction_isolation=${isolation}`)
      try {
        const stores = [1, 2, 3, 4].map(() => sqlKeyStore({ db: database.open() }))
        await stores[0]?.migrate()
        for (let after = 0; after < 25; after++) {
          const won = await Promise.all(stores.map((store, i) => store.write('main', `{"by":${i}}`, after)))
          expect(won.filter(Boolean)).toHaveLength(1)
        }
      } finally {
        await database.close()
      }
    },
  )

  test('a server that went away is a failure, not a lost write', async () => {
    const database = await postgresDatabase()
    const db = database.open<unknown>()
    const store = sqlKeyStore({ db })
    await store.migrate()
    await db.destroy()
    expect(await failureOf(store.write('main', '{}', 0))).toHaveProperty('cause')
    expect(await failureOf(store.read('main'))).toHaveProperty('cause')
    await database.close()
  })
})

describe('sqlKeyStore', () => {
  test.each(['', 'a b', 'a"b', 'a;b', 'a.b.c', '.a', 'a.', '1a', 'a as b', 'a'.repeat(64), 'a-b', null, 7])(
    'refuses the table %j',
    async (table) => {
      const database = await libsqlDatabase()
      expect(() => sqlKeyStore({ db: database.open(), table: table as string })).toThrow(TypeError)
      await database.close()
    },
  )

  test('refuses what is not Kysely, and unknown options', async () => {
    const database = await libsqlDatabase()
    const db = database.open<unknown>()
    for (const other of [undefined, null, {}, 'postgres://'] as unknown as Kysely<unknown>[]) {
      expect(() => sqlKeyStore({ db: other })).toThrow('must be a Kysely instance')
    }
    expect(() => sqlKeyStore({ db, tabel: 'keyrings' } as { db: Kysely<unknown> })).toThrow(/unknown option 'tabel'/)
    expect(() => sqlKeyStore(undefined as unknown as { db: Kysely<unknown> })).toThrow(TypeError)
    await database.close()
  })
})
