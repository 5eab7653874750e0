/// <reference lib="esnext.disposable" preserve="true" />
import type { EngineName } from './engines/engine.ts'
import { type DestroyOptions, destroyKey } from './destroy.ts'
import { type Field, SealingField } from './field.ts'
import type { FieldDefinition } from './field-definition.ts'
import type { KeyPurpose } from './key-provider.ts'
import { coreOfKeyring } from './keyring-core.ts'
import type { KeyVersion } from './keyring-document.ts'
import { checkSettings, type KeyringOptions } from './keyring-settings.ts'
import { KeyringState } from './keyring-state.ts'
import { rotate, rotateIfDue } from './rotation.ts'
import type { ColumnSpecs } from './columns.ts'
import { FieldTable, type SealedTable, type TableDefinition } from './table.ts'
import { type TransientDefinition, type TransientField, TransientSealingField } from './transient.ts'

/** An open keyring: every live key is unwrapped, so that sealing and opening are synchronous. */
export interface Keyring {
  readonly id: string
  readonly engine: EngineName
  /**
   * Defines a field whose values are sealed.
   *
   * @throws {CryptoError} `FIELD_REFUSED` for what must never be stored, such as a CVV or a password.
   * @throws {TypeError | RangeError} for a definition that is not one.
   * @example
   * const email = keyring.field({ table: 'customers', column: 'email' })
   * const sealed = email.seal('ada@example.com', { row: id })
   * email.open(sealed, { row: id }) // 'ada@example.com'
   */
  field(definition: FieldDefinition): Field
  /**
   * Defines a field for card data before authorisation, whose values stop opening after `ttl`, one hour at most. Expiry is not deletion:
   * the ciphertext stays where it was written until it is deleted there.
   *
   * @example
   * const cvv = keyring.transient({ table: 'authorisations', column: 'cvv', ttl: '5m' })
   */
  transient(definition: TransientDefinition): TransientField
  /**
   * Defines the sealed columns of a table at once.
   *
   * @example
   * const customers = keyring.table('customers', { row: 'id', fields: { email: searchable({ normalize: 'email' }), phone: sealed() } })
   */
  table<const RowColumn extends string, const Specs extends ColumnSpecs>(
    name: string,
    definition: TableDefinition<RowColumn, Specs>,
  ): SealedTable<RowColumn, Specs>
  /** The versions of the data key (or of the index key) with their states now, oldest first. */
  versions(purpose?: KeyPurpose): readonly KeyVersion[]
  /**
   * Publishes a new data key. It becomes active two refresh intervals later, so that every instance has it before anyone seals with it.
   *
   * @throws {CryptoError} `EVENT_NOT_RECORDED`, `KEY_PROVIDER_FAILED`, `KEY_STORE_FAILED`; then nothing was published, except after a
   * `KEY_STORE_FAILED` that says that it is not known.
   */
  rotate(): Promise<KeyVersion>
  /** The same for the key of the blind indexes. Afterwards `reencrypt()` rewrites the tokens. */
  rotateIndex(): Promise<KeyVersion>
  /** Rotates the data key when the newest one is older than `rotateAfter`. Of several instances, one does. */
  rotateIfDue(): Promise<KeyVersion | undefined>
  /**
   * Destroys a version that nothing is sealed with any more. It counts the rows itself, in every field that was ever defined with this
   * keyring, and refuses when one is not covered by `sources`, when a row cannot be read or still needs the version, or when the version
   * has not been decrypt-only for two refresh intervals. A tombstone stays; the number is never used again.
   *
   * @throws {CryptoError} `KEY_DESTRUCTION_REFUSED` with the reason.
   */
  destroy(version: number, options: DestroyOptions): Promise<KeyVersion>
  /** Reads the store now. */
  refresh(): Promise<void>
  /** Resolves when every field defined so far is noted in the store. Await it once after defining the fields. */
  recorded(): Promise<void>
  /** Ends the refresh timer and overwrites the keys. Sealing and opening throw from now on. */
  close(): void
  [Symbol.dispose](): void
}

/**
 * Opens a keyring: reads its document, makes the first keys where there are none, and unwraps every live version.
 *
 * @throws {TypeError | RangeError} for options that are none.
 * @throws {CryptoError} `KEY_STORE_FAILED`, `KEY_PROVIDER_FAILED` (also when the deadline passed) or `EVENT_NOT_RECORDED`.
 * @example
 * const keyring = await openKeyring({
 *   provider: localKeyProvider({ secret }), // 32 bytes that stay outside the database
 *   store: fileKeyStore('keys/'),
 *   events: auditLog,
 * })
 */
export async function openKeyring(options: KeyringOptions): Promise<Keyring> {
  const state = new KeyringState(checkSettings(options))
  try {
    await state.start()
  } catch (error) {
    state.close()
    throw error
  }
  return faceOf(state)
}

function faceOf(state: KeyringState): Keyring {
  const face: Keyring = Object.freeze({
    id: state.id,
    engine: state.engine.name,
    field: (definition: FieldDefinition) => new SealingField(state, definition),
    transient: (definition: TransientDefinition) => new TransientSealingField(state, definition),
    table: <const RowColumn extends string, const Specs extends ColumnSpecs>(
      name: string,
      definition: TableDefinition<RowColumn, Specs>,
    ): SealedTable<RowColumn, Specs> => new FieldTable(state, name, definition),
    versions: (purpose: KeyPurpose = 'data') => state.versions(purpose),
    rotate: async () => rotate(state, 'data'),
    rotateIndex: async () => rotate(state, 'index'),
    rotateIfDue: async () => rotateIfDue(state),
    destroy: async (version: number, options: DestroyOptions) => destroyKey(state, version, options),
    refresh: async () => state.refresh(),
    recorded: async () => state.recorded(),
    close: () => state.close(),
    [Symbol.dispose]: () => state.close(),
  })
  coreOfKeyring.set(face, state)
  return face
}
