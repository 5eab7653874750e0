/** The name of an engine: `node:crypto`, or `@noble/ciphers` where that is missing. */
export type EngineName = 'native' | 'portable'

/** Fills the array with random bytes, whatever its length. */
export type RandomSource = (target: Uint8Array) => void

/** The cipher of one data key. The context is the additional authenticated data; its first six bytes are the token's header. */
export interface KeyCipher {
  /** Seals text or bytes and returns the token. The caller has checked length and form. */
  seal(algorithmId: number, context: Uint8Array, plaintext: string | Uint8Array): string
  /** Opens a decoded token of valid length. `undefined`: it does not verify. Nothing of the plaintext leaves before the tag verified. */
  open(algorithmId: number, context: Uint8Array, token: Uint8Array): Uint8Array | undefined
  /** Whether the commitment of a decoded token verifies under this key. */
  commits(token: Uint8Array): boolean
  /** Ends the use of the key and overwrites what can be overwritten. */
  destroy(): void
}

/** HMAC-SHA-256 of text under one key. */
export interface KeyedHash {
  /** 32 bytes. */
  bytes(text: string): Uint8Array
  /** The same as base64url, 43 characters. */
  base64url(text: string): string
}

/** The cryptography and the codecs of one runtime. Both engines give the same bytes for the same nonces. */
export interface Engine {
  readonly name: EngineName
  /** A cipher for a 32-byte key. The key is copied. */
  cipher(key: Uint8Array): KeyCipher
  /** HMAC-SHA-256 under a key. */
  keyedHash(key: Uint8Array): KeyedHash
  /** HKDF-SHA-256 without salt (RFC 5869), 32 bytes. */
  derive(secret: Uint8Array, info: Uint8Array): Uint8Array
  random(target: Uint8Array): void
  /** Zeroed memory in the form that the engine writes fastest. */
  allocate(length: number): Uint8Array
  /** The length of text in UTF-8. */
  utf8Length(text: string): number
  /** Writes text as UTF-8 at an offset and returns the number of bytes. The caller has made sure that it fits. */
  writeUtf8(target: Uint8Array, text: string, offset: number): number
  /** UTF-8 to text, byte order mark kept. `undefined`: the bytes are not UTF-8. */
  readUtf8(bytes: Uint8Array): string | undefined
  encodeBase64url(bytes: Uint8Array): string
  /** Canonical base64url only. `undefined`: any other spelling. The result is valid until the next call. */
  decodeBase64url(text: string): Uint8Array | undefined
}
