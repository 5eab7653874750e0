import { checkOptions } from '@mosaajii/core'
import type { Place } from './context.ts'
import { lengthPrefixed } from './context.ts'
import type { KeyedHash } from './engines/engine.ts'
import type { CheckedField } from './field-definition.ts'
import type { KeyringCore } from './keyring-core.ts'
import { checkName } from './names.ts'
import { type Normalizer, normalizers } from './normalizers.ts'
import type { IndexRoot } from './opened-keys.ts'

/** What a blind index is. All of it goes into its key, so two indexes never give the same token for the same value by more than chance. */
export interface BlindIndexDefinition {
  /** Tells several indexes of one field apart. Default `'default'`. */
  readonly name?: string
  /** How values are brought to one spelling. Default `'exact'`. */
  readonly normalize?: Normalizer
  /**
   * The width of the token, 1 to 256 bits. A narrow token hides more, because several values share it: take the width from `planIndex()`.
   * Default 256, for uniqueness.
   */
  readonly bits?: number
}

/** Finds rows by a sealed value: equal values have equal tokens, and without the key a token says nothing else. */
export interface BlindIndex {
  /**
   * The token to write: `version.base64url`.
   *
   * @throws {CryptoError} `INDEX_INPUT_INVALID` for a value that the normaliser cannot take; `KEYRING_STALE` as for sealing.
   */
  current(value: string): string
  /** Every token that a row with this value may have while the index key rotates or the field moves: for `IN`, newest first. */
  all(value: string): readonly string[]
  /** Whether a stored token is of an older version than `current` would write, or none at all. */
  isStale(token: string): boolean
  /** Whether two values are the same after normalising: a narrow index also finds rows of other values, so compare after opening. */
  matches(a: string, b: string): boolean
}

const domain = 'mosaajii/crypto/blind-index/v1'

/** The implementation of {@link BlindIndex}. Internal. */
export class KeyedBlindIndex implements BlindIndex {
  readonly #core: KeyringCore
  /** Where the indexed field is. */
  readonly place: Place
  readonly #places: readonly Place[]
  readonly #name: string
  /** Tells it apart from every other index of the field: name, normaliser and width. */
  readonly label: string
  readonly #normalize: Normalizer
  readonly #bits: number
  readonly #hashes = new WeakMap<IndexRoot, readonly KeyedHash[]>()

  constructor(core: KeyringCore, { place, formerly }: CheckedField, definition: BlindIndexDefinition) {
    checkOptions(definition, 'blindIndex', ['name', 'normalize', 'bits'])
    const { name = 'default', normalize = 'exact', bits = 256 } = definition
    if (!Object.hasOwn(normalizers, normalize)) {
      throw new RangeError(`blindIndex: normalize is one of ${Object.keys(normalizers).join(', ')}`)
    }
    if (!Number.isInteger(bits) || bits < 1 || bits > 256)
      throw new RangeError('blindIndex: bits is 1 to 256; planIndex() gives it')
    this.#core = core
    this.place = place
    this.#places = [place, ...formerly]
    this.#name = checkName(name, 'blindIndex: name')
    this.#normalize = normalize
    this.#bits = bits
    this.label = labelOf(definition)
  }

  /** Internal, as of a field. */
  static coreOf(index: KeyedBlindIndex): KeyringCore {
    return index.#core
  }

  current(value: string): string {
    const root = this.#core.activeIndexRoot()
    const hash = this.#hashesOf(root)[0] as KeyedHash
    return this.#token(root.version, hash, this.#normalized(value))
  }

  all(value: string): readonly string[] {
    const normalized = this.#normalized(value)
    return this.#core
      .indexRoots()
      .toReversed()
      .flatMap((root) => this.#hashesOf(root).map((hash) => this.#token(root.version, hash, normalized)))
  }

  isStale(token: string): boolean {
    const version = tokenVersion(token)
    return version === undefined || version < this.#core.activeIndexVersion()
  }

  matches(a: string, b: string): boolean {
    return this.#normalized(a) === this.#normalized(b)
  }

  #normalized(value: string): string {
    return normalizers[this.#normalize](value)
  }

  #hashesOf(root: IndexRoot): readonly KeyedHash[] {
    const known = this.#hashes.get(root)
    if (known) return known
    const hashes = this.#places.map((place) => this.#hashFor(root, place))
    this.#hashes.set(root, hashes)
    return hashes
  }

  #hashFor(root: IndexRoot, { tenant, table, column }: Place): KeyedHash {
    const { engine } = this.#core
    const info = lengthPrefixed([domain, tenant, table, column, this.#name, this.#normalize, String(this.#bits)])
    const key = engine.derive(root.key, info)
    const hash = engine.keyedHash(key)
    key.fill(0)
    return hash
  }

  #token(version: number, hash: KeyedHash, normalized: string): string {
    if (this.#bits === 256) return `${version}.${hash.base64url(normalized)}`
    const kept = hash.bytes(normalized).slice(0, Math.ceil(this.#bits / 8))
    const spare = kept.length * 8 - this.#bits
    kept[kept.length - 1] = (kept[kept.length - 1] as number) & (0xff << spare)
    return `${version}.${this.#core.engine.encodeBase64url(kept)}`
  }
}

/** Tells a blind index apart from every other one of its field. Normaliser and width have no spaces, so no two definitions share a label. */
export function labelOf({ name = 'default', normalize = 'exact', bits = 256 }: BlindIndexDefinition): string {
  return `${name} ${normalize} ${bits}`
}

/** The version of a stored token; `undefined` when the text is none. */
export function tokenVersion(token: unknown): number | undefined {
  const match = typeof token === 'string' && token.length <= 60 ? /^([1-9]\d{0,9})\.[A-Za-z0-9_-]+$/.exec(token) : null
  return match ? Number(match[1]) : undefined
}
