// Compiled against every TypeScript, with the optional peers installed.
import { type Keyring, type KeyStore, searchable, type SealedSource } from '@mosaajii/crypto'
import { kyselySource, sqlCursor, sqlKeyStore } from '@mosaajii/crypto/sql'
import type { Generated, Kysely } from 'kysely'

interface Database {
  customers: { id: string; email: string; email_index: string; created: Generated<Date> }
}

export async function store(db: Kysely<Database>): Promise<KeyStore> {
  const keys = sqlKeyStore({ db })
  await keys.migrate()
  return keys
}

export async function find(db: Kysely<Database>, keyring: Keyring, email: string): Promise<string[]> {
  const customers = keyring.table('customers', { row: 'id', fields: { email: searchable() } })
  const byEmail = customers.where('email', email)
  const rows = await db.selectFrom('customers').select(['id', 'email', 'email_index']).where(byEmail).execute()
  return byEmail.open(rows).map((customer) => customer.email)
}

export function source(db: Kysely<Database>): SealedSource {
  sqlCursor({ db, name: 'customers' })
  return kyselySource(db, { table: 'customers', row: 'id' })
}
