import { randomInt } from 'node:crypto'
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises'
import {
  DecryptError,
  type Keyring,
  reencrypt,
  type ReencryptOptions,
  type Sealed,
  searchable,
  sealed,
} from '@mosaajii/crypto'
import { kyselySource, sqlCursor } from '@mosaajii/crypto/sql'
import { type Kysely, sql } from 'kysely'
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { databases, type TestDatabase } from './support/databases.ts'
import { testKeyring, type TestKeyring, thrown } from './support/keyrings.ts'
import { createShop, customer, customersOf, type Customers, finish, rotated, type Shop } from './support/shop.ts'

interface Numbered {
  notes: { id: number; shop: string; note: Sealed | null; note_index: string | null }
  accounts: { id: string | number; note: Sealed }
}

describe.each(databases)('tables and re-encryption on %s', (name, openDatabase) => {
  let database: TestDatabase
  let db: Kysely<Shop>
  let numbered: Kysely<Numbered>
  let ring: TestKeyring
  let keyring: Keyring
  let customers: Customers

  beforeAll(async () => {
    database = await openDatabase()
    db = database.open<Shop>()
    numbered = database.open<Numbered>()
    await createShop(db)
    await sql`create table notes (id integer primary key, shop text not null, note text, note_index text)`.execute(db)
    await sql`create table accounts (id bigint primary key, note text not null)`.execute(db)
    await sqlCursor({ db, name: 'any' }).migrate()
  })
  afterAll(() => database.close())
  beforeEach(async () => {
    for (const table of ['customers', 'notes', 'accounts']) await sql`delete from ${sql.table(table)}`.execute(db)
    ring = await testKeyring()
    keyring = ring.keyring
    customers = customersOf(keyring)
  })

  const source = () => kyselySource(db, { table: 'customers', row: 'id' })
  const insert = async (count: number) => {
    for (let i = 0; i < count; i += 50) {
      const some = Array.from({ length: Math.min(50, count - i) }, (_, j) => customers.seal(customer(i + j)))
      await db.insertInto('customers').values(some).execute()
    }
  }
  const run = (options: Partial<ReencryptOptions> = {}) =>
    finish(reencrypt({ keyring, table: customers, source: source(), ...options }))
  const stored = () => db.selectFrom('customers').selectAll().orderBy('id').execute()
  const opened = async () => (await stored()).map((row) => customers.open(row))
  const expected = (count: number) => Array.from({ length: count }, (_, i) => ({ ...customer(i), visits: 0 }))
  const versionOf = (value: string) => keyring.field({ table: 'customers', column: 'name' }).keyVersionOf(value)

  test('a record goes in, is found by any spelling, patched, and comes out', async () => {
    await insert(20)
    const byEmail = customers.where('email', ' ada7@EXAMPLE.com')
    const rows = await db.selectFrom('customers').selectAll().where(byEmail).execute()
    expect(byEmail.open(rows)).toEqual([expected(20)[7]])
    await db
      .updateTable('customers')
      .set(customers.sealPatch('c00007', { email: 'new@example.com', phone: null }))
      .where('id', '=', 'c00007')
      .execute()
    expect(await db.selectFrom('customers').select('id').where(byEmail).execute()).toEqual([])
    const byNew = customers.where('email', 'new@example.com')
    expect(byNew.open(await db.selectFrom('customers').selectAll().where(byNew).execute())).toEqual([
      { ...expected(20)[7], email: 'new@example.com', phone: null },
    ])
    const both = await db
      .selectFrom('customers')
      .select('id')
      .where((eb) => eb.or([byNew(eb), customers.where('phone', customer(8).phone ?? '')(eb)]))
      .orderBy('id')
      .execute()
    expect(both).toEqual([{ id: 'c00007' }, { id: 'c00008' }])
  })

  test('finds through both index keys while the index key rotates, and through the new one afterwards', async () => {
    await insert(10)
    await rotated(ring, 'index')
    await db
      .insertInto('customers')
      .values(customers.seal({ ...customer(3), id: 'twin' }))
      .execute()
    const find = async () => {
      const match = customers.where('email', customer(3).email)
      return match.open(await db.selectFrom('customers').selectAll().where(match).execute()).map(({ id }) => id)
    }
    expect((await find()).toSorted()).toEqual(['c00003', 'twin'])
    await run()
    expect((await find()).toSorted()).toEqual(['c00003', 'twin'])
    expect(new Set((await stored()).map((row) => row.email_index.split('.')[0]))).toEqual(new Set(['2']))
  })

  test('a ciphertext or a null that was moved by SQL does not open', async () => {
    await insert(4)
    const [a] = await stored()
    await sql`update customers set name = ${a?.name} where id = 'c00001'`.execute(db)
    await sql`update customers set email = name where id = 'c00002'`.execute(db)
    const rows = await stored()
    for (const i of [1, 2]) expect(thrown(() => rows[i] && customers.open(rows[i]))).toBeInstanceOf(DecryptError)
    await rotated(ring)
    expect((await run()).at(-1)?.unreadable).toEqual([
      { row: 'c00001', column: 'name' },
      { row: 'c00002', column: 'email' },
    ])
    const after = await stored()
    expect([after[1], after[2]]).toEqual([rows[1], rows[2]])
  })

  test('all rows end on the active versions, other columns as they were, in pages of any length', async () => {
    await insert(120)
    await rotated(ring)
    await rotated(ring, 'index')
    const progress = await run({ batch: 50, cursor: sqlCursor({ db, name: 'customers' }) })
    expect(progress.at(-1)).toMatchObject({ pass: 2, scanned: 240, rewritten: 120, conflicts: 0, done: true })
    expect(await opened()).toEqual(expected(120))
    for (const row of await stored()) {
      const values = [row.name, row.email, row.phone, row.photo].filter((value) => value !== null)
      expect(values.map(versionOf)).toEqual(values.map(() => 2))
      expect([row.email_index[0], row.phone_token?.[0] ?? '2']).toEqual(['2', '2'])
    }
    const before = await stored()
    expect((await run({ batch: 1 })).at(-1)).toMatchObject({ pass: 1, scanned: 120, rewritten: 0, done: true })
    expect(await stored()).toEqual(before)
  })

  test('goes on from a cursor in the database', async () => {
    await insert(60)
    await rotated(ring)
    const cursor = sqlCursor({ db, name: 'customers' })
    for await (const { scanned } of reencrypt({ keyring, table: customers, source: source(), cursor, batch: 20 }))
      if (scanned === 40) break
    expect(await cursor.load()).toBeDefined()
    expect((await run({ cursor: sqlCursor({ db, name: 'customers' }) })).at(-1)).toMatchObject({ rewritten: 20 })
    expect(await cursor.load()).toBeUndefined()
    expect(await opened()).toEqual(expected(60))
  })

  test('takes rows with integer and with bigint keys, of one tenant at a time', async () => {
    const tables = ['berlin', 'paris'].map((tenant) => ({
      tenant,
      table: keyring.table('notes', { row: 'id', tenant, fields: { note: searchable({ nullable: true }) } }),
    }))
    for (const [i, { tenant, table }] of tables.entries()) {
      const rows = Array.from({ length: 15 }, (_, id) => {
        const note = id % 5 === 0 ? null : `${tenant} ${id}`
        return { ...table.seal({ id: id * 10 + i, note }), shop: tenant }
      })
      await numbered.insertInto('notes').values(rows).execute()
    }
    const accounts = keyring.table('accounts', { row: 'id', fields: { note: sealed() } })
    const ids = ['-9007199254740993', '7', '10', '9007199254740993', '9223372036854775807']
    const big = name === 'libsql' ? ids.slice(1, 3) : ids
    for (const id of big)
      await sql`insert into accounts (id, note) values (${sql.raw(id)}, ${accounts.seal({ id, note: id }).note})`.execute(
        db,
      )
    await rotated(ring)
    await rotated(ring, 'index')
    for (const { tenant, table } of tables) {
      const tenantRows = kyselySource(numbered, { table: 'notes', row: 'id', filter: { shop: tenant } })
      expect((await run({ table, source: tenantRows, batch: 4 })).at(-1)).toMatchObject({
        scanned: 30,
        rewritten: 12,
        unreadable: [],
      })
    }
    const wrong = kyselySource(numbered, { table: 'notes', row: 'id', filter: { shop: 'paris' } })
    await rotated(ring)
    expect((await run({ table: tables[0]?.table as never, source: wrong })).at(-1)).toMatchObject({
      rewritten: 0,
      unreadableCount: 12,
    })
    const bigRows = kyselySource(numbered, { table: 'accounts', row: 'id' })
    expect((await run({ table: accounts, source: bigRows, batch: 2 })).at(-1)).toMatchObject({
      rewritten: big.length,
      unreadable: [],
    })
    for (const { tenant, table } of tables) {
      const rows = await numbered.selectFrom('notes').selectAll().where('shop', '=', tenant).execute()
      for (const row of rows) expect(table.open(row).note).toBe(row.note && `${tenant} ${Math.floor(row.id / 10)}`)
    }
    for (const row of await numbered.selectFrom('accounts').selectAll().execute())
      expect(accounts.open(row).note).toBe(String(row.id))
  })

  test.each([
    ['one column', { phone: '+442079460000' }],
    ['a null', { phone: null }],
    ['every column', { ...customer(50), id: undefined }],
  ])('%s written between the reading and the update stays, and the row moves on', async (_, patch) => {
    await insert(6)
    await rotated(ring)
    const { page, update } = source()
    const late: typeof update = async (key, ...rest) => {
      const change = () =>
        db.updateTable('customers').set(customers.sealPatch('c00004', patch)).where('id', '=', 'c00004')
      if (key === 'c00004' && updates++ === 0) await change().execute()
      return update(key, ...rest)
    }
    let updates = 0
    const progress = await run({ source: { page, update: late } })
    const isFresh = Object.keys(patch).length > 1
    expect(progress.at(-1)).toMatchObject({ rewritten: isFresh ? 5 : 6, conflicts: 0, unreadable: [], done: true })
    const all = expected(6).map((one) => (one.id === 'c00004' ? { ...one, ...patch, id: one.id } : one))
    expect(await opened()).toEqual(all)
    const moved = (await stored())[4]
    expect([moved?.name, moved?.email].map((value) => versionOf(value ?? ''))).toEqual([2, 2])
  })

  test('stops with a code of its own when the database does not answer', async () => {
    await insert(2)
    const broken = kyselySource(db as unknown as Kysely<{ nothing: { id: string } }>, { table: 'nothing', row: 'id' })
    await expect(run({ source: broken })).rejects.toMatchObject({ code: 'REENCRYPTION_STOPPED' })
  })

  test('never overwrites what the application writes meanwhile, with rotations and two re-encryptions at once', async () => {
    const count = 60
    await insert(count)
    await rotated(ring)
    const model = new Map(expected(count).map((one) => [one.id, one]))
    const stop = new AbortController()
    const { signal } = stop
    // Each client has rows of its own, so that the last write to a row is known.
    const client = async (own: number) => {
      const connection = database.open<Shop>()
      for (let i = 0; !signal.aborted; i++) {
        const id = customer(own + 3 * randomInt(count / 3)).id
        const plain = model.get(id)
        if (plain && i % 7 === 6) {
          await connection.deleteFrom('customers').where('id', '=', id).execute()
          model.delete(id)
        } else if (plain) {
          const patch =
            i % 2 === 0 ? { email: `e${own}.${i}@b.c`, phone: `+44${1000 + i}` } : { name: `N${i}`, photo: null }
          await connection.updateTable('customers').set(customers.sealPatch(id, patch)).where('id', '=', id).execute()
          model.set(id, { ...plain, ...patch })
        } else {
          const anew = { ...customer(i), id }
          await connection.insertInto('customers').values(customers.seal(anew)).execute()
          model.set(id, { ...anew, visits: 0 })
        }
        await sleep(randomInt(3))
        // On a slow disk all three timers are always due, and Node would never leave them for anything else (a digest, a request).
        await turn()
      }
    }
    const other = () => kyselySource(database.open<Shop>(), { table: 'customers', row: 'id' })
    const work = async () => {
      await Promise.all([run({ batch: 3, signal }), run({ batch: 7, signal, source: other() })])
      await rotated(ring)
      await rotated(ring, 'index')
      await Promise.all([run({ batch: 20, signal }), rotated(ring)])
      await run({ batch: 5, signal })
      stop.abort()
    }
    const all = [work(), ...[0, 1, 2].map(client)]
    // Whatever fails, and when the time is over: nobody may still write when the database is closed.
    onTestFinished(async () => {
      stop.abort()
      await Promise.allSettled(all)
    })
    await Promise.all(all)
    expect((await run()).at(-1)).toMatchObject({ unreadable: [], done: true })
    const rows = await stored()
    expect(new Map(rows.map((row) => [row.id, customers.open(row)]))).toEqual(model)
    for (const row of rows) {
      expect([row.name, row.email].map(versionOf)).toEqual([4, 4])
      expect(row.email_index).toBe(customers.where('email', model.get(row.id)?.email ?? '').tokens[0])
      const { phone } = model.get(row.id) ?? { phone: null }
      expect(row.phone_token).toBe(phone === null ? null : customers.where('phone', phone).tokens[0])
    }
  })
})
