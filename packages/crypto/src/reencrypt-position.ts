import { fromBase64url, toBase64url } from './base64url.ts'
import { cryptoError } from './errors.ts'
import type { RowKey } from './sealed-source.ts'

/** How far a re-encryption came. */
export interface Position {
  /** 1 for the first pass over the table. */
  readonly pass: number
  /** The key of the last row that was looked at; `undefined` at the start of a pass. */
  readonly after: RowKey | undefined
}

/** How many passes one re-encryption makes at most. */
export const maxPasses = 100

/**
 * A position as it is saved. Not whether the pass has found nothing stale so far: a cursor may be old, forged, or of an earlier definition
 * of the table, and must then cost time and nothing else. Base64url keeps a key of control characters short.
 */
interface Written {
  readonly of: string
  readonly pass: number
  readonly key: 'string' | 'number' | 'bigint'
  readonly after: string
}

/** The position as text for a cursor store. `of` tells whose it is. */
export function writePosition({ pass, after }: Position, of: string): string {
  return JSON.stringify({ of, pass, key: typeof after, after: encodeText(String(after)) })
}

/**
 * The position that a cursor holds.
 *
 * @throws {CryptoError} `REENCRYPTION_STOPPED` when the cursor is of another table or damaged.
 */
export function readPosition(cursor: string, of: string, table: string): Position {
  const written = parse(cursor)
  const after = written && readKey(written)
  const pass = Number.isInteger(written?.pass) ? (written?.pass ?? 0) : 0
  if (written?.of === of && after !== undefined && pass >= 1 && pass <= maxPasses) return { pass, after }
  throw cryptoError(
    'REENCRYPTION_STOPPED',
    `reencrypt: the cursor is damaged or of another table or tenant than this one of '${table}'; clear it to begin anew`,
    { status: 503 },
  )
}

/** Names a table of a keyring and tenant in 43 characters, whatever their length. */
export async function nameOf(...parts: readonly (string | undefined)[]): Promise<string> {
  const text = new TextEncoder().encode(JSON.stringify(parts.map((part) => part ?? null)))
  return toBase64url(new Uint8Array(await globalThis.crypto.subtle.digest('SHA-256', text)))
}

function parse(text: string): Partial<Written> | undefined {
  try {
    return (JSON.parse(text) ?? undefined) as Partial<Written> | undefined
  } catch {
    return undefined
  }
}

function readKey({ key, after }: Partial<Written>): RowKey | undefined {
  const text = typeof after === 'string' ? decodeText(after) : undefined
  if (text === undefined) return undefined
  if (key === 'string') return text
  if (!/^-?\d{1,80}$/.test(text)) return undefined
  if (key === 'bigint') return BigInt(text)
  return key === 'number' && Number.isSafeInteger(Number(text)) ? Number(text) : undefined
}

function encodeText(text: string): string {
  return toBase64url(new TextEncoder().encode(text))
}

function decodeText(text: string): string | undefined {
  try {
    const bytes = fromBase64url(text)
    return bytes && new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return undefined
  }
}
