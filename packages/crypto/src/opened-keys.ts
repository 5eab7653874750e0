import type { Engine, KeyCipher } from './engines/engine.ts'
import { type KeyEntry, type KeyringDocument, versionsAt } from './keyring-document.ts'
import type { KeyPurpose } from './key-provider.ts'
import type { HeldKey } from './unwrap-cache.ts'

/** A data key that is ready for use. */
export interface DataKey {
  readonly version: number
  readonly cipher: KeyCipher
}

interface Active {
  readonly version: number
  /** Milliseconds since 1970: the answer holds from `from` until before `until`. */
  readonly from: number
  readonly until: number
}

/** The root of the blind-index keys, one version of it. */
export interface IndexRoot {
  readonly version: number
  readonly key: Uint8Array
}

interface OpenKey {
  readonly held: HeldKey
  readonly cipher: KeyCipher | undefined
}

/**
 * The keys of one keyring in this process: every live version is open, pending ones too, so that sealing and opening never wait. Which one
 * is active follows from the clock.
 */
export class OpenedKeys {
  readonly #engine: Engine
  readonly #open = new Map<string, OpenKey>()
  readonly #data = new Map<number, DataKey>()
  #index: readonly IndexRoot[] = []
  #document: KeyringDocument
  #active: Partial<Record<KeyPurpose, Active>> = {}

  constructor(engine: Engine, document: KeyringDocument) {
    this.#engine = engine
    this.#document = document
  }

  get document(): KeyringDocument {
    return this.#document
  }

  /** The live entries that are not open yet. */
  missing(document: KeyringDocument): readonly KeyEntry[] {
    return document.keys.filter((entry) => entry.wrapped !== undefined && !this.#open.has(idOf(entry)))
  }

  /** Takes a newer document and the keys that it added; keys that it destroyed are closed. */
  adopt(document: KeyringDocument, added: ReadonlyMap<KeyEntry, HeldKey>): void {
    for (const [entry, held] of added) {
      const cipher = entry.purpose === 'data' ? this.#engine.cipher(held.key) : undefined
      this.#open.set(idOf(entry), { held, cipher })
      if (cipher) this.#data.set(entry.version, { version: entry.version, cipher })
    }
    for (const entry of document.keys) if (entry.wrapped === undefined) this.#close(entry)
    this.#document = document
    this.#active = {}
    this.#index = this.#indexRoots(document)
  }

  /** The data key of a version; `'destroyed'` for a tombstone, `undefined` when the version is not known here. */
  data(version: number): DataKey | 'destroyed' | undefined {
    const key = this.#data.get(version)
    if (key) return key
    return this.#document.keys.some((entry) => entry.purpose === 'data' && entry.version === version)
      ? 'destroyed'
      : undefined
  }

  /** All live index roots, oldest first. */
  get indexRoots(): readonly IndexRoot[] {
    return this.#index
  }

  /** A live index root. */
  indexRoot(version: number): IndexRoot | undefined {
    return this.#index.find((root) => root.version === version)
  }

  /** The version that seals at a moment (0: none, the clock is far off), and until when that stays so. */
  activeAt(purpose: KeyPurpose, now: number): Active {
    const known = this.#active[purpose]
    if (known && now >= known.from && now < known.until) return known
    const versions = versionsAt(this.#document, purpose, now)
    const active = versions.findLast((entry) => entry.state === 'active')
    const next = versions.find((entry) => entry.state === 'pending')
    const found = {
      version: active?.version ?? 0,
      from: active?.activeAt ?? now,
      until: next?.activeAt ?? Number.POSITIVE_INFINITY,
    }
    this.#active[purpose] = found
    return found
  }

  /** Closes every key. */
  close(): void {
    for (const entry of this.#document.keys) this.#close(entry)
    this.#index = []
  }

  #indexRoots(document: KeyringDocument): readonly IndexRoot[] {
    return document.keys
      .filter((entry) => entry.purpose === 'index')
      .flatMap((entry) => {
        const key = this.#open.get(idOf(entry))?.held.key
        return key ? [{ version: entry.version, key }] : []
      })
  }

  #close(entry: KeyEntry): void {
    const open = this.#open.get(idOf(entry))
    open?.cipher?.destroy()
    open?.held.release()
    this.#open.delete(idOf(entry))
    if (entry.purpose === 'data') this.#data.delete(entry.version)
  }
}

function idOf({ purpose, version }: KeyEntry): string {
  return `${purpose} ${version}`
}
