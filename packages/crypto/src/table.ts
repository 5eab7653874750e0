import { checkOptions, isSecurityError } from '@mosaajii/core'
import type { KeyedBlindIndex } from './blind-index.ts'
import type { ColumnSpecs, IndexColumnOf, PlainOf, SealedOf, SearchableSpec, SealedSpec } from './columns.ts'
import { type CryptoError, cryptoError } from './errors.ts'
import { afterRefresh, openFailed, SealingField } from './field.ts'
import { checkField, type FieldDefinition, type FormerPlace } from './field-definition.ts'
import type { KeyringCore } from './keyring-core.ts'
import { checkName } from './names.ts'
import { rowText } from './row.ts'
import type { RowKey } from './sealed-source.ts'

/** The sealed columns of a table and where its rows' keys are. */
export interface TableDefinition<RowColumn extends string, Specs extends ColumnSpecs>
  extends Pick<FieldDefinition, 'tenant' | 'schema' | 'algorithms'> {
  /** Earlier names of the table or its schema; an earlier name of one column goes to `sealed()` or `searchable()`. */
  readonly formerly?: readonly Omit<FormerPlace, 'column'>[]
  /** The column of the row's key. It exists before the insert and never changes. */
  readonly row: RowColumn
  /** Column name to `sealed()` or `searchable()`. */
  readonly fields: Specs
}

type RowOf<RowColumn extends string> = { readonly [K in RowColumn]: RowKey }
type PlainFields<Specs extends ColumnSpecs> = { readonly [F in keyof Specs]: PlainOf<Specs[F]> }
type PatchFields<Specs extends ColumnSpecs> = { readonly [F in keyof Specs]?: PlainOf<Specs[F]> | undefined }
type IndexNames<Specs extends ColumnSpecs> = { [F in keyof Specs]: IndexColumnOf<F, Specs[F]> }[keyof Specs]
type SearchableNames<Specs extends ColumnSpecs> = {
  [F in keyof Specs]: Specs[F] extends SearchableSpec ? F : never
}[keyof Specs] &
  string
type Undefined<T> = undefined extends T ? undefined : never

/** A record as it is written: sealed fields, index tokens, and everything else as it was. */
export type SealedRecord<R, Specs extends ColumnSpecs> = {
  [K in keyof R]: K extends keyof Specs ? SealedOf<Specs[K]> | Undefined<R[K]> : R[K]
} & {
  [K in keyof R as K extends keyof Specs ? IndexColumnOf<K, Specs[K]> : never]:
    | string
    | (K extends keyof Specs ? Extract<SealedOf<Specs[K]>, null> : never)
    | Undefined<R[K]>
}

/** A row after opening: plaintext fields, no index tokens, and everything else as it was. */
export type OpenedRecord<R, Specs extends ColumnSpecs> = {
  [K in keyof R as K extends IndexNames<Specs> ? never : K]: K extends keyof Specs
    ? PlainOf<Specs[K]> | Undefined<R[K]>
    : R[K]
}

/** The sealed columns of some table, whatever they are: what re-encryption and the destruction of keys take. */
export interface AnySealedTable {
  readonly name: string
  /** The column of the row's key. */
  readonly row: string
  seal(record: never): unknown
  sealPatch(row: RowKey, patch: never): unknown
  open(row: never): unknown
  openAsync(row: never): Promise<unknown>
  where(field: never, value: string): unknown
}

/** The sealed columns of one table. */
export interface SealedTable<RowColumn extends string = string, Specs extends ColumnSpecs = ColumnSpecs>
  extends AnySealedTable {
  readonly row: RowColumn
  /**
   * Seals a record for an insert. Every field must be there; columns that are not fields pass unchanged.
   *
   * @throws {CryptoError} as `Field.seal`; `SEAL_INPUT_INVALID` for a missing field or a null that is not allowed.
   */
  seal<const R extends RowOf<RowColumn> & PlainFields<Specs>>(record: R): SealedRecord<R, Specs>
  /** Seals the fields of a patch for an update of the row; what is absent or undefined is left out, so it stays as it is. */
  sealPatch<const P extends PatchFields<Specs>>(row: RowKey, patch: P): SealedRecord<P, Specs>
  /**
   * Opens a row, or some of its columns; the row's key must be among them. Index tokens are left out.
   *
   * @throws {DecryptError} also for a null in a field that is not nullable.
   */
  open<R extends RowOf<RowColumn>>(row: R): OpenedRecord<R, Specs>
  /** As `open`, but waits for one refresh when a key version is not known here yet. */
  openAsync<R extends RowOf<RowColumn>>(row: R): Promise<OpenedRecord<R, Specs>>
  /**
   * Finds rows by the value of a searchable field.
   *
   * @example
   * const byEmail = customers.where('email', 'ada@example.com')
   * const rows = await db.selectFrom('customers').selectAll().where(byEmail).execute()
   * byEmail.open(rows) // opened, and compared: a narrow index also finds rows of other values
   */
  where<F extends SearchableNames<Specs>>(field: F, value: string): IndexMatch<RowColumn, Specs, F>
}

/** A search by blind index. Called by Kysely's `where()`, it makes `column in (tokens)`. */
export interface IndexMatch<RowColumn extends string, Specs extends ColumnSpecs, F extends keyof Specs & string> {
  <Expression>(
    build: (column: IndexColumnOf<F, Specs[F]>, operator: 'in', tokens: readonly string[]) => Expression,
  ): Expression
  /** The column of the tokens, for a query that is not made by Kysely. */
  readonly column: IndexColumnOf<F, Specs[F]>
  /** Every token that a row with the value may have. */
  readonly tokens: readonly string[]
  /**
   * Opens the rows that were found and keeps those that really have the value.
   *
   * @throws {DecryptError} when one of them does not open.
   * @throws {TypeError} when the rows were selected without the field, so that nothing can be compared.
   */
  open<R extends RowOf<RowColumn> & { readonly [K in F]: string | null }>(rows: readonly R[]): OpenedRecord<R, Specs>[]
}

/** One sealed column, for those who work through whole tables. Internal. */
export interface TableColumn {
  readonly name: string
  readonly kind: 'text' | 'bytes'
  readonly nullable: boolean
  readonly field: SealingField
  readonly index: { readonly column: string; readonly tokens: KeyedBlindIndex } | undefined
}

type Values = Readonly<Record<string, unknown>>

const aboutValues: ReadonlySet<string> = new Set([
  'SEAL_INPUT_INVALID',
  'SEAL_INPUT_TOO_LONG',
  'ALREADY_SEALED',
  'INDEX_INPUT_INVALID',
  'ROW_INVALID',
])

/** The implementation of {@link SealedTable}. Internal. */
export class FieldTable<RowColumn extends string, Specs extends ColumnSpecs> implements SealedTable<RowColumn, Specs> {
  readonly #core: KeyringCore
  readonly name: string
  readonly row: RowColumn
  readonly columns: readonly TableColumn[]
  readonly #tokenColumns: ReadonlySet<string>

  constructor(core: KeyringCore, name: string, definition: TableDefinition<RowColumn, Specs>) {
    checkOptions(definition, 'keyring.table', ['row', 'fields', 'tenant', 'schema', 'formerly', 'algorithms'])
    const { row, fields, ...shared } = definition
    this.#core = core
    this.name = name
    this.row = checkName(row, 'keyring.table: row') as RowColumn
    checkOptions(fields, 'keyring.table: fields', Object.keys(fields ?? {}))
    const columns = Object.entries(fields).map(([column, spec]) => {
      const formerly = [...checkSpec(column, spec).formerly, ...(shared.formerly ?? [])]
      return { spec, definition: { ...shared, table: name, column, formerly } }
    })
    checkColumns(name, [row, ...columns.flatMap(({ spec, definition: { column } }) => columnsOf(column, spec))])
    // All of them are checked before the first is noted in the keyring, where a field stays for good.
    for (const { definition } of columns) checkField(definition, 'stored', 'keyring.table')
    this.columns = columns.map(({ spec, definition }) => makeColumn(core, definition, spec))
    this.#tokenColumns = new Set(this.columns.flatMap(({ index }) => index?.column ?? []))
  }

  /** Internal, as of a field. */
  static coreOf(table: FieldTable<string, ColumnSpecs>): KeyringCore {
    return table.#core
  }

  seal<const R extends RowOf<RowColumn> & PlainFields<Specs>>(record: R): SealedRecord<R, Specs> {
    // Read once: what was checked is what is sealed.
    const values: Values = { ...record }
    const missing = this.columns.find(({ name }) => own(values, name) === undefined)
    if (missing) throw invalid(this.name, missing.name, 'is missing; give it, or null where the field is nullable')
    return { ...values, ...this.#sealFields(own(values, this.row) as RowKey, values) } as SealedRecord<R, Specs>
  }

  sealPatch<const P extends PatchFields<Specs>>(row: RowKey, patch: P): SealedRecord<P, Specs> {
    const values: Values = { ...patch }
    if (own(values, this.row) !== undefined) throw invalid(this.name, this.row, "is the row's key, which never changes")
    const given = Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined))
    return { ...given, ...this.#sealFields(row, values) } as SealedRecord<P, Specs>
  }

  open<R extends RowOf<RowColumn>>(row: R): OpenedRecord<R, Specs> {
    const key = row[this.row]
    rowText(key)
    const opened = Object.fromEntries(Object.entries<unknown>(row).filter(([name]) => !this.#tokenColumns.has(name)))
    for (const column of this.columns) {
      const stored = own(opened, column.name)
      if (stored !== undefined) opened[column.name] = this.#openColumn(column, stored, key)
    }
    return opened as OpenedRecord<R, Specs>
  }

  async openAsync<R extends RowOf<RowColumn>>(row: R): Promise<OpenedRecord<R, Specs>> {
    const copy = { ...row }
    return afterRefresh(this.#core, () => this.open(copy))
  }

  where<F extends SearchableNames<Specs>>(field: F, value: string): IndexMatch<RowColumn, Specs, F> {
    const index = this.columns.find(({ name }) => name === field)?.index
    // The argument is not shown: whoever mixes up the two gives the value that is looked for.
    if (!index) throw new TypeError(`where: of table '${this.name}' these are searchable(): ${this.#searchable()}`)
    const column = index.column as IndexColumnOf<F, Specs[F]>
    const tokens = index.tokens.all(value)
    const has = (opened: object) => {
      const found = own(opened as Values, field)
      if (found === undefined) throw new TypeError(`where: select '${field}' too, so that its values can be compared`)
      return typeof found === 'string' && index.tokens.matches(found, value)
    }
    const match = <Expression>(build: (name: typeof column, operator: 'in', list: readonly string[]) => Expression) =>
      build(column, 'in', tokens)
    const open = <R extends RowOf<RowColumn>>(rows: readonly R[]) => rows.map((row) => this.open(row)).filter(has)
    return Object.assign(match, { column, tokens, open })
  }

  #searchable(): string {
    const names = this.columns.flatMap(({ name, index }) => (index ? [name] : []))
    return names.join(', ') || 'none'
  }

  #sealFields(row: RowKey, values: Values): Values {
    this.#naming(this.row, () => rowText(row))
    const sealed: [string, unknown][] = []
    for (const { name, kind, nullable, field, index } of this.columns) {
      const value = own(values, name)
      if (index && own(values, index.column) !== undefined)
        throw invalid(this.name, index.column, 'holds index tokens, which seal() makes')
      if (value === undefined) continue
      if (value === null && !nullable)
        throw invalid(this.name, name, 'is null; declare it with nullable: true to allow that')
      sealed.push([name, value === null ? null : this.#naming(name, () => sealAs(field, kind, value, row))])
      if (index)
        sealed.push([
          index.column,
          value === null ? null : this.#naming(name, () => index.tokens.current(value as string)),
        ])
    }
    return Object.fromEntries(sealed)
  }

  /** Errors about a value say which column it is of, so that a form can show them beside its field. */
  #naming<T>(column: string, work: () => T): T {
    try {
      return work()
    } catch (error) {
      if (!isSecurityError(error) || !aboutValues.has(error.code)) throw error
      const detail = { ...error.detail, table: this.name, column }
      const { code, message, status } = error as CryptoError
      throw cryptoError(code, `table '${this.name}': '${column}': ${message}`, { status, detail })
    }
  }

  #openColumn({ name, kind, nullable, field }: TableColumn, stored: unknown, row: RowKey): unknown {
    if (stored !== null) return field.openAs(kind, stored as string, row).value
    if (nullable) return null
    throw openFailed(this.#core, { table: this.name, column: name }, { reason: 'null' })
  }
}

/** A property of the record itself: `constructor` is a name like any other. */
function own(values: Values, name: string): unknown {
  return Object.hasOwn(values, name) ? values[name] : undefined
}

function checkSpec(column: string, spec: SealedSpec | SearchableSpec | undefined): SealedSpec | SearchableSpec {
  if (spec?.kind === 'text' || spec?.kind === 'bytes') return spec
  throw new TypeError(`keyring.table: '${column}' is not made by sealed() or searchable()`)
}

function indexColumn(column: string, spec: SealedSpec | SearchableSpec): string | undefined {
  return spec.index && (spec.indexColumn ?? `${column}_index`)
}

function columnsOf(column: string, spec: SealedSpec | SearchableSpec): readonly string[] {
  const index = indexColumn(column, spec)
  return index === undefined ? [column] : [column, checkName(index, 'searchable: column')]
}

/** A column has one meaning: key, sealed value or tokens. */
function checkColumns(table: string, names: readonly string[]): void {
  const twice = names.find((name, i) => names.indexOf(name) !== i)
  if (twice !== undefined) throw new RangeError(`keyring.table: column '${twice}' of '${table}' is named twice`)
  if (names.length === 1) throw new RangeError(`keyring.table: give '${table}' at least one field`)
}

/** Seals a value of one kind; the field itself checks that the value is of that kind. */
export function sealAs(field: SealingField, kind: 'text' | 'bytes', value: unknown, row: RowKey): string {
  return kind === 'text' ? field.seal(value as string, { row }) : field.sealBytes(value as Uint8Array, { row })
}

function makeColumn(core: KeyringCore, definition: FieldDefinition, spec: SealedSpec | SearchableSpec): TableColumn {
  const { column } = definition
  const field = new SealingField(core, definition)
  const index = spec.index && {
    column: indexColumn(column, spec) as string,
    tokens: field.blindIndex(spec.index),
  }
  return { name: column, kind: spec.kind, nullable: spec.nullable, field, index }
}

function invalid(table: string, column: string, what: string): Error {
  return cryptoError('SEAL_INPUT_INVALID', `table '${table}': '${column}' ${what}`, {
    status: 422,
    detail: { table, column },
  })
}
