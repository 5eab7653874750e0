// Writes format-1.json: what another implementation of this format has to reproduce. It is made from the plain reference of the tests, not
// from the package, and keys and nonces are hashes of their names, so that every run writes the same file:
//   node --import tsx packages/crypto/test/vectors/make.ts && npx biome format --write packages/crypto/vectors
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { type BlindIndexVector, blindIndexVectors } from './blind-indexes.ts'
import { type InvalidVector, invalidVectors } from './invalid.ts'
import { type SealedVector, sealedVectors } from './sealed.ts'

/** The whole file. */
export interface FormatVectors {
  readonly format: 1
  readonly about: string
  readonly sealed: readonly SealedVector[]
  readonly invalid: readonly InvalidVector[]
  readonly blindIndexes: readonly BlindIndexVector[]
}

const about =
  'Token: base64url without padding of version 1 | algorithm 1 | keyVersion 4 | nonce 24 | ciphertext | tag 16 | commitment 32 ' +
  '(KC-XAES-256-GCM alone). AAD: the first 6 bytes, then a uint32 length and UTF-8 for each of mosaajii/crypto/field/v1, kind, tenant, ' +
  'table, column, schema, row; an absent one has length 0xffffffff and nothing else. A transient plaintext begins with its expiry in ' +
  'milliseconds, 8 bytes. Index key: HKDF-SHA-256 of the root, no salt, info in the same way of mosaajii/crypto/blind-index/v1, tenant, ' +
  'table, column, index, normalizer, bits in decimal. Index token: version . base64url of the first bits of HMAC-SHA-256 of the normal ' +
  'form, unused low bits of the last byte zero. All integers are big-endian.'

/** Makes all vectors. */
export function formatVectors(): FormatVectors {
  const blindIndexes = blindIndexVectors()
  return { format: 1, about, sealed: sealedVectors(), invalid: invalidVectors(), blindIndexes }
}

/** JSON in ASCII, because an editor that composes characters would change what the vectors say. */
function asciiJson(value: unknown): string {
  const escaped = (unit: string) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`
  return `${JSON.stringify(value, null, 2).replaceAll(/[^\n -~]/g, escaped)}\n`
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(new URL('../../vectors/format-1.json', import.meta.url), asciiJson(formatVectors()))
}
