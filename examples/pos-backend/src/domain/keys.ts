import type { Field, Keyring, KeyVersion } from '@mosaajii/crypto'
import { kyselySource } from '@mosaajii/crypto/sql'
import { sql } from 'kysely'
import { flush, type ShopDatabase } from './database.ts'
import { ShopError } from './errors.ts'
import { integer, object, type Reader } from './input.ts'
import { sealedTableNames } from './reencryption.ts'
import type { SealedTables } from './sealed-tables.ts'

/** What a key is for. */
export type Purpose = 'data' | 'index'

/** A key version and the number of rows that need it. */
export interface KeyUse extends KeyVersion {
  readonly rows: number
}

/** What the shop does with its keys. */
export interface Keys {
  /** Every version of both purposes, oldest first, with the rows under it. */
  use(): Promise<readonly KeyUse[]>
  rotate(input: unknown): Promise<KeyVersion>
  /** Destroys a version that no row needs. The keyring counts the rows itself and refuses when there is one. */
  destroy(input: unknown): Promise<KeyVersion>
}

const purpose: Reader<Purpose> = (value, field) => {
  if (value === undefined || value === 'data') return 'data'
  if (value === 'index') return 'index'
  throw new ShopError('INPUT_INVALID', `${field} must be data or index`, { field, rule: 'must be data or index' })
}

const readRotate = object({ purpose })
const readDestroy = object({ purpose, version: integer({ min: 1, max: 0xffffffff }) })

/** What {@link keys} is made of. */
export interface KeysOptions {
  readonly db: ShopDatabase
  readonly keyring: Keyring
  readonly tables: SealedTables
}

/** Makes the care of the shop's keys. */
export function keys({ db, keyring, tables }: KeysOptions): Keys {
  const email = keyring.field({ table: 'customers', column: 'email' })
  const sources = sealedTableNames.map((table) => ({
    fields: tables[table],
    source: kyselySource(db, { table, row: 'id' }),
    // The whole table, by its own name and without a filter: where it has no rows, there are none.
    empty: true,
  }))
  const use = async (): Promise<readonly KeyUse[]> => {
    const rows = { data: await rowsByDataKey(db, email), index: await rowsByIndexKey(db) }
    const versions = [...keyring.versions('data'), ...keyring.versions('index')]
    return versions.map((version) => ({ ...version, rows: rows[version.purpose].get(version.version) ?? 0 }))
  }
  return {
    use,
    rotate: async (input) => {
      const { purpose } = readRotate(input, 'body')
      return purpose === 'data' ? keyring.rotate() : keyring.rotateIndex()
    },
    destroy: async (input) => {
      const { purpose, version } = readDestroy(input, 'body')
      const found = (await use()).find((key) => key.purpose === purpose && key.version === version)
      if (found && found.rows > 0) {
        throw new ShopError('KEY_IN_USE', 're-encrypt first: rows need this key', { rows: found.rows })
      }
      // No row needs the key, and that must be on the disk before it is gone: a power cut must not bring back a row from before its
      // re-encryption, which nothing could open.
      if (!(await flush(db))) throw new ShopError('DATABASE_BUSY', 'another process reads the database; try again')
      return keyring.destroy(version, { sources, purpose })
    },
  }
}

/** Rows by the oldest data key that one of their values needs. The public header of a sealed text is its first eight characters. */
async function rowsByDataKey(db: ShopDatabase, field: Field): Promise<Map<number, number>> {
  const { rows: groups } = await sql<{ rows: number } & Record<string, string | number | null>>`
    select min(name) a, min(email) b, min(phone) c, count(*) rows from customers
      group by substr(name, 1, 8), substr(email, 1, 8), substr(phone, 1, 8)
    union all select min(pan), null, null, count(*) from payments group by substr(pan, 1, 8)`.execute(db)
  const counts = new Map<number, number>()
  for (const { a, b, c, rows } of groups) {
    const versions = [a, b, c].filter((value) => typeof value === 'string').map((value) => field.keyVersionOf(value))
    const oldest = Math.min(...versions)
    counts.set(oldest, (counts.get(oldest) ?? 0) + rows)
  }
  return counts
}

/** Rows by the index key of their token, which begins with the key's version and a dot. */
async function rowsByIndexKey(db: ShopDatabase): Promise<Map<number, number>> {
  const version = sql<number>`cast(substr(email_index, 1, instr(email_index, '.') - 1) as integer)`
  const groups = await db
    .selectFrom('customers')
    .select((eb) => [version.as('version'), eb.fn.countAll<number>().as('rows')])
    .groupBy(version)
    .execute()
  return new Map(groups.map((group) => [group.version, group.rows]))
}
