import { isSecurityError } from '@mosaajii/core'
import { tokenVersion } from './blind-index.ts'
import { DecryptError } from './errors.ts'
import { SealingField } from './field.ts'
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
  readonly set: readonly (readonly [column: string, value: string | null])[]
  /** Whether it had to be: under another key or algorithm, in an earlier place, or with other tokens. */
  readonly stale: boolean
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

/** Seals a row again if anything in it is stale. One statement carries all of it, and only if nothing in it changed meanwhile. */
export async function rewriteRow({ columns }: HasColumns, source: SealedSource, row: SourceRow): Promise<RowOutcome> {
  const nulled = columns.find(({ name, nullable }) => row.columns[name] === null && !nullable)
  if (nulled) return { kind: 'unreadable', column: nulled.name }
  if (!columns.some((column) => mayBeStale(column, row))) return { kind: 'fresh' }
  const resealed: Resealed[] = []
  for (const column of columns) {
    const result = tryReseal(column, row)
    if (!result) return { kind: 'unreadable', column: column.name }
    resealed.push(result)
  }
  if (!resealed.some(({ stale }) => stale)) return { kind: 'fresh' }
  const expected = Object.fromEntries(columns.map(({ name }) => [name, row.columns[name] ?? null]))
  const set = Object.fromEntries(resealed.flatMap((column) => column.set))
  return { kind: (await source.update(row.key, expected, set)) ? 'rewritten' : 'conflict' }
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

function tryReseal(column: TableColumn, row: SourceRow): Resealed | undefined {
  try {
    return row.columns[column.name] === null ? withoutToken(column, row) : reseal(column, row)
  } catch (error) {
    if (isSecurityError(error) && unreadable.has(error.code)) return undefined
    throw error
  }
}

/** Where there is no value, a token that was left behind would keep an index key in use, and tell what the value was. */
function withoutToken({ index }: TableColumn, { columns }: SourceRow): Resealed {
  return index ? { set: [[index.column, null]], stale: columns[index.column] !== null } : { set: [], stale: false }
}

function reseal({ name, kind, field, index }: TableColumn, { key, columns }: SourceRow): Resealed {
  const stored = columns[name] ?? ''
  const { value, former } = field.openAs(kind, stored, key)
  const sealed = [name, sealAs(field, kind, value, key)] as const
  const stale = former || field.isStale(stored)
  if (!index) return { set: [sealed], stale }
  const token = index.tokens.current(value as string)
  return { set: [sealed, [index.column, token]], stale: stale || token !== columns[index.column] }
}
