/** A row's key: what the application passes as `row`. */
export type RowKey = string | number | bigint

/** The columns of a row that hold sealed values or index tokens. */
export type SourceColumns = Readonly<Record<string, string | null>>

/** One row of a table with sealed columns. */
export interface SourceRow {
  readonly key: RowKey
  readonly columns: SourceColumns
}

/**
 * Reads and rewrites the rows of one table (of one tenant, where the fields have one), for re-encryption and for counting before a key
 * is destroyed. `kyselySource` in `@mosaajii/crypto/sql` makes one for any Kysely table.
 */
export interface SealedSource {
  /**
   * A page of rows in ascending order of their key, beginning after `after` (or at the first row), with the named columns. An empty page
   * means the end. Rows that exist throughout a scan are returned exactly once; a row inserted meanwhile may or may not be.
   */
  page(after: RowKey | undefined, limit: number, columns: readonly string[]): Promise<readonly SourceRow[]>
  /**
   * In ONE atomic statement, sets the columns of `set` in the row with this key, only if every column of `expected` still holds exactly
   * that value (null included).
   *
   * @returns whether the row was updated.
   */
  update(key: RowKey, expected: SourceColumns, set: SourceColumns): Promise<boolean>
}
