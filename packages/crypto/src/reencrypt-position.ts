import { cryptoError } from './errors.ts'
import type { RowKey } from './sealed-source.ts'

/** How far a re-encryption came. */
export interface Position {
  readonly pass: number
  /** The key of the last row that was looked at; `undefined` at the start of a pass. */
  readonly after: RowKey | undefined
  /** Whether this pass has found nothing stale so far. */
  readonly clean: boolean
  /** The key versions that its rows were compared with; another target means another pass. */
  readonly target: string | undefined
}

interface Written {
  readonly table: string
  readonly pass: number
  readonly after: { readonly type: 'string' | 'number' | 'bigint'; readonly value: string }
  readonly clean: boolean
  readonly target: string
}

/** The position as text for a cursor store. */
export function writePosition({ pass, after, clean, target }: Position, table: string): string {
  return JSON.stringify({ table, pass, after: { type: typeof after, value: String(after) }, clean, target })
}

/**
 * The position that a cursor holds, or the start where there is none.
 *
 * @throws {CryptoError} `REENCRYPTION_STOPPED` when the cursor is of another table or damaged.
 */
export function readPosition(cursor: string | undefined, table: string): Position {
  if (cursor === undefined) return { pass: 1, after: undefined, clean: true, target: undefined }
  const written = parse(cursor)
  const after = written && readKey(written.after)
  if (
    written?.table === table &&
    after !== undefined &&
    Number.isInteger(written.pass) &&
    typeof written.target === 'string'
  ) {
    return { pass: written.pass, after, clean: written.clean === true, target: written.target }
  }
  throw cryptoError(
    'REENCRYPTION_STOPPED',
    `reencrypt: the cursor is damaged or of another table than '${table}'; clear it to begin anew`,
  )
}

function parse(text: string): Written | undefined {
  try {
    return JSON.parse(text) as Written
  } catch {
    return undefined
  }
}

function readKey(after: Written['after'] | undefined): RowKey | undefined {
  if (typeof after?.value !== 'string') return undefined
  if (after.type === 'string') return after.value
  if (!/^-?\d{1,80}$/.test(after.value)) return undefined
  return after.type === 'bigint' ? BigInt(after.value) : Number(after.value)
}
