// Runs in an application with the optional peers, on every runtime: a keyring and a sealed table in one embedded database.
import assert from 'node:assert/strict'
import { recordingSink } from '@mosaajii/core/testing'
import { CryptoError, localKeyProvider, openKeyring, reencrypt, searchable, sealed } from '@mosaajii/crypto'
import { kyselySource, sqlKeyStore } from '@mosaajii/crypto/sql'
import { keyStoreContract } from '@mosaajii/crypto/testing'
import { Kysely, SqliteDialect } from 'kysely'
import Database from 'libsql'

const db = new Kysely({ dialect: new SqliteDialect({ database: new Database(':memory:') }) })
const store = sqlKeyStore({ db })
await assert.rejects(store.read('main'), CryptoError, 'an entry throws the errors that the main entry exports')
await store.migrate()
const contract = keyStoreContract({ make: () => store })
for (const { run } of contract) await run()

const provider = localKeyProvider({ secret: crypto.getRandomValues(new Uint8Array(32)) })
const keyring = await openKeyring({ provider, store, events: recordingSink() })
const customers = keyring.table('customers', {
  row: 'id',
  fields: { email: searchable({ normalize: 'email' }), phone: sealed({ nullable: true }) },
})
await keyring.recorded()
await db.schema
  .createTable('customers')
  .addColumn('id', 'text', (column) => column.primaryKey())
  .addColumn('email', 'text')
  .addColumn('email_index', 'text')
  .addColumn('phone', 'text')
  .execute()
await db
  .insertInto('customers')
  .values(customers.seal({ id: 'c1', email: 'Ada@example.com', phone: null }))
  .execute()
await db
  .insertInto('customers')
  .values(customers.seal({ id: 'c2', email: 'bob@example.com', phone: '555' }))
  .execute()

const byEmail = customers.where('email', 'ada@EXAMPLE.com')
const found = byEmail.open(await db.selectFrom('customers').selectAll().where(byEmail).execute())
assert.deepEqual(found, [{ id: 'c1', email: 'Ada@example.com', phone: null }])

const source = kyselySource(db, { table: 'customers', row: 'id' })
let last
for await (const progress of reencrypt({ keyring, table: customers, source })) last = progress
assert.equal(last?.done, true)
assert.deepEqual(last.unreadable, [])

keyring.close()
await db.destroy()
console.log(`sql with ${contract.length} contract cases`)
