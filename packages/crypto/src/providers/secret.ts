/** The length of a secret, in bytes. */
const secretLength = 32

const advice =
  'give 32 random bytes, as a Uint8Array, 64 hex digits or base64url: node -p "crypto.randomBytes(32).toString(\'base64url\')"'

/**
 * Reads a secret of 32 bytes: a Uint8Array, 64 hexadecimal digits, or base64 or base64url with or without padding.
 *
 * @returns a copy of the bytes.
 * @throws {TypeError} when it has another form. The message never shows it.
 * @throws {RangeError} when it has another length or all its bytes are equal.
 */
export function readSecret(secret: unknown, who: string): Uint8Array {
  const bytes =
    typeof secret === 'string' ? fromText(secret) : secret instanceof Uint8Array ? new Uint8Array(secret) : undefined
  if (!bytes) throw new TypeError(`${who}: the secret is not in a known form; ${advice}`)
  if (bytes.length !== secretLength) throw new RangeError(`${who}: the secret does not have 32 bytes; ${advice}`)
  if (bytes.every((byte) => byte === bytes[0]))
    throw new RangeError(`${who}: all bytes of the secret are equal; ${advice}`)
  return bytes
}

function fromText(text: string): Uint8Array | undefined {
  if (/^[0-9a-fA-F]{64}$/.test(text)) {
    return Uint8Array.from({ length: secretLength }, (_, i) => Number.parseInt(text.slice(2 * i, 2 * i + 2), 16))
  }
  if (!/^(?:[A-Za-z0-9_-]{43}|[A-Za-z0-9+/]{43})=?$/.test(text)) return undefined
  const base64 = text.slice(0, 43).replaceAll('-', '+').replaceAll('_', '/')
  const binary = atob(base64)
  // 43 characters carry two bits too many; where they are set, the text was cut or mistyped.
  if (btoa(binary) !== `${base64}=`) return undefined
  return Uint8Array.from(binary, (character) => character.charCodeAt(0))
}

/**
 * Reads a passphrase: 16 to 1024 characters of well-formed text, in the normal form NFKC, so that every keyboard gives the same bytes.
 *
 * @returns its UTF-8 bytes.
 * @throws {TypeError} when it is not well-formed text. The message never shows it.
 * @throws {RangeError} when it is too short, too long or one character repeated.
 */
export function readPassphrase(passphrase: unknown, who: string): Uint8Array {
  if (typeof passphrase !== 'string' || (passphrase.length <= 1024 && !passphrase.isWellFormed())) {
    throw new TypeError(`${who}: the passphrase must be well-formed text`)
  }
  const characters = passphrase.length <= 1024 ? Array.from(passphrase.normalize('NFKC')) : []
  if (characters.length < 16 || characters.length > 1024) {
    throw new RangeError(`${who}: a passphrase has 16 to 1024 characters; six random words are a good one`)
  }
  if (new Set(characters).size === 1) throw new RangeError(`${who}: the passphrase is one character repeated`)
  return new TextEncoder().encode(characters.join(''))
}
