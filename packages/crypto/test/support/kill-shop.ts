import { discardEvents } from '@mosaajii/core'
import {
  type CursorStore,
  fileCursor,
  fileKeyStore,
  type Keyring,
  type KeyStore,
  localKeyProvider,
  openKeyring,
  type SealedSource,
} from '@mosaajii/crypto'
import { kyselySource, sqlCursor, sqlKeyStore } from '@mosaajii/crypto/sql'
import { Kysely, PostgresDialect, sql, SqliteDialect } from 'kysely'
import Database from 'libsql'
import pg from 'pg'
import { join } from 'node:path'
import { customersOf, type Customers, type Shop } from './shop.ts'

/** Where a shop that is killed again and again keeps its rows and its keys; as JSON it goes to the process. */
export interface KillPlace {
  /** For the key files, the cursors and the libsql database. */
  readonly folder: string
  /** Rows, keys and cursors in this Postgres instead, in a schema of their own. */
  readonly postgres?: { readonly url: string; readonly schema: string }
}

/** The shop as one process has it open. */
export interface KillShop {
  readonly db: Kysely<Shop>
  readonly keyring: Keyring
  readonly customers: Customers
  readonly source: SealedSource
  /** The cursor of one worker: in a file beside libsql, in a table of Postgres. */
  cursor(worker: string): CursorStore
  close(): Promise<void>
}

function openDatabase({ folder, postgres }: KillPlace): Kysely<Shop> {
  if (postgres) {
    // The server is not killed, so that waiting for its disk would only make the test slow.
    const options = `-c search_path=${postgres.schema} -c synchronous_commit=off`
    const pool = new pg.Pool({ connectionString: postgres.url, max: 2, options })
    return new Kysely<Shop>({ dialect: new PostgresDialect({ pool }) })
  }
  const database = new Database(join(folder, 'shop.db'), { timeout: 20_000 })
  return new Kysely<Shop>({ dialect: new SqliteDialect({ database }) })
}

/** Opens the shop. The refresh interval is the shortest there is, so that a rotation takes effect after 200 ms. */
export async function openShop(place: KillPlace): Promise<KillShop> {
  const db = openDatabase(place)
  if (!place.postgres) await sql`pragma journal_mode = wal`.execute(db)
  const keyring = await openKeyring({
    provider: localKeyProvider({ secret: Uint8Array.from({ length: 32 }, (_, i) => i * 7) }),
    store: place.postgres ? await migrated(sqlKeyStore({ db })) : fileKeyStore(join(place.folder, 'keys')),
    events: discardEvents(),
    refresh: '100ms',
    deadline: '30s',
  })
  const customers = customersOf(keyring)
  await keyring.recorded()
  if (place.postgres) await sqlCursor({ db, name: 'any' }).migrate()
  return {
    db,
    keyring,
    customers,
    source: kyselySource(db, { table: 'customers', row: 'id' }),
    cursor: (worker) =>
      place.postgres ? sqlCursor({ db, name: worker }) : fileCursor(join(place.folder, `${worker}.cursor`)),
    async close() {
      keyring.close()
      await db.destroy()
    },
  }
}

async function migrated<Store extends KeyStore & { migrate(): Promise<void> }>(store: Store): Promise<Store> {
  await store.migrate()
  return store
}
