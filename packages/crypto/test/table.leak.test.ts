import { randomBytes, randomInt } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { toProblem } from '@mosaajii/core'
import { recordingSink, settableClock } from '@mosaajii/core/testing'
import { type KeyProvider, localKeyProvider, openKeyring, reencrypt } from '@mosaajii/crypto'
import { kyselySource, sqlCursor, sqlKeyStore } from '@mosaajii/crypto/sql'
import { Kysely, sql, SqliteDialect } from 'kysely'
import Database from 'libsql'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { TestKeyring } from './support/keyrings.ts'
import { createShop, type Customer, customersOf, finish, rotated, type Shop } from './support/shop.ts'

/** Every form in which a careless program may write a secret down. */
function forms(secret: string | Uint8Array): [string, Buffer][] {
  const bytes = Buffer.from(secret)
  const text: [string, string][] = [
    ['hex', bytes.toString('hex')],
    ['HEX', bytes.toString('hex').toUpperCase()],
    ['list of bytes', bytes.join(',')],
    ['inspected bytes', bytes.toString('hex').replaceAll(/(..)(?!$)/g, '$1 ')],
    // Base64 depends on where the secret begins: the characters that its neighbours have a part in are cut off.
    ...[0, 1, 2].flatMap((before): [string, string][] =>
      (['base64', 'base64url'] as const).map((form) => [
        form,
        Buffer.concat([Buffer.alloc(before), bytes])
          .toString(form)
          .replaceAll('=', '')
          .slice(before === 0 ? 0 : before + 1, -1),
      ]),
    ),
  ]
  if (typeof secret === 'string')
    text.push(
      ['lower case', secret.toLowerCase()],
      ['JSON', JSON.stringify(secret).slice(1, -1)],
      ['URL', encodeURIComponent(secret)],
    )
  const utf16: [string, Buffer][] = typeof secret === 'string' ? [['UTF-16', Buffer.from(secret, 'utf16le')]] : []
  return [['itself', bytes], ...utf16, ...text.map(([name, form]): [string, Buffer] => [name, Buffer.from(form)])]
}

/** The names of the secrets that a haystack holds, in any form. */
function leaks(haystack: string | Uint8Array, secrets: Readonly<Record<string, string | Uint8Array>>): string[] {
  const bytes = Buffer.from(haystack)
  return Object.entries(secrets).flatMap(([name, secret]) =>
    forms(secret)
      .filter(([, form]) => bytes.includes(form))
      .map(([form]) => `${name} as ${form}`),
  )
}

/** Everything that a log may print of an error. */
function everythingOf(error: unknown): string {
  const own = (value: unknown): unknown =>
    value instanceof Error
      ? Object.fromEntries(Object.getOwnPropertyNames(value).map((name) => [name, own(value[name as keyof Error])]))
      : value
  const { message, stack } = error as Error
  return [
    message,
    stack,
    String(error),
    JSON.stringify(error),
    JSON.stringify(own(error)),
    JSON.stringify(toProblem(error)),
    inspect(error, { depth: Infinity, showHidden: true, maxStringLength: Infinity, maxArrayLength: Infinity }),
  ].join('\n')
}

const canary = (name: string) => `Canary ${name} ${randomBytes(9).toString('hex')} \u{1f426}é`

let folder = ''
let db: Kysely<Shop>
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mosaajii-'))
  db = new Kysely<Shop>({ dialect: new SqliteDialect({ database: new Database(join(folder, 'shop.db')) }) })
  await sql`pragma journal_mode = wal`.execute(db)
  // Or the write-ahead log would be gone before it is looked at.
  await sql`pragma wal_autocheckpoint = 0`.execute(db)
})
afterEach(async () => {
  await db.destroy()
  await rm(folder, { recursive: true })
})

/** The bytes of each file of the database, the write-ahead log among them. */
async function files(): Promise<[string, Buffer][]> {
  const names = await readdir(folder)
  expect(names).toContain('shop.db-wal')
  return Promise.all(names.map(async (name): Promise<[string, Buffer]> => [name, await readFile(join(folder, name))]))
}

test('the check finds a secret in the log, in the file, in an event and in an error, in every form', async () => {
  const secrets = { text: canary('here'), bytes: randomBytes(24) }
  const found = async () => (await files()).flatMap(([name, bytes]) => (leaks(bytes, secrets).length > 0 ? [name] : []))
  await sql`create table plain (a text, b blob)`.execute(db)
  expect(await found()).toEqual([])
  await sql`insert into plain values (${secrets.text}, ${secrets.bytes})`.execute(db)
  expect(await found()).toEqual(['shop.db-wal'])
  await sql`pragma wal_checkpoint(truncate)`.execute(db)
  expect(await found()).toEqual(['shop.db'])
  for (const secret of Object.values(secrets)) {
    for (const [name, form] of forms(secret))
      expect(leaks(Buffer.concat([Buffer.from('ab'), form, Buffer.from('c')]), { secret }), name).not.toEqual([])
    for (const pad of ['', 'x', 'yy'])
      expect(
        leaks(Buffer.concat([Buffer.from(pad), Buffer.from(secret), Buffer.from('z')]).toString('base64url'), {
          secret,
        }),
      ).not.toEqual([])
  }
  const errors = [
    new Error(secrets.text),
    new Error('x', { cause: new Error(secrets.text) }),
    Object.assign(new Error('x'), { input: secrets.text }),
    Object.assign(new Error('x'), { detail: { input: { deep: secrets.bytes } } }),
    new AggregateError([new Error(secrets.text)]),
  ]
  for (const error of errors) expect(leaks(everythingOf(error), secrets)).not.toEqual([])
  expect(leaks(JSON.stringify([{ name: 'field.openFailed', data: { reason: secrets.text } }]), secrets)).not.toEqual([])
})

/** A provider that lets the test know the keys themselves, which nobody else may ever see. */
function spying(provider: KeyProvider, keys: Record<string, Uint8Array>): KeyProvider {
  return {
    id: provider.id,
    wrap: async (bytes, context, signal) => {
      // The last 32 bytes of the record are the key.
      keys[`${context.purpose} key ${context.version}`] = Uint8Array.from(bytes.subarray(-32))
      return provider.wrap(bytes, context, signal)
    },
    unwrap: async (bytes, context, signal) => provider.unwrap(bytes, context, signal),
  }
}

test('neither the database nor an event nor an error holds a plaintext or a key', async () => {
  const secret = randomBytes(32)
  const keys: Record<string, Uint8Array> = {}
  const clock = settableClock()
  const events = recordingSink()
  const store = sqlKeyStore({ db })
  await store.migrate()
  const keyring = await openKeyring({ provider: spying(localKeyProvider({ secret }), keys), store, events, clock })
  const ring: TestKeyring = { keyring, events, clock }
  const customers = customersOf(keyring)
  await createShop(db)
  const email = `Canary.${randomBytes(9).toString('hex')}@Example.com`
  const record = {
    name: canary('name'),
    email,
    phone: `+4420${randomInt(1e10, 9e10)}`,
    photo: Uint8Array.from(randomBytes(24)),
  }
  const plain: Customer = { id: 'c1', ...record, city: 'London' }
  const other = { name: canary('other'), email: `other.${email}` }
  const secrets = { ...record, otherName: other.name, otherEmail: other.email, secret, search: canary('search') }
  const errors: unknown[] = []
  const fails = async (work: () => unknown) => {
    try {
      await work()
    } catch (error) {
      errors.push(error)
      return
    }
    throw new Error(`nothing was thrown by ${work.toString().length} characters of code`)
  }

  await db.insertInto('customers').values(customers.seal(plain)).execute()
  await db
    .insertInto('customers')
    .values(customers.seal({ ...plain, id: 'c2', ...other }))
    .execute()
  await db
    .updateTable('customers')
    .set(customers.sealPatch('c2', { name: other.name }))
    .where('id', '=', 'c2')
    .execute()
  const match = customers.where('email', email)
  expect(match.open(await db.selectFrom('customers').selectAll().where(match).execute())).toMatchObject([record])
  const row = await db.selectFrom('customers').selectAll().where('id', '=', 'c1').executeTakeFirstOrThrow()

  const untyped = (value: unknown) => value as never
  await fails(() => customers.seal(untyped({ ...row, email_index: undefined, phone_token: undefined })))
  await fails(() => customers.seal(untyped({ ...plain, phone: undefined })))
  await fails(() => customers.seal(untyped({ ...plain, name: null })))
  await fails(() => customers.seal({ ...plain, name: `${record.name}\ud800` }))
  await fails(() => customers.seal({ ...plain, name: record.name.repeat(4000) }))
  await fails(() => customers.seal({ ...plain, email: record.name }))
  await fails(() => customers.seal({ ...plain, phone: record.name }))
  await fails(() => customers.seal(untyped({ ...plain, name: { text: record.name } })))
  await fails(() => customers.seal(untyped({ ...plain, photo: record.name })))
  await fails(() => customers.seal(untyped({ ...plain, email_index: record.name })))
  await fails(() => customers.sealPatch('c1', untyped({ id: record.name })))
  await fails(() => customers.sealPatch(untyped({ row: record.name }), { name: record.name }))
  await fails(() => customers.where('email', secrets.search))
  await fails(() => customers.where(untyped(record.email), 'x'))
  await fails(() => customers.open({ ...row, id: 'c2' }))
  await fails(() => customers.open(untyped({ ...row, name: record.name })))
  await fails(() => customers.open({ ...row, name: row.email }))
  await fails(() => customers.openAsync({ ...row, name: untyped(`AQEAAAAJ${row.name.slice(8)}`) }))
  await fails(() => match.open(untyped([{ id: 'c1', name: row.name }])))
  await fails(() => match.open([{ ...row, id: 'c2' }]))
  await fails(() => keyring.table('customers', untyped({ row: 'id', fields: { name: record.name } })))

  await rotated(ring)
  await rotated(ring, 'index')
  // Someone wrote a plaintext by hand; the work must not carry it anywhere else.
  const handwritten = recordingSource()
  const work = () => reencrypt({ keyring, table: customers, source: handwritten, cursor: sqlCursor({ db, name: 'c' }) })
  await fails(() => finish(work()))
  await sqlCursor({ db, name: 'c' }).migrate()
  const progress = await finish(work())
  expect(progress.at(-1)).toMatchObject({ rewritten: 2, unreadable: [{ row: 'c3', column: 'name' }], done: true })
  keyring.close()
  await fails(() => customers.seal(plain))
  await fails(() => customers.open(row))

  expect(errors.length).toBe(24)
  expect(events.events.length).toBeGreaterThan(8)
  expect(Object.keys(keys).length).toBe(4)
  const all = { ...secrets, ...keys }
  expect(leaks(JSON.stringify(events.events) + inspect(events.events, { depth: Infinity }), all)).toEqual([])
  expect(leaks(JSON.stringify(progress), all)).toEqual([])
  for (const error of errors) expect(leaks(everythingOf(error), all), (error as Error).message.slice(0, 60)).toEqual([])
  for (const [name, bytes] of await files()) expect(leaks(bytes, all), name).toEqual([])
  await sql`pragma wal_checkpoint(truncate)`.execute(db)
  const [, bytes] = (await files()).find(([name]) => name === 'shop.db') ?? []
  // It is the file in which the rows are.
  expect(bytes?.includes('London')).toBe(true)
  for (const [name, file] of await files()) expect(leaks(file, all), name).toEqual([])

  /** The rows of the table, and one that is not in the database. */
  function recordingSource() {
    const source = kyselySource(db, { table: 'customers', row: 'id' })
    return {
      async page(...args: Parameters<typeof source.page>) {
        const page = await source.page(...args)
        const columns = { ...page[0]?.columns, name: secrets.search }
        return page.length > 0 ? [...page, { key: 'c3', columns }] : page
      },
      update: source.update.bind(source),
    }
  }
})
