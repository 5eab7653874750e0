import { checkOptions } from '@mosaajii/core'
import { type BlindIndex, type BlindIndexDefinition, KeyedBlindIndex, labelOf, tokenVersion } from './blind-index.ts'
import type { ColumnSpecs } from './columns.ts'
import type { Place } from './context.ts'
import { cryptoError } from './errors.ts'
import { recorded } from './events.ts'
import { type Field, SealingField } from './field.ts'
import type { FieldDefinition } from './field-definition.ts'
import type { KeyPurpose } from './key-provider.ts'
import type { KeyringCore } from './keyring-core.ts'
import { type FieldEntry, fieldKey, type KeyringDocument, type KeyVersion, versionsAt } from './keyring-document.ts'
import type { KeyringState } from './keyring-state.ts'
import { checkName } from './names.ts'
import type { SealedSource, SourceRow } from './sealed-source.ts'
import { type AnySealedTable, FieldTable } from './table.ts'
import { decodeToken } from './token.ts'

/** Where rows of a keyring's fields are: a whole table, one field (in the column of its name), or one blind index. */
export type CoveredSource = (
  | { readonly fields: AnySealedTable | Field }
  | { readonly index: BlindIndex; readonly column: string }
) & {
  readonly source: SealedSource
  /** Says that the source really has no rows. Without it, a source that finds none is refused: its filter or table may be the wrong one. */
  readonly empty?: boolean
}

/** What `destroy` needs to know. */
export interface DestroyOptions {
  /** Where the rows of the keyring's fields are. */
  readonly sources: readonly CoveredSource[]
  /** Default `'data'`. */
  readonly purpose?: KeyPurpose
  /** Fields, or single blind indexes of theirs, that were defined once and whose columns no longer exist anywhere. */
  readonly dropped?: readonly DroppedField[]
}

/** A field whose column is gone; with `index`, only that blind index of it. Earlier places of a field are fields of their own here. */
export interface DroppedField extends Pick<FieldDefinition, 'tenant' | 'table' | 'column' | 'schema'> {
  readonly index?: BlindIndexDefinition
}

/** One column to look through: its place in the keyring's document, and the version that a stored value of it needs. */
interface CoveredColumn {
  readonly name: string
  readonly purpose: KeyPurpose
  readonly place: Place
  /** The label of the blind index whose tokens these are. */
  readonly index?: string
  /** The key version that the value needs; `undefined`: it cannot be read. */
  versionOf(value: string, row: SourceRow): number | undefined
}

interface Count {
  readonly rows: number
  readonly needed: number
  readonly unreadable: number
}

const pageLength = 500

/** See `Keyring.destroy`. */
export async function destroyKey(state: KeyringState, version: number, options: DestroyOptions): Promise<KeyVersion> {
  checkOptions(options, 'keyring.destroy', ['sources', 'purpose', 'dropped'])
  const { sources, purpose = 'data', dropped = [] } = options
  if (typeof version !== 'number') throw new TypeError('keyring.destroy: version is a number, as versions() gives it')
  if (!Array.isArray(sources)) throw new TypeError('keyring.destroy: sources is a list, one for each table')
  checkDropped(dropped)
  await state.recorded()
  await state.refresh()
  checkState(state, purpose, version)
  const { document } = state
  const covered = sources.map((entry: CoveredSource) => ({
    source: entry.source,
    empty: entry.empty === true,
    columns: columnsOf(state, entry, purpose),
  }))
  checkCoverage(
    document,
    purpose,
    covered.flatMap(({ columns }) => columns),
    dropped,
  )
  for (const { source, columns, empty } of covered) await checkUnused(source, columns, version, empty)
  const data = { keyring: state.id, purpose, keyVersion: version }
  return recorded(state.settings, 'keyring.destroy', data, async () => {
    const written = await state.change((current) => entomb(current, document, purpose, version, state.clock.now()))
    // The key is gone from the store even if this instance cannot read that now.
    await state.refresh().catch(() => undefined)
    return versionOf(state, written.document, purpose, version)
  })
}

function versionOf(state: KeyringState, document: KeyringDocument, purpose: KeyPurpose, version: number): KeyVersion {
  const found = versionsAt(document, purpose, state.clock.now()).find((entry) => entry.version === version)
  if (found) return found
  throw refused(`there is no version ${version} of the ${purpose} key`)
}

function checkState(state: KeyringState, purpose: KeyPurpose, version: number): void {
  const { state: keyState, decryptOnlyAt = 0 } = versionOf(state, state.document, purpose, version)
  if (keyState !== 'decrypt-only')
    throw refused(`version ${version} of the ${purpose} key is ${keyState}; only a decrypt-only one can go`)
  const { refresh, fields } = state.document
  // A slow instance may seal for two intervals more; a transient value must open until it expires.
  const longest = purpose === 'data' ? Math.max(0, ...fields.map(({ ttl = 0 }) => ttl)) : 0
  const wait = 2 * refresh + longest
  const left = decryptOnlyAt + wait - state.clock.now()
  if (left > 0)
    throw refused(`version ${version} must be decrypt-only for ${wait} ms before it can go; ${left} ms are left`, {
      waitMs: left,
    })
}

/** The tombstone: the entry without its key. `counted` is the document by which the rows were counted. `undefined`: it is there already. */
function entomb(
  document: KeyringDocument,
  counted: KeyringDocument,
  purpose: KeyPurpose,
  version: number,
  destroyedAt: number,
): KeyringDocument | undefined {
  const known = new Set(counted.fields.map(countedKey))
  if (document.fields.some((field) => !known.has(countedKey(field)))) {
    throw refused('a field was defined while the rows were counted; call destroy again')
  }
  const doomed = document.keys.find((entry) => entry.purpose === purpose && entry.version === version)
  if (!doomed?.wrapped) return undefined
  const { wrapped: _, ...rest } = doomed
  return { ...document, keys: document.keys.map((entry) => (entry === doomed ? { ...rest, destroyedAt } : entry)) }
}

function countedKey(field: FieldEntry): string {
  return JSON.stringify([fieldKey(field), field.indexes ?? []])
}

/** @throws {TypeError} for what is not a list of fields. */
function checkDropped(dropped: unknown): void {
  if (!Array.isArray(dropped)) throw new TypeError('keyring.destroy: dropped is a list of fields')
  for (const field of dropped) {
    const who = 'keyring.destroy: dropped'
    checkOptions(field, who, ['table', 'column', 'tenant', 'schema', 'index'])
    checkName((field as FieldDefinition).table, `${who}: table`)
    checkName((field as FieldDefinition).column, `${who}: column`)
  }
}

function columnsOf(state: KeyringState, entry: CoveredSource, purpose: KeyPurpose): readonly CoveredColumn[] {
  if ('index' in entry) {
    if (!(entry.index instanceof KeyedBlindIndex))
      throw new TypeError('keyring.destroy: index is a blind index of a keyring')
    checkOwner(state, KeyedBlindIndex.coreOf(entry.index))
    return purpose === 'index' ? [indexColumn(entry.index, entry.column)] : []
  }
  const { fields } = entry
  if (fields instanceof SealingField) {
    checkOwner(state, SealingField.coreOf(fields))
    return purpose === 'data' ? [sealedColumn(fields, fields.column)] : []
  }
  if (!(fields instanceof FieldTable)) throw new TypeError('keyring.destroy: fields is a table or a field of a keyring')
  checkOwner(state, FieldTable.coreOf(fields as FieldTable<string, ColumnSpecs>))
  return fields.columns.flatMap(({ name, field, index }) => {
    if (purpose === 'data') return [sealedColumn(field, name)]
    return index ? [indexColumn(index.tokens, index.column)] : []
  })
}

function checkOwner(state: KeyringState, core: KeyringCore): void {
  if (core !== state)
    throw new TypeError('keyring.destroy: a source is of another keyring; give the tables and fields of this one')
}

function sealedColumn(field: SealingField, name: string): CoveredColumn {
  const { engine } = SealingField.coreOf(field)
  return {
    name,
    purpose: 'data',
    place: field.checked.place,
    versionOf: (value, { key }) => (field.reads(value, key) ? decodeToken(engine, value)?.keyVersion : undefined),
  }
}

function indexColumn(index: KeyedBlindIndex, name: string): CoveredColumn {
  return { name, purpose: 'index', place: index.place, index: index.label, versionOf: (value) => tokenVersion(value) }
}

/** Every field (or blind index) that was ever defined must be looked through, or its rows would be lost with the key. */
function checkCoverage(
  document: KeyringDocument,
  purpose: KeyPurpose,
  columns: readonly CoveredColumn[],
  dropped: readonly DroppedField[],
): void {
  const gone = new Set(dropped.filter(({ index }) => !index).map((place) => fieldKey(asEntry(place))))
  // An earlier place is not covered by the later one: rows may have been left where they were.
  const covered = new Set(columns.map(({ place, index }) => coverKey(asEntry(place), index)))
  for (const place of dropped) if (place.index) covered.add(coverKey(asEntry(place), labelOf(place.index)))
  for (const field of document.fields) {
    if (field.use !== 'stored' || gone.has(fieldKey(field))) continue
    const needed = purpose === 'data' ? [undefined] : (field.indexes ?? [])
    for (const index of needed) if (!covered.has(coverKey(field, index))) throw uncovered(field, index)
  }
}

function coverKey(field: FieldEntry, index: string | undefined): string {
  return JSON.stringify([fieldKey(field), index])
}

function uncovered({ tenant, table, column, schema }: FieldEntry, index: string | undefined): Error {
  const where = [tenant && `tenant '${tenant}'`, schema && `schema '${schema}'`].filter(Boolean).join(', ')
  return refused(
    `no source covers ${index === undefined ? '' : `the blind index '${index}' of `}${table}.${column}${where && ` (${where})`}; ` +
      'add it to sources, or to dropped if the column is gone',
  )
}

function asEntry({ tenant, table, column, schema }: { [K in keyof Place]?: Place[K] }): FieldEntry {
  return {
    use: 'stored',
    ...(tenant !== undefined && { tenant }),
    table: table ?? '',
    column: column ?? '',
    ...(schema !== undefined && { schema }),
  }
}

async function checkUnused(
  source: SealedSource,
  columns: readonly CoveredColumn[],
  version: number,
  empty: boolean,
): Promise<void> {
  if (columns.length === 0) return
  const { rows, needed, unreadable } = await countRows(source, columns, version)
  const names = columns.map(({ name }) => name).join(', ')
  if (rows === 0 && !empty)
    throw refused(`the source of ${names} has no rows; if its table and filter are right, say so with empty: true`)
  if (unreadable > 0)
    throw refused(
      `${unreadable} values of ${names} cannot be read; reencrypt() lists their rows. Mend or delete them first`,
      { unreadable },
    )
  if (needed > 0)
    throw refused(`${needed} values of ${names} still need version ${version}; run reencrypt() first`, { needed })
}

async function countRows(source: SealedSource, columns: readonly CoveredColumn[], version: number): Promise<Count> {
  const names = columns.map(({ name }) => name)
  let count: Count = { rows: 0, needed: 0, unreadable: 0 }
  let after: SourceRow['key'] | undefined
  for (;;) {
    const rows = await source.page(after, pageLength, names)
    const last = rows.at(-1)
    if (!last) return count
    for (const row of rows) count = countRow(count, row, columns, version)
    after = last.key
  }
}

function countRow(count: Count, row: SourceRow, columns: readonly CoveredColumn[], version: number): Count {
  let { needed, unreadable } = count
  for (const column of columns) {
    const value = row.columns[column.name]
    if (value === null) continue
    const found = value === undefined ? undefined : column.versionOf(value, row)
    if (found === undefined) unreadable++
    else if (found === version) needed++
  }
  return { rows: count.rows + 1, needed, unreadable }
}

function refused(reason: string, detail: Record<string, number> = {}): Error {
  return cryptoError('KEY_DESTRUCTION_REFUSED', `destroy: ${reason}`, { status: 409, detail })
}
