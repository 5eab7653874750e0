import { checkOptions } from '@mosaajii/core'
import { CryptoError, type RowKey, type SealedSource, type SourceColumns, type SourceRow } from '@mosaajii/crypto'
import type { Kysely, SelectType } from 'kysely'
import { checkDatabase, checkTable, explained, isIdentifier, isSerializationFailure } from './sql-input.ts'

/** Columns that a row must have with exactly these values, for example those of one tenant. */
export type SourceFilter<Row> = { readonly [Column in keyof Row & string]?: SelectType<Row[Column]> }

/** Which rows {@link kyselySource} reads. */
export interface KyselySourceOptions<DB, Table extends keyof DB & string> {
  /** The table, optionally after a schema's name and a dot. */
  readonly table: Table
  /** The column that the fields take as `row`: unique, never null, text or integer. An index on it is what makes pages fast. */
  readonly row: keyof DB[Table] & string
  /**
   * Only rows whose columns have these values: the rows of one tenant, where the fields have a tenant. Default: all rows. Give a value in
   * the column's own type: what equals no row leaves nothing to re-encrypt, and nothing that keeps a key from being destroyed. SQLite has
   * no booleans, only 0 and 1.
   */
  readonly filter?: SourceFilter<DB[Table]>
}

type Value = string | number | bigint | boolean | null
type Tables = Record<string, Record<string, Value>>

/** A table's rows as the queries see them: without the application's types, which were checked at the door. */
interface View {
  readonly db: Kysely<Tables>
  readonly table: string
  readonly row: string
  readonly filter: readonly (readonly [column: string, value: Value])[]
}

/**
 * The rows of a Kysely table (Postgres or SQLite), for `reencrypt` and `destroy`.
 *
 * Each scan begins with one grouped query over the rows of the filter, which looks for row keys that are null or, as the database
 * compares them, repeated (`id text collate nocase` may hold `zz` and `ZZ`): a page would hide such rows, and the key that they need
 * could be destroyed. With an index on the row column it reads the index once.
 *
 * @param db a Kysely instance, not a transaction.
 * @returns a source; its methods reject with `ROW_INVALID` when the row column is not unique or has a null, which would hide rows, and
 * with `REENCRYPTION_STOPPED` when the database does not answer.
 * @throws {TypeError} when a name is not a plain one or a filter's value is not well-formed text, a finite number (a whole one safe), a
 * bigint, a boolean or null.
 * @example
 * const source = kyselySource(db, { table: 'customers', row: 'id', filter: { shop: 'berlin' } })
 * for await (const progress of reencrypt({ keyring, table: customers, source })) report(progress)
 */
export function kyselySource<DB, Table extends keyof DB & string>(
  db: Kysely<DB>,
  options: KyselySourceOptions<DB, Table>,
): SealedSource {
  checkDatabase(db, 'kyselySource')
  checkOptions(options, 'kyselySource', ['table', 'row', 'filter'])
  const { table, row, filter } = options
  checkTable(table, 'kyselySource')
  checkColumns([row])
  const view: View = { db: db as unknown as Kysely<Tables>, table, row, filter: filterEntries(filter) }
  const failed = `the table '${table}' could not be`
  return Object.freeze({
    async page(after: RowKey | undefined, limit: number, columns: readonly string[]): Promise<readonly SourceRow[]> {
      checkPage(after, limit, columns)
      return explained('REENCRYPTION_STOPPED', `${failed} read`, () => page(view, after, limit, columns))
    },
    async update(key: RowKey, expected: SourceColumns, set: SourceColumns): Promise<boolean> {
      checkUpdate(key, expected, set)
      return explained('REENCRYPTION_STOPPED', `${failed} updated`, () => update(view, key, expected, set))
    },
  })
}

function filterEntries(filter: object | undefined): (readonly [string, Value])[] {
  if (filter === undefined) return []
  const entries = typeof filter === 'object' && filter !== null ? Object.entries(filter) : []
  // An undefined value would otherwise widen the filter to every tenant's rows, and one that is bound as something else empty it.
  if (entries.length === 0 || !entries.every(([, value]) => isValue(value))) {
    throw new TypeError(
      'kyselySource: filter has at least one column, each with well-formed text, a finite number (bigint beyond 2^53), a boolean or null',
    )
  }
  checkColumns(entries.map(([column]) => column))
  return entries
}

function isValue(value: unknown): value is Value {
  if (typeof value === 'number')
    return Number.isFinite(value) && (!Number.isInteger(value) || Number.isSafeInteger(value))
  if (typeof value === 'string') return value.isWellFormed()
  return value === null || typeof value === 'bigint' || typeof value === 'boolean'
}

function checkColumns(columns: readonly string[]): void {
  if (columns.every(isIdentifier)) return
  throw new TypeError("kyselySource: a column must be a plain name of letters, digits and '_'")
}

function checkPage(after: RowKey | undefined, limit: number, columns: readonly string[]): void {
  if (after !== undefined) checkKey(after)
  if (!Number.isSafeInteger(limit) || limit < 1 || limit > 10_000) {
    throw new RangeError('kyselySource: a page has 1 to 10000 rows')
  }
  if (!Array.isArray(columns) || columns.length === 0)
    throw new TypeError('kyselySource: name at least one column to read')
  checkColumns(columns)
}

function checkKey(key: RowKey): void {
  if (!isRowKey(key)) throw new TypeError('kyselySource: a row key is well-formed text, a safe integer or a bigint')
}

function checkUpdate(key: RowKey, expected: SourceColumns, set: SourceColumns): void {
  checkKey(key)
  if (Object.keys(set).length === 0) throw new TypeError('kyselySource: name at least one column to set')
  checkColumns([...Object.keys(expected), ...Object.keys(set)])
  const values = [...Object.values(expected), ...Object.values(set)]
  // Kysely leaves an undefined column out of SET; here it would silently leave a column as it was.
  if (!values.every((value) => value === null || typeof value === 'string')) {
    throw new TypeError('kyselySource: columns hold text or null')
  }
}

async function page(
  view: View,
  after: RowKey | undefined,
  limit: number,
  columns: readonly string[],
): Promise<SourceRow[]> {
  if (after === undefined) await refuseUnusableKeys(view)
  const { db, table, row, filter } = view
  let query = db
    .selectFrom(table)
    .select([row, ...columns].map((column) => within(table, column)))
    .orderBy(within(table, row))
    .limit(limit + 1)
  if (after !== undefined) query = query.where(within(table, row), '>', after)
  for (const [column, value] of filter) query = query.where(within(table, column), value === null ? 'is' : '=', value)
  const rows = (await query.execute()).map((found) => sourceRow(view, found, columns))
  // One row more than asked for, because two rows with one key might lie on either side of the page's end and the second be skipped.
  // `7` and `'7'` are the same row to a field.
  const repeated = rows.some(({ key }, i) => i > 0 && String(key) === String(rows[i - 1]?.key))
  if (repeated) throw unusableKeys(view, notUnique)
  return rows.slice(0, limit)
}

/** A column with its table, because some builds of SQLite take an unknown name that stands alone for a text, which matches no row. */
function within(table: string, column: string): string {
  return `${table}.${column}`
}

const notUnique = 'is not unique to the database; name the unique column, or filter by tenant'

async function refuseUnusableKeys({ db, table, row, filter }: View): Promise<void> {
  const key = within(table, row)
  let query = db
    .selectFrom(table)
    .select(key)
    .groupBy(key)
    .having((when) => when.or([when(key, 'is', null), when(when.fn.countAll(), '>', 1)]))
    .limit(1)
  for (const [column, value] of filter) query = query.where(within(table, column), value === null ? 'is' : '=', value)
  const [found] = await query.execute()
  if (!found) return
  throw unusableKeys({ table, row }, found[row] === null ? 'is null in some row, which no page would show' : notUnique)
}

function unusableKeys({ table, row }: Pick<View, 'table' | 'row'>, why: string): Error {
  return new CryptoError('ROW_INVALID', `the column '${row}' of table '${table}' ${why}`)
}

function sourceRow(view: View, found: Readonly<Record<string, unknown>>, columns: readonly string[]): SourceRow {
  const key = found[view.row]
  if (!isRowKey(key))
    throw unusableKeys(view, 'has a value that is neither text nor a safe integer (64-bit ones must arrive as bigint)')
  return { key, columns: Object.fromEntries(columns.map((column) => [column, textOf(found[column], column)])) }
}

function isRowKey(key: unknown): key is RowKey {
  return typeof key === 'string' ? key.isWellFormed() : typeof key === 'bigint' || Number.isSafeInteger(key)
}

/** Not a token, so a row with such a value is listed as unreadable and counts as one. */
const notText = '(not text)'

function textOf(value: unknown, column: string): string | null {
  if (value === undefined)
    throw new TypeError(`the row has no column '${column}'; does a Kysely plugin rename columns?`)
  return value === null || typeof value === 'string' ? value : notText
}

async function update(view: View, key: RowKey, expected: SourceColumns, set: SourceColumns): Promise<boolean> {
  const { db, table, row, filter } = view
  let query = db
    .updateTable(table)
    .set({ ...set })
    .where(within(table, row), '=', key)
  for (const [column, value] of [...filter, ...Object.entries(expected)]) {
    query = query.where(within(table, column), value === null ? 'is' : '=', value)
  }
  try {
    const { numUpdatedRows } = await query.executeTakeFirst()
    if (numUpdatedRows > 1n) throw unusableKeys(view, notUnique)
    return numUpdatedRows === 1n
  } catch (error) {
    // Another statement changed the row first: the caller reads it again.
    if (isSerializationFailure(error)) return false
    throw error
  }
}
