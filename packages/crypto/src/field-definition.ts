import { checkOptions } from '@mosaajii/core'
import type { Place } from './context.ts'
import { type Algorithm, algorithmIds } from './format.ts'
import { checkName } from './names.ts'
import { type FieldUse, refuseForbidden } from './refusals.ts'

/** An earlier table, column or schema of a field; what is left out was the same. */
export interface FormerPlace {
  readonly table?: string
  readonly column?: string
  /** `null`: there was no schema. */
  readonly schema?: string | null
}

/** What a field is. All of it is authenticated with every value: a value opens only in the field that sealed it. */
export interface FieldDefinition {
  readonly table: string
  readonly column: string
  /** The tenant whose rows these are. Without one, no tenant's values open. */
  readonly tenant?: string
  /** The database schema, or any label of the table's version. */
  readonly schema?: string
  /** Places that the field had before: `open` tries them too, and re-encryption moves their values. */
  readonly formerly?: readonly FormerPlace[]
  /** The algorithms that open; the first one seals. Default `['KC-XAES-256-GCM']` alone, or a downgrade would undo the commitment. */
  readonly algorithms?: readonly Algorithm[]
}

/** A checked definition. */
export interface CheckedField {
  readonly place: Place
  readonly formerly: readonly Place[]
  /** Algorithm identifiers; the first one seals. */
  readonly algorithmIds: readonly number[]
}

const maxFormerPlaces = 16
const optionNames: Readonly<Record<FieldUse, readonly string[]>> = {
  stored: ['table', 'column', 'tenant', 'schema', 'formerly', 'algorithms'],
  transient: ['table', 'column', 'tenant', 'schema', 'algorithms', 'ttl'],
}

/**
 * Checks a definition and refuses what must not be stored.
 *
 * @throws {CryptoError} `FIELD_REFUSED`.
 * @throws {TypeError | RangeError} for a definition that is not one.
 */
export function checkField(definition: FieldDefinition, use: FieldUse, who: string): CheckedField {
  checkOptions(definition, who, optionNames[use])
  // A tenant that was looked up and not found must not become "no tenant".
  for (const name of ['tenant', 'schema'] as const)
    if (Object.hasOwn(definition, name) && definition[name] === undefined)
      throw new TypeError(`${who}: ${name} is undefined; give it, or leave it out where there is none`)
  const { tenant, schema, formerly = [], algorithms = ['KC-XAES-256-GCM'] } = definition
  const place: Place = {
    tenant: tenant === undefined ? undefined : checkName(tenant, `${who}: tenant`),
    table: checkName(definition.table, `${who}: table`),
    column: checkName(definition.column, `${who}: column`),
    schema: schema === undefined ? undefined : checkName(schema, `${who}: schema`),
  }
  refuseForbidden(place, use)
  if (!Array.isArray(formerly) || formerly.length > maxFormerPlaces) {
    throw new TypeError(`${who}: formerly is a list of at most ${maxFormerPlaces} earlier places`)
  }
  return {
    place,
    formerly: formerly.map((earlier: FormerPlace) => formerPlace(place, earlier, who)),
    algorithmIds: checkAlgorithms(algorithms, who),
  }
}

function formerPlace(place: Place, earlier: FormerPlace, who: string): Place {
  checkOptions(earlier, `${who}: formerly`, ['table', 'column', 'schema'])
  const { table = place.table, column = place.column, schema = place.schema } = earlier
  return {
    tenant: place.tenant,
    table: checkName(table, `${who}: formerly.table`),
    column: checkName(column, `${who}: formerly.column`),
    schema: schema === null || schema === undefined ? undefined : checkName(schema, `${who}: formerly.schema`),
  }
}

function checkAlgorithms(algorithms: readonly Algorithm[], who: string): readonly number[] {
  const known =
    Array.isArray(algorithms) &&
    algorithms.length > 0 &&
    algorithms.every((name: string) => Object.hasOwn(algorithmIds, name))
  if (!known) throw new RangeError(`${who}: algorithms is a list of ${Object.keys(algorithmIds).join(', ')}`)
  return [...new Set(algorithms.map((name: Algorithm) => algorithmIds[name]))]
}
