// oxlint-disable-next-line typescript/triple-slash-reference -- whoever compiles the sources finds the types that the package lacks
/// <reference path="./siphash24.d.ts" />
import instantiate from 'siphash24/siphash24.js'

const keyBytes = 16
/** Where the module's function expects the key, and where the text is put. Its result stands at the beginning. */
const keyAt = 8
const textAt = keyAt + keyBytes
const pageBytes = 65_536

/**
 * The compiled hash and its memory, used without the package's own wrapper, whose copies cost more than the hash. All fingerprints share them: a
 * hash runs to its end, and a key is written again where that of another fingerprint was.
 */
const { memory, siphash } = instantiate()
let bytes = new Uint8Array(memory.buffer)
let words = new Int32Array(memory.buffer)
/** Whose key is in the memory. */
let keyThere: Uint8Array | undefined

/**
 * Hashes texts to 64 bits under a secret key (SipHash-2-4): who does not know the key cannot make two texts collide. The result is left in two
 * fields, because a hash is wanted on each call and an object for it would have to be collected each time.
 */
export class Fingerprint {
  /** The low 32 bits of the last hash, as a signed number. */
  low = 0
  /** The high 32 bits of the last hash, as a signed number. */
  high = 0
  #key: Uint8Array | undefined

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
    const { length } = text
    if (textAt + 2 * length + 1 > bytes.length) grow(textAt + 2 * length + 1)
    const key = (this.#key ??= globalThis.crypto.getRandomValues(new Uint8Array(keyBytes)))
    if (keyThere !== key) {
      bytes.set(key, keyAt)
      keyThere = key
    }
    siphash(textAt, encode(text))
    this.low = words[0] as number
    this.high = words[1] as number
  }

  /** The hash of a text as 16 hexadecimal digits. */
  hex(text: string): string {
    this.hash(text)
    return hexOf(this.high) + hexOf(this.low)
  }
}

function hexOf(word: number): string {
  return (word >>> 0).toString(16).padStart(8, '0')
}

/** One byte a character where all of them fit, and two otherwise. The first byte tells which. Returns the number of bytes. */
function encode(text: string): number {
  const { length } = text
  // Its own variable: the other one could change, so it would be read again for each character.
  const into = bytes
  into[textAt] = 1
  for (let i = 0; i < length; i++) {
    const unit = text.charCodeAt(i)
    if (unit > 0xff) return encodeWide(text)
    into[textAt + 1 + i] = unit
  }
  return length + 1
}

function encodeWide(text: string): number {
  bytes[textAt] = 2
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    bytes[textAt + 1 + 2 * i] = unit & 0xff
    bytes[textAt + 2 + 2 * i] = unit >>> 8
  }
  return 2 * text.length + 1
}

function grow(length: number): void {
  memory.grow(Math.ceil((length - bytes.length) / pageBytes))
  bytes = new Uint8Array(memory.buffer)
  words = new Int32Array(memory.buffer)
}
