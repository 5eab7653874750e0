import { cryptoError } from './errors.ts'
import type { KeyPurpose } from './key-provider.ts'
import { maxDocumentLength } from './key-store.ts'

/** The largest key version: the header has four bytes for it. */
export const maxKeyVersion = 0xffffffff
/** How many versions of both purposes, and how many fields, one keyring may have. */
export const maxEntries = 5_000
/** The longest refresh interval, in milliseconds: a day. */
export const maxRefreshMs = 86_400_000

/** A key version as the document keeps it. Its state follows from the times; a destroyed one stays as a tombstone without its key. */
export interface KeyEntry {
  readonly purpose: KeyPurpose
  readonly version: number
  /** Milliseconds since 1970. */
  readonly createdAt: number
  readonly activeAt: number
  readonly destroyedAt?: number
  /** The id of the provider that wrapped it. */
  readonly provider: string
  /** The wrapped record, base64url. Absent once destroyed. */
  readonly wrapped?: string
}

/** A field that was ever defined with the keyring, so that no key is destroyed while the field may still need it. */
export interface FieldEntry {
  readonly use: 'stored' | 'transient'
  readonly tenant?: string
  readonly table: string
  readonly column: string
  readonly schema?: string
  /** Of a transient field: how long its values open at most, in milliseconds. */
  readonly ttl?: number
  /** The names of its blind indexes: each has a column of tokens. */
  readonly indexes?: readonly string[]
}

/** What a key store holds for a keyring. */
export interface KeyringDocument {
  readonly format: 1
  readonly keyring: string
  /** The longest refresh interval of any instance, in milliseconds. */
  readonly refresh: number
  readonly keys: readonly KeyEntry[]
  readonly fields: readonly FieldEntry[]
}

/** `pending`: published, not yet used. `active`: seals. `decrypt-only`: opens. `destroyed`: gone, its number is never used again. */
export type KeyState = 'pending' | 'active' | 'decrypt-only' | 'destroyed'

/** A key version as people ask about it. Times are milliseconds since 1970. */
export interface KeyVersion {
  readonly purpose: KeyPurpose
  readonly version: number
  readonly state: KeyState
  readonly createdAt: number
  readonly activeAt: number
  /** When its successor became or becomes active. */
  readonly decryptOnlyAt?: number
  readonly destroyedAt?: number
}

/** The versions of one purpose at a moment, oldest first. */
export function versionsAt(document: KeyringDocument, purpose: KeyPurpose, now: number): readonly KeyVersion[] {
  const entries = document.keys.filter((entry) => entry.purpose === purpose)
  return entries.map((entry, i) => {
    const decryptOnlyAt = entries[i + 1]?.activeAt
    const { version, createdAt, activeAt, destroyedAt } = entry
    const state = stateAt(entry, decryptOnlyAt, now)
    return Object.freeze({
      purpose,
      version,
      state,
      createdAt,
      activeAt,
      ...(decryptOnlyAt !== undefined && { decryptOnlyAt }),
      ...(destroyedAt !== undefined && { destroyedAt }),
    })
  })
}

function stateAt(entry: KeyEntry, decryptOnlyAt: number | undefined, now: number): KeyState {
  if (entry.destroyedAt !== undefined) return 'destroyed'
  // The first version is active whatever the clock says: with a clock behind its creation there would be no key to seal with.
  if (entry.activeAt > now && entry.version > 1) return 'pending'
  return decryptOnlyAt !== undefined && decryptOnlyAt <= now ? 'decrypt-only' : 'active'
}

/** Tells two fields apart. */
export function fieldKey({ use, tenant, table, column, schema }: FieldEntry): string {
  return JSON.stringify([use, tenant ?? null, table, column, schema ?? null])
}

const fieldMaps = new WeakMap<KeyringDocument, ReadonlyMap<string, FieldEntry>>()

/** Whether a document has a field with all of its blind indexes. */
export function hasField(document: KeyringDocument, entry: FieldEntry): boolean {
  const known = fieldMaps.get(document) ?? new Map(document.fields.map((field) => [fieldKey(field), field]))
  fieldMaps.set(document, known)
  const there = known.get(fieldKey(entry))
  return (
    there !== undefined &&
    (entry.ttl ?? 0) <= (there.ttl ?? 0) &&
    (entry.indexes ?? []).every((name) => there.indexes?.includes(name))
  )
}

/** A field with the blind indexes of both entries and the longer life. */
export function mergedField(entry: FieldEntry, other: FieldEntry | undefined): FieldEntry {
  const names = new Set([...(other?.indexes ?? []), ...(entry.indexes ?? [])])
  const ttl = Math.max(entry.ttl ?? 0, other?.ttl ?? 0)
  return { ...entry, ...(names.size > 0 && { indexes: [...names] }), ...(ttl > 0 && { ttl }) }
}

/** A document with more fields, each with its blind indexes. */
export function withFields(document: KeyringDocument, added: readonly FieldEntry[]): KeyringDocument {
  const fields = new Map(document.fields.map((field) => [fieldKey(field), field]))
  for (const entry of added) fields.set(fieldKey(entry), mergedField(entry, fields.get(fieldKey(entry))))
  return { ...document, fields: [...fields.values()] }
}

/**
 * Whether a document can have followed another one: no key or field is gone, none changed, none came back from destruction. What cannot is
 * a store that was restored from a backup, perhaps with other keys under the numbers that are in use here.
 */
export function continues(later: KeyringDocument, earlier: KeyringDocument): boolean {
  const keys = new Map(later.keys.map((entry) => [`${entry.purpose} ${entry.version}`, entry]))
  return (
    later.refresh >= earlier.refresh &&
    earlier.keys.every((entry) => {
      const { createdAt, activeAt, wrapped, destroyedAt } = keys.get(`${entry.purpose} ${entry.version}`) ?? {}
      if (activeAt !== entry.activeAt || createdAt !== entry.createdAt) return false
      return entry.destroyedAt === undefined
        ? wrapped === entry.wrapped || destroyedAt !== undefined
        : destroyedAt !== undefined
    }) &&
    earlier.fields.every((field) => hasField(later, field))
  )
}

/**
 * The text for the store.
 *
 * @throws {CryptoError} `KEY_STORE_FAILED` for a document that could not be read again: written, it would stop every instance.
 */
export function serializeDocument(document: KeyringDocument): string {
  const text = JSON.stringify(document)
  const { keyring, fields } = document
  if (text.length > maxDocumentLength)
    throw cryptoError('KEY_STORE_FAILED', `the keyring '${keyring}' has grown over ${maxDocumentLength} characters`)
  if (fields.length > maxEntries)
    throw cryptoError('KEY_STORE_FAILED', `the keyring '${keyring}' has more than ${maxEntries} fields`)
  if (!isDocument(document))
    throw cryptoError('KEY_STORE_FAILED', `the keyring '${keyring}' needs a clock of whole milliseconds since 1970`)
  return text
}

/**
 * Reads a document strictly: a damaged one must stop the keyring, not change its meaning.
 *
 * @throws {CryptoError} `KEY_STORE_FAILED`.
 */
export function parseDocument(keyring: string, text: string): KeyringDocument {
  const document = parseJson(text)
  if (!isDocument(document) || document.keyring !== keyring) {
    throw cryptoError(
      'KEY_STORE_FAILED',
      `what the key store holds for keyring '${keyring}' is damaged; restore it from a backup`,
      {
        status: 503,
      },
    )
  }
  return document
}

function parseJson(text: unknown): unknown {
  if (typeof text !== 'string' || text.length > maxDocumentLength) return undefined
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

type Check = (value: unknown) => boolean

const isTime: Check = (value) => Number.isSafeInteger(value) && (value as number) >= 0
const isText: Check = (value) => typeof value === 'string' && value.length > 0
/** Base64url of 1 to 4096 bytes; its length says how many bits the last character has, and one character left over has too few. */
const isWrapped: Check = (value) =>
  typeof value === 'string' && value.length <= 5462 && value.length % 4 !== 1 && /^[A-Za-z0-9_-]+$/.test(value)
const optional =
  (check: Check): Check =>
  (value) =>
    value === undefined || check(value)

const keyChecks: Readonly<Record<keyof KeyEntry, Check>> = {
  purpose: (value) => value === 'data' || value === 'index',
  version: (value) => Number.isSafeInteger(value) && (value as number) >= 1 && (value as number) <= maxKeyVersion,
  createdAt: isTime,
  activeAt: isTime,
  destroyedAt: optional(isTime),
  provider: isText,
  wrapped: optional(isWrapped),
}

const fieldChecks: Readonly<Record<keyof FieldEntry, Check>> = {
  use: (value) => value === 'stored' || value === 'transient',
  tenant: optional(isText),
  table: isText,
  column: isText,
  schema: optional(isText),
  ttl: optional((value) => isTime(value) && (value as number) >= 1 && (value as number) <= 3_600_000),
  indexes: optional(
    (value) => Array.isArray(value) && value.length > 0 && value.every(isText) && new Set(value).size === value.length,
  ),
}

const documentChecks: Readonly<Record<keyof KeyringDocument, Check>> = {
  format: (value) => value === 1,
  keyring: isText,
  refresh: (value) => isTime(value) && (value as number) <= maxRefreshMs,
  keys: (value) => isListOf(value, keyChecks),
  fields: (value) => isListOf(value, fieldChecks),
}

function isDocument(value: unknown): value is KeyringDocument {
  if (!fits(value, documentChecks)) return false
  const { keys, fields } = value as KeyringDocument
  return (
    keys.every((key) => (key.wrapped === undefined) === (key.destroyedAt !== undefined)) &&
    isContiguous(keys) &&
    new Set(fields.map(fieldKey)).size === fields.length
  )
}

function isListOf(value: unknown, checks: Readonly<Record<string, Check>>): boolean {
  return Array.isArray(value) && value.length <= maxEntries && value.every((item: unknown) => fits(item, checks))
}

function fits(item: unknown, checks: Readonly<Record<string, Check>>): boolean {
  return (
    typeof item === 'object' &&
    item !== null &&
    Object.keys(item).every((key) => Object.hasOwn(checks, key)) &&
    Object.entries(checks).every(([key, check]) => check((item as Record<string, unknown>)[key]))
  )
}

/** Versions of each purpose count up from 1 without a gap, become active in that order, and the newest one is not destroyed. */
function isContiguous(keys: readonly KeyEntry[]): boolean {
  return (['data', 'index'] as const).every((purpose) => {
    const entries = keys.filter((key) => key.purpose === purpose)
    return (
      entries.at(-1)?.wrapped !== undefined &&
      entries.every((key, i) => key.version === i + 1 && key.activeAt >= (entries[i - 1]?.activeAt ?? 0))
    )
  })
}
