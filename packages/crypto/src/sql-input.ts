import { isSecurityError } from '@mosaajii/core'
import { CryptoError, type CryptoErrorCode } from './errors.ts'
import type { Kysely } from 'kysely'

// Longer names are cut off silently by Postgres, and two tables could become one.
const identifier = /^[\p{L}_][\p{L}\p{N}_$]{0,62}$/u

/** Whether a value is one plain identifier: no dot, no alias, nothing to quote. */
export function isIdentifier(name: unknown): name is string {
  return typeof name === 'string' && identifier.test(name)
}

/**
 * Checks a table's name, optionally after a schema's name and a dot.
 *
 * @throws {TypeError} when it is neither.
 */
export function checkTable(table: unknown, who: string): void {
  const parts = typeof table === 'string' ? table.split('.') : []
  if (parts.length >= 1 && parts.length <= 2 && parts.every(isIdentifier)) return
  throw new TypeError(`${who}: table must be a name such as 'keyrings' or 'shop.keyrings', of letters, digits and '_'`)
}

/**
 * Checks that a value is a Kysely instance that commits each statement by itself. In a transaction what was written could still be
 * rolled back, and what is read could be long out of date.
 *
 * @throws {TypeError} when it is something else.
 */
export function checkDatabase(db: unknown, who: string): void {
  const like = db as Partial<Kysely<unknown>> | null | undefined
  if (typeof like !== 'object' || like === null || !('selectFrom' in like)) {
    throw new TypeError(`${who}: db must be a Kysely instance`)
  }
  if (like.isTransaction === true) throw new TypeError(`${who}: give the Kysely instance itself, not a transaction`)
}

/** Does something with the database and turns whatever goes wrong into an error of this package. */
export async function explained<T>(code: CryptoErrorCode, message: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    if (isSecurityError(cause)) throw cause
    throw new CryptoError(code, `${message}; the cause has more`, { status: 503, cause })
  }
}

/** Whether Postgres gave a statement up because of a concurrent one, under an isolation level above its default. Nothing was written. */
export function isSerializationFailure(error: unknown): boolean {
  return hasCode(error, '40001', '40P01')
}

/**
 * Runs a `CREATE TABLE IF NOT EXISTS`. When two sessions do so at once, Postgres may tell the second of a unique violation in its own
 * catalogue (23505) or that the table exists (42P07, 42710); asked again, it sees the table.
 */
export async function createTable(create: () => Promise<void>): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await create()
    } catch (error) {
      if (attempt === 5 || !hasCode(error, '23505', '42P07', '42710')) throw error
    }
  }
}

function hasCode(error: unknown, ...codes: readonly string[]): boolean {
  const code = typeof error === 'object' && error !== null ? (error as { code?: unknown }).code : undefined
  return typeof code === 'string' && codes.includes(code)
}
