// oxlint-disable-next-line typescript/triple-slash-reference -- whoever compiles the sources finds the types that the package lacks
/// <reference path="./siphash24.d.ts" />
import siphash24 from 'siphash24'

const keyBytes = 16
/** Texts up to this many bytes are hashed without making a view for them. */
const keptViews = 512

/**
 * Hashes texts to 64 bits under a secret key (SipHash-2-4): who does not know the key cannot make two texts collide. The result is left in two
 * fields, because a hash is wanted on each call and an object for it would have to be collected each time.
 */
export class Fingerprint {
  /** The low 32 bits of the last hash, not negative. */
  low = 0
  /** The high 32 bits of the last hash, not negative. */
  high = 0
  #key: Uint8Array | undefined
  #bytes = new Uint8Array(keptViews)
  readonly #views: (Uint8Array | undefined)[] = []
  readonly #words = new Uint32Array(2)
  readonly #hash = new Uint8Array(this.#words.buffer)

  /**
   * @param key 16 bytes, copied. Default: random ones, drawn at the first use, because Workers refuse random values while a module loads.
   * @throws {TypeError} when the key is something else.
   */
  constructor(key?: Uint8Array) {
    if (key === undefined) return
    if (!(key instanceof Uint8Array) || key.length !== keyBytes) {
      throw new TypeError(`Fingerprint: give a key of ${keyBytes} bytes`)
    }
    this.#key = Uint8Array.from(key)
  }

  /** Hashes a text into `low` and `high`. Different texts are different bytes, also those with lone surrogates. */
  hash(text: string): void {
    this.#key ??= globalThis.crypto.getRandomValues(new Uint8Array(keyBytes))
    const length = this.#encode(text)
    siphash24(this.#view(length), this.#key, this.#hash, true)
    this.low = this.#words[0] ?? 0
    this.high = this.#words[1] ?? 0
  }

  /** The hash of a text as 16 hexadecimal digits. */
  hex(text: string): string {
    this.hash(text)
    return this.high.toString(16).padStart(8, '0') + this.low.toString(16).padStart(8, '0')
  }

  /** One byte a character where all of them fit, and two otherwise. The first byte tells which. Returns the number of bytes. */
  #encode(text: string): number {
    const { length } = text
    if (this.#bytes.length < 2 * length + 1) this.#grow(2 * length + 1)
    const bytes = this.#bytes
    bytes[0] = 1
    for (let i = 0; i < length; i++) {
      const unit = text.charCodeAt(i)
      if (unit > 0xff) return this.#encodeWide(text)
      bytes[i + 1] = unit
    }
    return length + 1
  }

  #encodeWide(text: string): number {
    const bytes = this.#bytes
    bytes[0] = 2
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i)
      bytes[2 * i + 1] = unit & 0xff
      bytes[2 * i + 2] = unit >>> 8
    }
    return 2 * text.length + 1
  }

  #grow(length: number): void {
    this.#bytes = new Uint8Array(2 * length)
    this.#views.length = 0
  }

  #view(length: number): Uint8Array {
    if (length > keptViews) return this.#bytes.subarray(0, length)
    return (this.#views[length] ??= this.#bytes.subarray(0, length))
  }
}
