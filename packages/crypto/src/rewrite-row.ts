import { DecryptError, UnknownKeyVersionError } from './errors.ts'
import type { SealedSource, SourceRow } from './sealed-source.ts'
import { sealAs, type TableColumn } from './table.ts'

/** What became of a row. */
export type RowOutcome =
  | { readonly kind: 'fresh' | 'rewritten' | 'conflict' }
  | { readonly kind: 'unreadable'; readonly column: string }

/** Anything with sealed columns. */
interface HasColumns {
  readonly columns: readonly TableColumn[]
}

/** A column opened and sealed again. */
interface Resealed {
  readonly set: Readonly<Record<string, string>>
  /** Whether it had to be: under another key or algorithm, in an earlier place, or with other tokens. */
  readonly stale: boolean
}

/** Seals a row again if anything in it is stale. One statement carries all of it, and only if nothing in it changed meanwhile. */
export async function rewriteRow(table: HasColumns, source: SealedSource, row: SourceRow): Promise<RowOutcome> {
  const filled = table.columns.filter(({ name }) => row.columns[name] !== null)
  if (!filled.some((column) => mayBeStale(column, row))) return { kind: 'fresh' }
  const resealed: Resealed[] = []
  for (const column of filled) {
    const result = tryReseal(column, row)
    if (!result) return { kind: 'unreadable', column: column.name }
    resealed.push(result)
  }
  if (!resealed.some(({ stale }) => stale)) return { kind: 'fresh' }
  const set: Record<string, string> = Object.assign({}, ...resealed.map((column) => column.set))
  const expected = Object.fromEntries(table.columns.map(({ name }) => [name, row.columns[name] ?? null]))
  return { kind: (await source.update(row.key, expected, set)) ? 'rewritten' : 'conflict' }
}

/** What the headers say, so that a fresh row costs no decryption. A field that has moved must be opened to tell. */
function mayBeStale({ name, field, index }: TableColumn, { columns }: SourceRow): boolean {
  if (field.checked.formerly.length > 0) return true
  const token = index && columns[index.column]
  if (index && (typeof token !== 'string' || index.tokens.isStale(token))) return true
  try {
    return field.isStale(columns[name] ?? '')
  } catch (error) {
    if (error instanceof DecryptError) return true
    throw error
  }
}

function tryReseal(column: TableColumn, row: SourceRow): Resealed | undefined {
  try {
    return reseal(column, row)
  } catch (error) {
    if (error instanceof DecryptError || error instanceof UnknownKeyVersionError) return undefined
    throw error
  }
}

function reseal({ name, kind, field, index }: TableColumn, { key, columns }: SourceRow): Resealed {
  const stored = columns[name] ?? ''
  const { value, former } = field.openAs(kind, stored, key)
  const set: Record<string, string> = { [name]: sealAs(field, kind, value, key) }
  let stale = former || field.isStale(stored)
  if (index) {
    const token = index.tokens.current(value as string)
    stale ||= token !== columns[index.column]
    set[index.column] = token
  }
  return { set, stale }
}
