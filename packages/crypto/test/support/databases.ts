import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Kysely, PostgresDialect, sql, SqliteDialect } from 'kysely'
import Database from 'libsql'
import pg from 'pg'
import { postgresUrl } from '../../../../test/services.ts'

/** A database of its own for one test file: SQLite in a temporary folder, or a schema in Postgres. */
export interface TestDatabase {
  /** Opens a connection of its own, as another process would. All are closed by `close`. */
  open<DB>(): Kysely<DB>
  close(): Promise<void>
}

export async function libsqlDatabase(): Promise<TestDatabase> {
  const folder = await mkdtemp(join(tmpdir(), 'mosaajii-'))
  const opened: Kysely<never>[] = []
  return {
    open<DB>() {
      // Without a busy timeout, a statement during another connection's write is refused at once.
      const database = new Database(join(folder, 'test.db'), { timeout: 10_000 })
      const db = new Kysely<DB>({ dialect: new SqliteDialect({ database }) })
      opened.push(db as unknown as Kysely<never>)
      return db
    },
    async close() {
      await Promise.all(opened.map((db) => db.destroy()))
      await rm(folder, { recursive: true })
    },
  }
}

export async function postgresDatabase(options = ''): Promise<TestDatabase> {
  const connectionString = postgresUrl()
  const schema = `t_${randomUUID().replaceAll('-', '')}`
  const opened: Kysely<never>[] = []
  const open = <DB>() => {
    const pool = new pg.Pool({ connectionString, max: 4, options: `-c search_path=${schema} ${options}` })
    const db = new Kysely<DB>({ dialect: new PostgresDialect({ pool }) })
    opened.push(db as unknown as Kysely<never>)
    return db
  }
  await open().schema.createSchema(schema).execute()
  return {
    open,
    async close() {
      await sql`drop schema ${sql.id(schema)} cascade`.execute(open())
      await Promise.all(opened.map((db) => db.destroy()))
    },
  }
}

/** Every database that the tests can reach, by name. */
export const databases: readonly (readonly [name: string, open: () => Promise<TestDatabase>])[] = [
  ['libsql', libsqlDatabase],
  ...(postgresUrl() ? ([['Postgres', () => postgresDatabase()]] as const) : []),
]
