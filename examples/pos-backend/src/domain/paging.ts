import { ShopError } from './errors.ts'
import { isId } from './ids.ts'

/** Which part of a list is wanted: at most `limit` rows whose id comes after `after`. */
export interface Page {
  readonly after: string
  readonly limit: number
}

/** A part of a list, and the id after which the next part begins; `null` at the end. */
export interface Paged<T> {
  readonly items: readonly T[]
  readonly next: string | null
}

/**
 * Reads the two texts of a query.
 *
 * @throws {ShopError} `INPUT_INVALID` when `after` is no id or `limit` is not from 1 to `max`.
 */
export function readPage(after: string | undefined, limit: string | undefined, max: number): Page {
  if (after !== undefined && !isId(after)) throw refused('after', 'must be the id of a row')
  if (limit !== undefined && !/^\d{1,4}$/.test(limit)) throw refused('limit', `must be from 1 to ${max}`)
  const rows = Number(limit ?? Math.min(25, max))
  if (rows < 1 || rows > max) throw refused('limit', `must be from 1 to ${max}`)
  return { after: after ?? '', limit: rows }
}

/** Makes a part of a list from one row more than was asked for: the extra row tells that there is a next part. */
export function paged<Row extends { id: string }, T>(
  rows: readonly Row[],
  limit: number,
  show: (row: Row) => T,
): Paged<T> {
  const shown = rows.slice(0, limit)
  return { items: shown.map(show), next: rows.length > limit ? (shown.at(-1)?.id ?? null) : null }
}

function refused(field: string, rule: string): ShopError {
  return new ShopError('INPUT_INVALID', `${field} ${rule}`, { field, rule })
}
