import { checkOptions } from '@mosaajii/core'
import type { BlindIndexDefinition } from './blind-index.ts'
import type { FormerPlace } from './field-definition.ts'
import { checkName } from './names.ts'
import type { Sealed } from './token.ts'

/** A column whose values are sealed. Made by {@link sealed}. */
export interface SealedSpec<Kind extends 'text' | 'bytes' = 'text' | 'bytes', Nullable extends boolean = boolean> {
  readonly kind: Kind
  readonly nullable: Nullable
  readonly formerly: readonly FormerPlace[]
  readonly index?: undefined
}

/** A sealed text column with a blind index in a second column. Made by {@link searchable}. */
export interface SearchableSpec<
  Nullable extends boolean = boolean,
  Column extends string | undefined = string | undefined,
> {
  readonly kind: 'text'
  readonly nullable: Nullable
  readonly formerly: readonly FormerPlace[]
  readonly index: BlindIndexDefinition
  readonly indexColumn: Column
}

/** The sealed columns of a table, by column name. */
export type ColumnSpecs = Readonly<Record<string, SealedSpec | SearchableSpec>>

type OrNull<Spec> = Spec extends { readonly nullable: false } ? never : null

/** What a field of a record is before sealing and after opening. */
export type PlainOf<Spec> = (Spec extends { readonly kind: 'bytes' } ? Uint8Array : string) | OrNull<Spec>
/** What the column holds. */
export type SealedOf<Spec> = Sealed | OrNull<Spec>

/** The name of the column that holds a field's tokens: as given, or the field's name and `_index`. */
export type IndexColumnOf<Name, Spec> = Spec extends { readonly indexColumn: infer Column }
  ? Column extends string
    ? Column
    : `${Name & string}_index`
  : never

// NoInfer in what the two factories return: else TypeScript infers the widest spec that keyring.table() takes, not the one that is given.

/**
 * A sealed column of a table.
 *
 * @param options `kind`: `'text'` (default) or `'bytes'`. `nullable`: whether null may stand for no value; an attacker who can write the
 * database can then null it unnoticed. Default false: null is refused, also on opening.
 * `formerly`: earlier places of this column alone.
 * @example
 * keyring.table('customers', { row: 'id', fields: { phone: sealed({ nullable: true }) } })
 */
export function sealed<const Kind extends 'text' | 'bytes' = 'text', const Nullable extends boolean = false>(
  options: { readonly kind?: Kind; readonly nullable?: Nullable; readonly formerly?: readonly FormerPlace[] } = {},
): SealedSpec<NoInfer<Kind>, NoInfer<Nullable>> {
  checkOptions(options, 'sealed', ['kind', 'nullable', 'formerly'])
  const { kind = 'text', nullable = false, formerly = [] } = options
  if (kind !== 'text' && kind !== 'bytes') throw new RangeError("sealed: kind is 'text' or 'bytes'")
  return Object.freeze({ kind: kind as Kind, nullable: checkNullable(nullable, 'sealed') as Nullable, formerly })
}

/** What {@link searchable} takes besides the index's own definition. */
export interface SearchableOptions<Nullable extends boolean, Column extends string | undefined>
  extends BlindIndexDefinition {
  readonly nullable?: Nullable
  /** Where the tokens stand. Default: the column's name and `_index`. */
  readonly column?: Column
  readonly formerly?: readonly FormerPlace[]
}

/**
 * A sealed text column that rows can be found by, through a blind index in a second column.
 *
 * @param options `normalize`, `bits` and `name` as for `field.blindIndex()`; `column`: where the tokens stand, by default the column's name
 * and `_index`; `nullable` as for {@link sealed}, then the token is null too; `formerly` likewise.
 * @example
 * keyring.table('customers', { row: 'id', fields: { email: searchable({ normalize: 'email' }) } })
 */
export function searchable<const Nullable extends boolean = false, const Column extends string | undefined = undefined>(
  options: SearchableOptions<Nullable, Column> = {},
): SearchableSpec<NoInfer<Nullable>, NoInfer<Column>> {
  checkOptions(options, 'searchable', ['normalize', 'bits', 'name', 'column', 'nullable', 'formerly'])
  const { nullable = false, column, formerly = [], ...index } = options
  if (column !== undefined) checkName(column, 'searchable: column')
  return Object.freeze({
    kind: 'text',
    nullable: checkNullable(nullable, 'searchable') as Nullable,
    formerly,
    index,
    indexColumn: column as Column,
  })
}

function checkNullable(nullable: unknown, who: string): boolean {
  if (typeof nullable === 'boolean') return nullable
  throw new TypeError(`${who}: nullable is true or false`)
}
