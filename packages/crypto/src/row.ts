import { cryptoError } from './errors.ts'
import type { RowKey } from './sealed-source.ts'

/** The longest row key, in UTF-8 bytes. */
export const maxRowLength = 256

const bigintLimit = 10n ** 77n

/**
 * A row's key as it stands in the context: decimal for numbers, so `7`, `7n` and `'7'` are the same row.
 *
 * @throws {CryptoError} `ROW_INVALID` unless it is a non-empty well-formed string of at most 256 UTF-8 bytes, a safe integer or a bigint.
 */
export function rowText(row: RowKey): string {
  if (typeof row === 'string') {
    // A UTF-16 unit is at most three bytes: short keys need no count.
    if (row.length > 0 && row.length <= maxRowLength / 3 && row.isWellFormed()) return row
    if (row.length > 0 && row.length <= maxRowLength && row.isWellFormed() && utf8Length(row) <= maxRowLength)
      return row
  }
  if (typeof row === 'number' && Number.isSafeInteger(row)) return String(row === 0 ? 0 : row)
  if (typeof row === 'bigint' && row < bigintLimit && row > -bigintLimit) return row.toString()
  throw cryptoError(
    'ROW_INVALID',
    'row: give { row } with a non-empty string of at most 256 UTF-8 bytes, a safe integer or a bigint; it exists before the insert',
    {
      status: 500,
    },
  )
}

function utf8Length(text: string): number {
  return new TextEncoder().encode(text).length
}
