/**
 * The format of a sealed value, version 1, big-endian:
 * `ver 1 | alg 1 | keyVersion 4 | nonce 24 | ciphertext | tag 16 | commitment 32`, as canonical base64url (RFC 4648 section 5, no padding).
 * Plain XAES has no commitment.
 */
export const formatVersion = 1

/** The first six bytes: version, algorithm, key version. They are public, and authenticated as the start of the context. */
export const headerLength = 6
export const nonceLength = 24
export const tagLength = 16
export const commitmentLength = 32
/** Where the ciphertext begins. */
export const bodyOffset: number = headerLength + nonceLength
/** The longest plaintext: 64 KiB of UTF-8 or bytes. */
export const maxPlaintextLength = 65_536

/** How a value is sealed. `KC-XAES-256-GCM` commits to its key; `XAES-256-GCM` (C2SP) does not, and opens only where a field asks for it. */
export type Algorithm = 'KC-XAES-256-GCM' | 'XAES-256-GCM'

/** Algorithm identifiers as they stand in the header. */
export const algorithmIds: Readonly<Record<Algorithm, number>> = Object.freeze({
  'KC-XAES-256-GCM': 1,
  'XAES-256-GCM': 2,
})

/** What an algorithm adds to the plaintext, in bytes before base64url: 78 or 46. Zero: the algorithm is not known. */
export function overheadOf(algorithmId: number): number {
  if (algorithmId === algorithmIds['KC-XAES-256-GCM']) return bodyOffset + tagLength + commitmentLength
  return algorithmId === algorithmIds['XAES-256-GCM'] ? bodyOffset + tagLength : 0
}

/** The longest token that {@link maxPlaintextLength} allows (with the 8 bytes of a transient's expiry), in characters. */
export const maxTokenLength: number = Math.ceil(((maxPlaintextLength + 8 + 78) * 4) / 3)

/** Reads the key version of a header. */
export function keyVersionIn(header: Uint8Array): number {
  // By hand: making a DataView takes longer than all of this.
  return (((header[2] ?? 0) << 24) | ((header[3] ?? 0) << 16) | ((header[4] ?? 0) << 8) | (header[5] ?? 0)) >>> 0
}
