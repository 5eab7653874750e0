// XAES-256-GCM and KC-XAES-256-GCM, step by step as the construction is written, with nothing kept between calls. The package's engines
// are compared with it; it shares no code with them.
import { createCipheriv, createDecipheriv, timingSafeEqual } from 'node:crypto'

/** What one message is sealed with. */
export interface ReferenceInput {
  /** 32 bytes. */
  readonly key: Uint8Array
  /** 24 bytes. */
  readonly nonce: Uint8Array
  readonly aad?: Uint8Array
}

/** AES-256-GCM with a 12-byte nonce and a 16-byte tag. */
export interface GcmInput extends ReferenceInput {
  /** 12 bytes here. */
  readonly nonce: Uint8Array
}

/** `E_K`: one AES-256 block encryption. */
export function aesBlock(key: Uint8Array, block: Uint8Array): Buffer {
  const cipher = createCipheriv('aes-256-ecb', key, null).setAutoPadding(false)
  return Buffer.concat([cipher.update(block), cipher.final()])
}

/** `L = E_K(0^16)`. */
export function cmacL(key: Uint8Array): Buffer {
  return aesBlock(key, new Uint8Array(16))
}

/** Step 1, the CMAC subkey K1 of NIST SP 800-38B: `L << 1`, reduced by `0x87` when a bit falls out. */
export function cmacK1(key: Uint8Array): Buffer {
  const bits = BigInt(`0x${cmacL(key).toString('hex')}`)
  const shifted = BigInt.asUintN(128, bits << 1n) ^ (bits >> 127n === 1n ? 0x87n : 0n)
  return Buffer.from(shifted.toString(16).padStart(32, '0'), 'hex')
}

/** Step 2: the AES-256-GCM key of one message, 32 bytes, from the key and the first 12 bytes of the nonce. */
export function xaesSubkey(key: Uint8Array, nonce: Uint8Array): Buffer {
  const k1 = cmacK1(key)
  const half = (counter: number) =>
    aesBlock(key, xor(Buffer.concat([Buffer.from([0, counter, 0x58, 0]), first12(nonce)]), k1))
  return Buffer.concat([half(1), half(2)])
}

/** Step 4: the commitment to the key, 32 bytes. */
export function commitment(key: Uint8Array, nonce: Uint8Array): Buffer {
  const k1 = cmacK1(key)
  const w = aesBlock(key, Buffer.concat([Buffer.from('XCMT', 'ascii'), first12(nonce)]))
  const half = (counter: number) =>
    aesBlock(key, xor(xor(Buffer.concat([last12(nonce), Buffer.from([0, 1, 0, counter])]), w), k1))
  return Buffer.concat([half(1), half(2)])
}

/** Seals with plain XAES-256-GCM. */
export function xaesSeal(input: ReferenceInput, plaintext: Uint8Array): { ciphertext: Buffer; tag: Buffer } {
  return gcmSeal({ ...input, key: xaesSubkey(input.key, input.nonce), nonce: last12(input.nonce) }, plaintext)
}

/** Opens plain XAES-256-GCM, or throws. */
export function xaesOpen(input: ReferenceInput, ciphertext: Uint8Array, tag: Uint8Array): Buffer {
  return gcmOpen({ ...input, key: xaesSubkey(input.key, input.nonce), nonce: last12(input.nonce) }, ciphertext, tag)
}

/** Seals with KC-XAES-256-GCM. */
export function kcXaesSeal(
  input: ReferenceInput,
  plaintext: Uint8Array,
): { ciphertext: Buffer; tag: Buffer; commitment: Buffer } {
  return { ...xaesSeal(input, plaintext), commitment: commitment(input.key, input.nonce) }
}

/** Opens KC-XAES-256-GCM: step 5 first. Throws when either check fails. */
export function kcXaesOpen(
  input: ReferenceInput,
  ciphertext: Uint8Array,
  tag: Uint8Array,
  committed: Uint8Array,
): Buffer {
  if (!timingSafeEqual(commitment(input.key, input.nonce), committed)) throw new Error('the commitment differs')
  return xaesOpen(input, ciphertext, tag)
}

/** AES-256-GCM as node:crypto has it. */
export function gcmSeal({ key, nonce, aad }: GcmInput, plaintext: Uint8Array): { ciphertext: Buffer; tag: Buffer } {
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: 16 })
  if (aad) cipher.setAAD(aad)
  const ciphertext = Buffer.concat([cipher.update(plaintext), cipher.final()])
  return { ciphertext, tag: cipher.getAuthTag() }
}

/** AES-256-GCM as node:crypto has it; throws when the tag is wrong. */
export function gcmOpen({ key, nonce, aad }: GcmInput, ciphertext: Uint8Array, tag: Uint8Array): Buffer {
  const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: 16 })
  if (aad) decipher.setAAD(aad)
  decipher.setAuthTag(tag)
  return Buffer.concat([decipher.update(ciphertext), decipher.final()])
}

function first12(nonce: Uint8Array): Uint8Array {
  if (nonce.length !== 24) throw new RangeError('the nonce must be 24 bytes')
  return nonce.subarray(0, 12)
}

function last12(nonce: Uint8Array): Uint8Array {
  if (nonce.length !== 24) throw new RangeError('the nonce must be 24 bytes')
  return nonce.subarray(12)
}

function xor(a: Uint8Array, b: Uint8Array): Buffer {
  return Buffer.from(a.map((byte, at) => byte ^ (b[at] ?? 0)))
}
