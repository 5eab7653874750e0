import type { Sealed } from '@mosaajii/crypto'
import { Kysely, SqliteDialect, sql } from 'kysely'
import Libsql from 'libsql'

/** A customer as the database holds it: everything that names a person is sealed. */
export interface CustomerRow {
  id: string
  name: Sealed
  email: Sealed
  /** The blind-index token of the e-mail address: finds it and keeps it unique, without holding it. */
  email_index: string
  phone: Sealed | null
  created_at: number
}

/** A payment as the database holds it. There is no column for the card verification value, and there cannot be one. */
export interface PaymentRow {
  id: string
  customer_id: string
  amount: number
  currency: string
  pan: Sealed
  last_four: string
  brand: string
  authorisation: string
  created_at: number
}

/** A receipt as the database holds it: what may be printed. */
export interface ReceiptRow {
  id: string
  payment_id: string
  customer_id: string
  amount: number
  currency: string
  brand: string
  last_four: string
  issued_at: number
}

/** The tables of the shop. */
export interface ShopTables {
  customers: CustomerRow
  payments: PaymentRow
  receipts: ReceiptRow
}

/** The shop's database. */
export type ShopDatabase = Kysely<ShopTables>

const schema: readonly string[] = [
  `create table if not exists customers (
     id text primary key, name text not null, email text not null, email_index text not null unique, phone text,
     created_at integer not null
   ) strict, without rowid`,
  `create table if not exists payments (
     id text primary key, customer_id text not null references customers (id), amount integer not null, currency text not null,
     pan text not null, last_four text not null, brand text not null, authorisation text not null, created_at integer not null
   ) strict`,
  `create table if not exists receipts (
     id text primary key, payment_id text not null unique references payments (id), customer_id text not null,
     amount integer not null, currency text not null, brand text not null, last_four text not null, issued_at integer not null
   ) strict`,
]

const pragmas: readonly string[] = [
  'pragma journal_mode = wal',
  // A killed process loses nothing; a power cut may lose the last moments, except where `durably` is used.
  'pragma synchronous = normal',
  'pragma foreign_keys = on',
]

/**
 * Opens the database file and makes the tables that are missing.
 *
 * @param path a file, or `:memory:`.
 */
export async function openDatabase(path: string): Promise<ShopDatabase> {
  // Another process (the tour, a backup) may hold the write lock for a moment: wait for it.
  const db = new Kysely<ShopTables>({ dialect: new SqliteDialect({ database: new Libsql(path, { timeout: 5000 }) }) })
  for (const statement of [...pragmas, ...schema]) await sql.raw(statement).execute(db)
  return db
}

/**
 * Runs work in one transaction that may write from its beginning: a plain `begin` that reads first would lose to another writer with
 * SQLITE_BUSY. Inside, use only the database that is handed in: there is one connection.
 */
export async function inTransaction<T>(db: ShopDatabase, work: (trx: ShopDatabase) => Promise<T>): Promise<T> {
  return db.connection().execute((connection) => transact(connection, work))
}

/** Like {@link inTransaction}, and when it returns the data survive a power cut too. */
export async function durably<T>(db: ShopDatabase, work: (trx: ShopDatabase) => Promise<T>): Promise<T> {
  return db.connection().execute(async (connection) => {
    await sql`pragma synchronous = full`.execute(connection)
    try {
      return await transact(connection, work)
    } finally {
      await sql`pragma synchronous = normal`.execute(connection)
    }
  })
}

async function transact<T>(connection: ShopDatabase, work: (trx: ShopDatabase) => Promise<T>): Promise<T> {
  await sql`begin immediate`.execute(connection)
  try {
    const result = await work(connection)
    await sql`commit`.execute(connection)
    return result
  } catch (error) {
    await sql`rollback`.execute(connection)
    throw error
  }
}

/** The number of rows of a table. */
export async function countRows(db: ShopDatabase, table: keyof ShopTables): Promise<number> {
  const counted = db.selectFrom(table).select((eb) => eb.fn.countAll<number>().as('rows'))
  return (await counted.executeTakeFirstOrThrow()).rows
}

/**
 * Copies everything from the write-ahead log into the database file and waits until the disk has it.
 *
 * @returns whether all of it got there; `false` when a reader was in the way.
 */
export async function flush(db: ShopDatabase): Promise<boolean> {
  const { rows } = await sql<{ busy: number }>`pragma wal_checkpoint(truncate)`.execute(db)
  return rows[0]?.busy === 0
}

/** Whether a statement failed because a unique value was there already. */
export function isUniqueViolation(error: unknown): boolean {
  const { code } = error as { code?: unknown }
  return code === 'SQLITE_CONSTRAINT_UNIQUE'
}
