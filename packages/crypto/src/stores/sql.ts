import { checkOptions } from '@mosaajii/core'
import type { KeyStore, StoredKeyring } from '../key-store.ts'
import type { Kysely } from 'kysely'
import { checkDatabase, checkTable, createTable, explained, isSerializationFailure } from '../sql-input.ts'
import { checkKeyringId, checkWrite } from './store-input.ts'

/** Where {@link sqlKeyStore} keeps keyrings. */
export interface SqlKeyStoreOptions<DB> {
  /** A Kysely instance on Postgres or SQLite (libsql); not a transaction. On Postgres it must reach the primary, not a replica. */
  readonly db: Kysely<DB>
  /** The table, optionally after a schema's name and a dot. Default `mosaajii_keyrings`. */
  readonly table?: string
}

/** A key store that can create its table. */
export interface SqlKeyStore extends KeyStore {
  /**
   * Creates the table unless it exists. Safe when several instances start at once.
   *
   * @throws {CryptoError} `KEY_STORE_FAILED` when it cannot be created.
   */
  migrate(): Promise<void>
}

interface KeyringTable {
  readonly keyring: string
  /** Drivers return a 64-bit integer as a number, a bigint or a string. */
  readonly generation: number | bigint | string
  readonly document: string
}
type Tables = Record<string, KeyringTable>

/**
 * A key store in a table of a Postgres or SQLite database, one row a keyring. The swap is one `UPDATE` that names the generation it
 * replaces, so it is atomic on any number of machines.
 *
 * On SQLite with several processes open the database with a busy timeout, or a write during another one is refused.
 *
 * @returns a store; its methods reject with `KEY_STORE_FAILED` when the database does not answer or holds something else.
 * @throws {TypeError} when `db` is not a Kysely instance, or the table's name is not a plain one.
 * @example
 * const store = sqlKeyStore({ db })
 * await store.migrate()
 * const keyring = await openKeyring({ provider, store, events })
 */
export function sqlKeyStore<DB>(options: SqlKeyStoreOptions<DB>): SqlKeyStore {
  checkOptions(options, 'sqlKeyStore', ['db', 'table'])
  const { db, table = 'mosaajii_keyrings' } = options
  checkDatabase(db, 'sqlKeyStore')
  checkTable(table, 'sqlKeyStore')
  // The table is ours and need not be in the application's DB type.
  const tables = db as unknown as Kysely<Tables>
  const failed = (what: string) => `the table '${table}' could not be ${what}; does it exist (migrate() creates it)?`
  return Object.freeze({
    migrate: () => explained('KEY_STORE_FAILED', failed('created'), () => createTable(() => create(tables, table))),
    async read(keyring: string): Promise<StoredKeyring | undefined> {
      checkKeyringId(keyring)
      return explained('KEY_STORE_FAILED', failed('read'), () => read(tables, table, keyring))
    },
    async write(keyring: string, document: string, after: number): Promise<boolean> {
      checkWrite(keyring, document, after)
      const won = () =>
        after === 0 ? insert(tables, table, keyring, document) : swap(tables, table, keyring, document, after)
      return explained('KEY_STORE_FAILED', failed('written'), () => unlessOverlapped(won))
    },
  })
}

async function create(db: Kysely<Tables>, table: string): Promise<void> {
  await db.schema
    .createTable(table)
    .ifNotExists()
    .addColumn('keyring', 'text', (column) => column.primaryKey().notNull())
    .addColumn('generation', 'bigint', (column) => column.notNull())
    .addColumn('document', 'text', (column) => column.notNull())
    .execute()
}

async function read(db: Kysely<Tables>, table: string, keyring: string): Promise<StoredKeyring | undefined> {
  const row = await db
    .selectFrom(table)
    .select(['generation', 'document'])
    .where('keyring', '=', keyring)
    .executeTakeFirst()
  if (!row) return undefined
  const generation = Number(row.generation)
  const document: unknown = row.document
  if (!Number.isSafeInteger(generation) || generation < 1) throw new TypeError('the row has no valid generation')
  if (typeof document !== 'string') throw new TypeError('the document is not text; does a Kysely plugin parse results?')
  checkWrite(keyring, document, 0)
  return { generation, document }
}

async function insert(db: Kysely<Tables>, table: string, keyring: string, document: string): Promise<boolean> {
  const result = await db
    .insertInto(table)
    .values({ keyring, generation: 1, document })
    .onConflict((conflict) => conflict.column('keyring').doNothing())
    .executeTakeFirst()
  return result.numInsertedOrUpdatedRows === 1n
}

async function swap(
  db: Kysely<Tables>,
  table: string,
  keyring: string,
  document: string,
  after: number,
): Promise<boolean> {
  const result = await db
    .updateTable(table)
    .set({ generation: after + 1, document })
    .where('keyring', '=', keyring)
    .where('generation', '=', after)
    .executeTakeFirst()
  return result.numUpdatedRows === 1n
}

/** Under `repeatable read` and above the loser of two writers gets an error where it would otherwise match no row. */
async function unlessOverlapped(won: () => Promise<boolean>): Promise<boolean> {
  try {
    return await won()
  } catch (error) {
    if (isSerializationFailure(error)) return false
    throw error
  }
}
