import { isSecurityError } from '@mosaajii/core'
import { tokenVersion } from './blind-index.ts'
import { DecryptError } from './errors.ts'
import { SealingField } from './field.ts'
import type { SourceRow } from './sealed-source.ts'
import { sealAs, type TableColumn } from './table.ts'

/** What became of a row. */
export type RowOutcome =
  | { readonly kind: 'fresh' | 'rewritten' | 'conflict' }
  | { readonly kind: 'unreadable'; readonly column: string }

/** Anything with sealed columns. */
interface HasColumns {
  readonly columns: readonly TableColumn[]
}

type Columns = Record<string, string | null>

/** What a row must still hold, and what it gets instead. */
export interface RowChange {
  readonly kind: 'change'
  readonly expected: Columns
  readonly set: Columns
}

/** What is wrong with one value, and no reason to leave the other rows as they are. */
const unreadable: ReadonlySet<string> = new Set([
  'DECRYPT_FAILED',
  'KEY_VERSION_UNKNOWN',
  // It opens, but its normaliser takes no such value: the field became searchable after the value was sealed.
  'INDEX_INPUT_INVALID',
  // It opens, to something that is sealed: to seal that once more would bury a mistake.
  'ALREADY_SEALED',
  // Nothing was ever sealed for a key that no row can have.
  'ROW_INVALID',
])

const fresh: RowOutcome = { kind: 'fresh' }

/**
 * What is to become of a row. If anything in it is stale all of it is sealed again: one statement carries it, and only if nothing in it
 * changed meanwhile. A fresh row costs no decryption.
 */
export function planRow({ columns }: HasColumns, row: SourceRow): RowOutcome | RowChange {
  const nulled = columns.find(({ name, nullable }) => row.columns[name] === null && !nullable)
  if (nulled) return { kind: 'unreadable', column: nulled.name }
  if (!columns.some((column) => mayBeStale(column, row))) return fresh
  const change: RowChange = { kind: 'change', expected: {}, set: {} }
  let stale = false
  for (const column of columns) {
    const result = tryReseal(column, row, change.set)
    if (result === undefined) return { kind: 'unreadable', column: column.name }
    stale ||= result
    put(change.expected, column.name, row.columns[column.name] ?? null)
  }
  return stale ? change : fresh
}

/** `__proto__` is a column like any other. */
function put(columns: Columns, name: string, value: string | null): void {
  if (name === '__proto__') Object.defineProperty(columns, name, { value, enumerable: true })
  else columns[name] = value
}

/** What the headers say, so that a fresh row costs no decryption. A field that has moved must be opened to tell. */
function mayBeStale({ name, field, index }: TableColumn, { columns }: SourceRow): boolean {
  const stored = columns[name] ?? ''
  const token = index && columns[index.column]
  if (columns[name] === null) return typeof token === 'string'
  if (field.checked.formerly.length > 0) return true
  if (index && (typeof token !== 'string' || index.tokens.isStale(token))) return true
  const core = SealingField.coreOf(field)
  try {
    // A version that does not exist is not stale, and does not open either.
    const isKnown = core.dataKey(field.keyVersionOf(stored)) !== undefined
    const isFound = !index || core.indexRoots().some(({ version }) => version === tokenVersion(token))
    return !isKnown || !isFound || field.isStale(stored)
  } catch (error) {
    if (error instanceof DecryptError) return true
    throw error
  }
}

/** Seals a column again, into `set`, and tells whether it had to be; `undefined`: it cannot be read. */
function tryReseal(column: TableColumn, row: SourceRow, set: Columns): boolean | undefined {
  try {
    return row.columns[column.name] === null ? dropToken(column, row, set) : reseal(column, row, set)
  } catch (error) {
    if (isSecurityError(error) && unreadable.has(error.code)) return undefined
    throw error
  }
}

/** Where there is no value, a token that was left behind would keep an index key in use, and tell what the value was. */
function dropToken({ index }: TableColumn, { columns }: SourceRow, set: Columns): boolean {
  if (!index) return false
  put(set, index.column, null)
  return columns[index.column] !== null
}

/** Stale: under another key or algorithm, in an earlier place, or with other tokens. */
function reseal({ name, kind, field, index }: TableColumn, { key, columns }: SourceRow, set: Columns): boolean {
  const stored = columns[name] ?? ''
  const { value, former } = field.openAs(kind, stored, key)
  put(set, name, sealAs(field, kind, value, key))
  const stale = former || field.isStale(stored)
  if (!index) return stale
  const token = index.tokens.current(value as string)
  put(set, index.column, token)
  return stale || token !== columns[index.column]
}
