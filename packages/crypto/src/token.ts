import type { Engine } from './engines/engine.ts'
import { DecryptError } from './errors.ts'
import { algorithmIds, formatVersion, headerLength, keyVersionIn, maxTokenLength, overheadOf } from './format.ts'
import type { KeyringCore } from './keyring-core.ts'

declare const sealedBrand: unique symbol

/** A sealed value as it is stored: base64url text. The brand keeps plaintext columns and sealed columns apart in types. */
export type Sealed = string & { readonly [sealedBrand]: true }

/** A decoded token. Its bytes are valid until the engine decodes the next one. */
export interface Token {
  readonly bytes: Uint8Array
  readonly algorithmId: number
  readonly keyVersion: number
}

/** Six bytes of header are exactly eight characters. */
const headerCharacters = 8

/** Decodes a token's outer form; says nothing about whether it opens. `undefined`: it is none. */
export function decodeToken(engine: Engine, text: unknown): Token | undefined {
  if (typeof text !== 'string' || text.length > maxTokenLength) return undefined
  const bytes = engine.decodeBase64url(text)
  if (!bytes || bytes.length < headerLength || bytes[0] !== formatVersion) return undefined
  const algorithmId = bytes[1] as number
  const overhead = overheadOf(algorithmId)
  return overhead > 0 && bytes.length >= overhead ? { bytes, algorithmId, keyVersion: keyVersionIn(bytes) } : undefined
}

/**
 * Reads the header of a token, which is not authenticated before the value is opened: a hint for planning, never proof.
 *
 * @throws {DecryptError} when the text is no token.
 */
export function readHeader(engine: Engine, text: string): Header {
  const start = typeof text === 'string' && text.length <= maxTokenLength ? text.slice(0, headerCharacters) : ''
  const known = headers.get(start)
  if (known) return known
  const bytes = engine.decodeBase64url(start)
  if (bytes?.length !== headerLength || bytes[0] !== formatVersion || overheadOf(bytes[1] as number) === 0)
    throw new DecryptError()
  const header = { algorithmId: bytes[1] as number, keyVersion: keyVersionIn(bytes) }
  if (headers.size < maxHeaders) headers.set(start, header)
  return header
}

/** What the first characters of a token say. */
interface Header {
  readonly algorithmId: number
  readonly keyVersion: number
}

// A table has few different headers, and re-encryption reads every one of them. Public, and the same for every keyring.
const headers = new Map<string, Header>()
const maxHeaders = 1000

/**
 * Whether a text is a value that this keyring sealed: canonical form, a known version, and a commitment that verifies. Ordinary text that
 * merely looks like a token is not.
 */
export function isSealedHere(core: KeyringCore, text: string): boolean {
  // 01 01 in base64url begins with AQE: ordinary text pays for three characters.
  if (!text.startsWith('AQE')) return false
  const token = decodeToken(core.engine, text)
  if (token?.algorithmId !== algorithmIds['KC-XAES-256-GCM']) return false
  const key = core.dataKey(token.keyVersion)
  return typeof key === 'object' && key.cipher.commits(token.bytes)
}
