import { checkOptions } from '@mosaajii/core'
import { checkCursor, type CursorStore } from './cursors.ts'
import { CryptoError } from './errors.ts'
import type { Kysely } from 'kysely'
import { checkDatabase, checkTable, createTable, explained } from './sql-input.ts'

/** Where {@link sqlCursor} keeps a cursor. */
export interface SqlCursorOptions<DB> {
  /** A Kysely instance on Postgres or SQLite (libsql); not a transaction. */
  readonly db: Kysely<DB>
  /** What the cursor is for, 1 to 200 characters; each running re-encryption needs a name of its own. */
  readonly name: string
  /** The table, optionally after a schema's name and a dot. Default `mosaajii_cursors`. */
  readonly table?: string
}

/** A cursor store that can create its table. */
export interface SqlCursor extends CursorStore {
  /**
   * Creates the table unless it exists. Safe when several instances start at once.
   *
   * @throws {CryptoError} `REENCRYPTION_STOPPED` when it cannot be created.
   */
  migrate(): Promise<void>
}

type Tables = Record<string, { readonly name: string; readonly position: string }>

/**
 * A cursor in a table of a Postgres or SQLite database, one row a name.
 *
 * @throws {TypeError} when `db` is not a Kysely instance, the name is not well-formed text, or the table's name is not a plain one.
 * @throws {RangeError} when the name is empty or longer than 200 characters.
 * @example
 * const cursor = sqlCursor({ db, name: 'customers' })
 * await cursor.migrate()
 * for await (const progress of reencrypt({ keyring, table, source, cursor })) report(progress)
 */
export function sqlCursor<DB>(options: SqlCursorOptions<DB>): SqlCursor {
  checkOptions(options, 'sqlCursor', ['db', 'name', 'table'])
  const { db, name, table = 'mosaajii_cursors' } = options
  checkDatabase(db, 'sqlCursor')
  checkTable(table, 'sqlCursor')
  checkName(name)
  // The table is ours and need not be in the application's DB type.
  const tables = db as unknown as Kysely<Tables>
  const failed = `the cursors in table '${table}' cannot be used; does it exist (migrate() creates it)?`
  const withTable = <T>(work: () => Promise<T>): Promise<T> => explained('REENCRYPTION_STOPPED', failed, work)
  return Object.freeze({
    migrate: () => withTable(() => createTable(() => create(tables, table))),
    load: () => withTable(() => load(tables, table, name)),
    async save(cursor: string): Promise<void> {
      checkCursor(cursor)
      await withTable(() => save(tables, table, name, cursor))
    },
    clear: () => withTable(() => clear(tables, table, name)),
  })
}

function checkName(name: string): void {
  if (typeof name !== 'string' || !name.isWellFormed() || name.includes('\0')) {
    throw new TypeError('sqlCursor: name must be well-formed text')
  }
  if (name.length < 1 || name.length > 200) throw new RangeError('sqlCursor: name has 1 to 200 characters')
}

async function create(db: Kysely<Tables>, table: string): Promise<void> {
  await db.schema
    .createTable(table)
    .ifNotExists()
    .addColumn('name', 'text', (column) => column.primaryKey().notNull())
    .addColumn('position', 'text', (column) => column.notNull())
    .execute()
}

async function load(db: Kysely<Tables>, table: string, name: string): Promise<string | undefined> {
  const row = await db.selectFrom(table).select('position').where('name', '=', name).executeTakeFirst()
  if (!row) return undefined
  try {
    return checkCursor(row.position)
  } catch (cause) {
    const message = `the cursor '${name}' in table '${table}' is damaged: delete its row, and re-encryption begins anew`
    throw new CryptoError('REENCRYPTION_STOPPED', message, { status: 503, cause })
  }
}

async function save(db: Kysely<Tables>, table: string, name: string, position: string): Promise<void> {
  await db
    .insertInto(table)
    .values({ name, position })
    .onConflict((conflict) => conflict.column('name').doUpdateSet({ position }))
    .execute()
}

async function clear(db: Kysely<Tables>, table: string, name: string): Promise<void> {
  await db.deleteFrom(table).where('name', '=', name).execute()
}
