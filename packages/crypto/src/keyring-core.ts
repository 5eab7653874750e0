import type { Clock, EventSink } from '@mosaajii/core'
import type { Engine } from './engines/engine.ts'
import type { FieldEntry } from './keyring-document.ts'
import type { DataKey, IndexRoot } from './opened-keys.ts'

/** The inside of each open keyring, by its public face: two keyrings may have the same id. Internal. */
export const coreOfKeyring: WeakMap<object, KeyringCore> = new WeakMap()

/** What fields, indexes and tables need of a keyring. Internal. */
export interface KeyringCore {
  readonly id: string
  readonly engine: Engine
  readonly clock: Clock
  readonly events: EventSink
  /**
   * The key that seals now.
   *
   * @throws {CryptoError} `KEYRING_STALE` when the store was not read for two refresh intervals, `KEYRING_CLOSED` after `close()`.
   */
  sealingKey(): DataKey
  /** @throws {CryptoError} `KEYRING_CLOSED` after `close()`. */
  dataKey(version: number): DataKey | 'destroyed' | undefined
  /** The version of the active data key, without the staleness check. */
  activeDataVersion(): number
  /** All live index roots, oldest first. */
  indexRoots(): readonly IndexRoot[]
  /**
   * The index root that tokens are written with now.
   *
   * @throws {CryptoError} as `sealingKey`.
   */
  activeIndexRoot(): IndexRoot
  /** Its version, without the staleness check. */
  activeIndexVersion(): number
  /** Reads the store again soon, at most once a second; resolves when that is done. */
  refreshSoon(): Promise<void>
  /** Notes a field in the document, so that no key is destroyed without counting the field's rows. */
  register(entry: FieldEntry): void
}
