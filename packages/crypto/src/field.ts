import { emit } from '@mosaajii/core'
import { type BlindIndex, type BlindIndexDefinition, KeyedBlindIndex } from './blind-index.ts'
import { copyBytes } from './byte-input.ts'
import { ContextSet } from './context-set.ts'
import type { ContextTemplate } from './context.ts'
import { cryptoError, DecryptError, hasCode, UnknownKeyVersionError } from './errors.ts'
import { type CheckedField, checkField, type FieldDefinition } from './field-definition.ts'
import { maxPlaintextLength, maxTokenLength } from './format.ts'
import type { KeyringCore } from './keyring-core.ts'
import type { DataKey } from './opened-keys.ts'
import { rowText } from './row.ts'
import type { RowKey } from './sealed-source.ts'
import { decodeToken, isSealedHere, readHeader, type Sealed, type Token } from './token.ts'

/** Which row a value belongs to. */
export interface RowContext {
  /**
   * The row's key: a non-empty string, a safe integer or a bigint; `7`, `7n` and `'7'` are the same row. It exists before the insert (a
   * UUIDv7, or a known id) and never changes.
   */
  readonly row: RowKey
}

/** A field whose values are sealed. Text and bytes are different kinds: one does not open as the other. */
export interface Field {
  readonly table: string
  readonly column: string
  /**
   * Seals text.
   *
   * @param text well-formed, at most 64 KiB of UTF-8; empty text is a value too.
   * @returns 104 characters for empty text, 4 more for each 3 bytes.
   * @throws {CryptoError} `SEAL_INPUT_INVALID`, `SEAL_INPUT_TOO_LONG`, `ALREADY_SEALED`, `ROW_INVALID`, `KEYRING_STALE`, `KEYRING_CLOSED`.
   */
  seal(text: string, context: RowContext): Sealed
  /**
   * Opens sealed text. It never waits.
   *
   * @throws {DecryptError} the same for every cause; the reason goes to the `field.openFailed` event.
   * @throws {UnknownKeyVersionError} when the header names a version that is not known here yet; a refresh is scheduled.
   */
  open(sealed: string, context: RowContext): string
  /** As `open`, but waits for one refresh when the version is not known. */
  openAsync(sealed: string, context: RowContext): Promise<string>
  /** Seals at most 65,536 bytes. */
  sealBytes(bytes: Uint8Array, context: RowContext): Sealed
  openBytes(sealed: string, context: RowContext): Uint8Array
  openBytesAsync(sealed: string, context: RowContext): Promise<Uint8Array>
  /**
   * Whether the value's header names an older key version, or another algorithm, than seals now. The header is not authenticated before the value is
   * opened: use this to plan re-encryption, never to trust a value.
   *
   * @throws {DecryptError} when the text is no token.
   */
  isStale(sealed: string): boolean
  /**
   * The key version that the value's unauthenticated header names.
   *
   * @throws {DecryptError} when the text is no token.
   */
  keyVersionOf(sealed: string): number
  /** Defines a blind index over this field, to find rows by value. */
  blindIndex(definition?: BlindIndexDefinition): BlindIndex
}

/** What opening gave, for those who must know more than the value. Internal. */
export interface Opened {
  readonly value: string | Uint8Array
  /** Whether an earlier context opened it. */
  readonly former: boolean
}

type Refused = { readonly reason: string; readonly keyVersion?: number }
type Outcome = Opened | Refused

/** The implementation of {@link Field}. Internal. */
export class SealingField implements Field {
  readonly #core: KeyringCore
  readonly checked: CheckedField
  readonly #contexts: Readonly<Record<'text' | 'bytes', ContextSet>>

  constructor(core: KeyringCore, definition: FieldDefinition) {
    this.#core = core
    this.checked = checkField(definition, 'stored', 'keyring.field')
    const { place, formerly } = this.checked
    this.#contexts = {
      text: new ContextSet(core.engine, 'text', place, formerly),
      bytes: new ContextSet(core.engine, 'bytes', place, formerly),
    }
    this.register()
  }

  /** Internal. A function and not a property, so that nothing that prints a field comes to its keys. */
  static coreOf(field: SealingField): KeyringCore {
    return field.#core
  }

  get table(): string {
    return this.checked.place.table
  }

  get column(): string {
    return this.checked.place.column
  }

  seal(text: string, context: RowContext): Sealed {
    checkText(text, this.#core)
    if (isSealedHere(this.#core, text)) throw alreadySealed()
    return this.#seal('text', text, context)
  }

  sealBytes(bytes: Uint8Array, context: RowContext): Sealed {
    const copy = checkBytes(bytes)
    if (this.#holdsToken(copy)) throw alreadySealed()
    return this.#seal('bytes', copy, context)
  }

  open(sealed: string, context: RowContext): string {
    return this.openAs('text', sealed, context?.row).value as string
  }

  openBytes(sealed: string, context: RowContext): Uint8Array {
    return this.openAs('bytes', sealed, context?.row).value as Uint8Array
  }

  async openAsync(sealed: string, context: RowContext): Promise<string> {
    const row = context?.row
    return afterRefresh(this.#core, () => this.open(sealed, { row }))
  }

  async openBytesAsync(sealed: string, context: RowContext): Promise<Uint8Array> {
    const row = context?.row
    return afterRefresh(this.#core, () => this.openBytes(sealed, { row }))
  }

  isStale(sealed: string): boolean {
    const { algorithmId, keyVersion } = readHeader(this.#core.engine, sealed)
    return keyVersion < this.#core.activeDataVersion() || algorithmId !== this.checked.algorithmIds[0]
  }

  keyVersionOf(sealed: string): number {
    return readHeader(this.#core.engine, sealed).keyVersion
  }

  blindIndex(definition: BlindIndexDefinition = {}): KeyedBlindIndex {
    const index = new KeyedBlindIndex(this.#core, this.checked, definition)
    this.register(index.label)
    return index
  }

  /** Opens as one kind, and tells whether an earlier context did. Every failure is thrown from the one line below. */
  openAs(kind: 'text' | 'bytes', sealed: string, row: RowKey): Opened {
    const outcome = this.#tryOpen(kind, sealed, rowText(row))
    if (isOpened(outcome)) return outcome
    throw openFailed(this.#core, this.checked.place, outcome)
  }

  /** Whether a stored value opens, as whichever kind it is. No event is emitted. */
  reads(sealed: string, row: RowKey): boolean {
    try {
      return (['text', 'bytes'] as const).some((kind) => isOpened(this.#tryOpen(kind, sealed, rowText(row))))
    } catch (error) {
      // Nothing was ever sealed for a row key that no row can have.
      if (error instanceof UnknownKeyVersionError || hasCode(error, 'ROW_INVALID')) return false
      throw error
    }
  }

  /** Notes this field, perhaps with a blind index, and its earlier places in the keyring's document. */
  register(index?: string): void {
    const { place, formerly } = this.checked
    for (const { tenant, table, column, schema } of [place, ...formerly]) {
      this.#core.register({
        use: 'stored',
        ...(tenant !== undefined && { tenant }),
        table,
        column,
        ...(schema !== undefined && { schema }),
        ...(index !== undefined && { indexes: [index] }),
      })
    }
  }

  #seal(kind: 'text' | 'bytes', plaintext: string | Uint8Array, context: RowContext): Sealed {
    const row = rowText(context?.row)
    const { version, cipher } = this.#core.sealingKey()
    const algorithmId = this.checked.algorithmIds[0] as number
    return cipher.seal(algorithmId, this.#contexts[kind].present.for(algorithmId, version, row), plaintext) as Sealed
  }

  #tryOpen(kind: 'text' | 'bytes', sealed: string, row: string): Outcome {
    const token = decodeToken(this.#core.engine, sealed)
    if (!token) return { reason: 'not a token' }
    if (!this.checked.algorithmIds.includes(token.algorithmId))
      return { reason: 'algorithm not allowed', keyVersion: token.keyVersion }
    const key = keyFor(this.#core, token)
    if (key === 'destroyed') return { reason: 'key destroyed', keyVersion: token.keyVersion }
    const contexts = this.#contexts[kind]
    const present = openIn(contexts.present, token, key, row)
    const bytes = present ?? contexts.openFormer((context) => openIn(context, token, key, row))
    if (!bytes) return { reason: 'does not verify', keyVersion: token.keyVersion }
    const value = kind === 'bytes' ? new Uint8Array(bytes) : this.#core.engine.readUtf8(bytes)
    return value === undefined
      ? { reason: 'not UTF-8', keyVersion: token.keyVersion }
      : { value, former: present === undefined }
  }

  /** Bytes may hold a token in its text form or in its binary form. */
  #holdsToken(bytes: Uint8Array): boolean {
    const { engine } = this.#core
    if (bytes[0] === 1 && bytes.length <= maxTokenLength) return isSealedHere(this.#core, engine.encodeBase64url(bytes))
    const text = bytes[0] === 0x41 && bytes.length <= maxTokenLength ? engine.readUtf8(bytes) : undefined
    return text !== undefined && isSealedHere(this.#core, text)
  }
}

/** Opens a decoded token in one context. */
export function openIn(context: ContextTemplate, token: Token, key: DataKey, row: string): Uint8Array | undefined {
  const { algorithmId, keyVersion, bytes } = token
  return key.cipher.open(algorithmId, context.for(algorithmId, keyVersion, row), bytes)
}

/**
 * The key that a token names.
 *
 * @throws {UnknownKeyVersionError} when this instance does not know it yet.
 */
export function keyFor(core: KeyringCore, token: Token): DataKey | 'destroyed' {
  const key = core.dataKey(token.keyVersion)
  if (key !== undefined) return key
  core.refreshSoon().catch(() => undefined)
  throw new UnknownKeyVersionError(token.keyVersion)
}

/** Reports why a value did not open and makes the error that says nothing of it. */
export function openFailed(
  core: KeyringCore,
  { table, column }: { table: string; column: string },
  { reason, keyVersion }: { reason: string; keyVersion?: number },
): DecryptError {
  const data = { keyring: core.id, table, column, reason, ...(keyVersion !== undefined && { keyVersion }) }
  emit(core.events, 'field.openFailed', data, core.clock)
  return new DecryptError()
}

/** Opens; when the key version is not known yet, refreshes once and opens again. */
export async function afterRefresh<T>(core: KeyringCore, open: () => T): Promise<T> {
  try {
    return open()
  } catch (error) {
    if (!(error instanceof UnknownKeyVersionError)) throw error
    await core.refreshSoon()
    return open()
  }
}

/** @throws {CryptoError} `SEAL_INPUT_INVALID` or `SEAL_INPUT_TOO_LONG`; the text is never shown. */
export function checkText(text: unknown, core: KeyringCore): asserts text is string {
  if (typeof text !== 'string')
    throw cryptoError('SEAL_INPUT_INVALID', 'seal: give a string; bytes go to sealBytes()', { status: 422 })
  // UTF-8 is at least as long as UTF-16 units, so most text needs no count.
  if (
    text.length > maxPlaintextLength ||
    (text.length > maxPlaintextLength / 3 && core.engine.utf8Length(text) > maxPlaintextLength)
  ) {
    throw tooLong()
  }
  if (!text.isWellFormed()) {
    throw cryptoError('SEAL_INPUT_INVALID', 'seal: the text has a lone surrogate, which UTF-8 cannot hold', {
      status: 422,
    })
  }
}

function checkBytes(bytes: unknown): Uint8Array {
  const copy = copyBytes(bytes, maxPlaintextLength, tooLong)
  if (copy) return copy
  throw cryptoError('SEAL_INPUT_INVALID', 'sealBytes: give a Uint8Array', { status: 422 })
}

/** By an own property: a polluted prototype must not make a refusal look like a value. */
function isOpened(outcome: Outcome): outcome is Opened {
  return Object.hasOwn(outcome, 'value')
}

function tooLong(): Error {
  return cryptoError(
    'SEAL_INPUT_TOO_LONG',
    `seal: the limit is ${maxPlaintextLength} bytes (64 KiB of UTF-8); keep larger data elsewhere`,
    {
      status: 413,
      detail: { limit: maxPlaintextLength },
    },
  )
}

function alreadySealed(): Error {
  return cryptoError(
    'ALREADY_SEALED',
    'seal: the value is already sealed by this keyring; store it as it is, or open it first',
    { status: 500 },
  )
}
