import { cryptoError, type CryptoError } from '../errors.ts'
import { maxDocumentLength } from '../key-store.ts'

/** The highest generation: it still fits the ten digits of a file's name. */
export const maxGeneration = 9_999_999_999

const keyringId = /^[a-z0-9][a-z0-9_-]{0,63}$/

/**
 * Checks a keyring's id as every store takes it: it becomes part of a file's name.
 *
 * @throws {TypeError} when it is not a string.
 * @throws {RangeError} when it has another form.
 */
export function checkKeyringId(keyring: string): void {
  if (typeof keyring !== 'string') throw new TypeError('key store: the keyring id must be a string')
  if (!keyringId.test(keyring)) {
    throw new RangeError(
      "key store: a keyring id has 1 to 64 of a-z, 0-9, '_' and '-', and begins with a letter or digit",
    )
  }
}

/**
 * Checks what a store is asked to write, so that every store refuses the same things.
 *
 * @throws {TypeError} when a value has the wrong type or the document is not JSON.
 * @throws {RangeError} when the id, the length or the generation is out of bounds.
 */
export function checkWrite(keyring: string, document: string, after: number): void {
  checkKeyringId(keyring)
  if (!Number.isSafeInteger(after) || after < 0 || after >= maxGeneration) {
    throw new RangeError('key store: `after` is the generation that was read, or 0 when there is none yet')
  }
  if (typeof document !== 'string') throw new TypeError('key store: the document must be a string')
  if (document.length > maxDocumentLength) {
    throw new RangeError(`key store: the document is longer than ${maxDocumentLength} characters`)
  }
  if (!isStorable(document)) throw new TypeError('key store: the document must be well-formed JSON text')
}

/** Whether a text comes back unchanged from UTF-8 and is JSON. */
export function isStorable(document: string): boolean {
  if (!document.isWellFormed()) return false
  try {
    JSON.parse(document)
    return true
  } catch {
    // The parser's message quotes the text, so it must not become a cause.
    return false
  }
}

/** A `KEY_STORE_FAILED` error. */
export function storeFailed(message: string, cause?: unknown): CryptoError {
  return cryptoError('KEY_STORE_FAILED', message, cause === undefined ? { status: 503 } : { status: 503, cause })
}
