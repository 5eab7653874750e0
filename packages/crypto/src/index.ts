export type { BlindIndex, BlindIndexDefinition } from './blind-index.ts'
export {
  type ColumnSpecs,
  type IndexColumnOf,
  type PlainOf,
  type SealedOf,
  type SealedSpec,
  type SearchableOptions,
  type SearchableSpec,
  sealed,
  searchable,
} from './columns.ts'
export { type CursorStore, fileCursor, memoryCursor } from './cursors.ts'
export type { CoveredSource, DestroyOptions } from './destroy.ts'
export type { EngineName } from './engines/engine.ts'
export { CryptoError, type CryptoErrorCode, DecryptError, UnknownKeyVersionError } from './errors.ts'
export { cryptoEvents } from './events.ts'
export type { Field, RowContext } from './field.ts'
export type { FieldDefinition, FormerPlace } from './field-definition.ts'
export type { Algorithm } from './format.ts'
export type { KeyContext, KeyProvider, KeyPurpose } from './key-provider.ts'
export { type KeyStore, maxDocumentLength, type StoredKeyring } from './key-store.ts'
export { type Keyring, openKeyring } from './keyring.ts'
export type { KeyState, KeyVersion } from './keyring-document.ts'
export type { KeyringOptions } from './keyring-settings.ts'
export type { Normalizer } from './normalizers.ts'
export { planIndex } from './plan-index.ts'
export {
  type LocalKeyProviderOptions,
  type LocalPassphraseOptions,
  type LocalSecretOptions,
  localKeyProvider,
} from './providers/local.ts'
export type { ScryptCost } from './providers/scrypt.ts'
export { type ReencryptOptions, type ReencryptProgress, reencrypt } from './reencrypt.ts'
export type { RowKey, SealedSource, SourceColumns, SourceRow } from './sealed-source.ts'
export { fileKeyStore } from './stores/file.ts'
export { memoryKeyStore } from './stores/memory.ts'
export type { AnySealedTable, IndexMatch, OpenedRecord, SealedRecord, SealedTable, TableDefinition } from './table.ts'
export type { Sealed } from './token.ts'
export type { TransientDefinition, TransientField } from './transient.ts'
