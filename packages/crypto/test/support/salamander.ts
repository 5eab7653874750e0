// The "invisible salamander" (Dodis, Grubbs, Ristenpart, Woodage, CRYPTO 2018): AES-GCM does not commit to its key, so who chooses two
// keys can make ONE ciphertext and tag that both of them open, to different plaintexts.
import { fromBlock, ghash, inverse, multiply, power, toBlock } from './gf128.ts'
import { aesBlock } from './kc-xaes-reference.ts'

/** Two keys of AES-256-GCM, one nonce, and what is to be opened. */
export interface SalamanderInput {
  /** 32 bytes. With XAES, `xaesSubkey(key, nonce)`. */
  readonly keyA: Uint8Array
  /** 32 bytes. */
  readonly keyB: Uint8Array
  /** 12 bytes. With XAES, the last 12 of the nonce. */
  readonly nonce: Uint8Array
  readonly aadA?: Uint8Array
  readonly aadB?: Uint8Array
  /** What the first bytes are under key A. Default: nothing. It is filled to whole blocks with zero bytes of ciphertext. */
  readonly textA?: Uint8Array
  /** What the bytes after that are under key B. */
  readonly textB?: Uint8Array
}

/** A ciphertext with its 16-byte tag. */
export interface Salamander {
  /** `textA` and `textB` in whole blocks, and one block that makes the tags agree. */
  readonly ciphertext: Buffer
  readonly tag: Buffer
}

/**
 * Makes one ciphertext and tag that AES-256-GCM opens under both keys. The last block X is free, and GHASH is linear in it: with the tag
 * `E(J0) ^ rest ^ X * H^2` under each key, both tags agree for `X = (tagA ^ tagB with X = 0) / (Ha^2 ^ Hb^2)`.
 *
 * @throws {RangeError} when the keys are the same, or the nonce is not 12 bytes.
 * @example
 * const { ciphertext, tag } = salamander({ keyA, keyB, nonce })
 */
export function salamander(input: SalamanderInput): Salamander {
  const { keyA, keyB, nonce, aadA = new Uint8Array(), aadB = new Uint8Array() } = input
  if (nonce.length !== 12) throw new RangeError('the nonce must be 12 bytes')
  const [hashA, hashB] = [hashKey(keyA), hashKey(keyB)]
  if (hashA === hashB) throw new RangeError('give two different keys')
  const start = openings(input)
  const open = Buffer.concat([start, Buffer.alloc(16)])
  const difference = tagOf(keyA, nonce, aadA, open) ^ tagOf(keyB, nonce, aadB, open)
  // The block before the lengths is multiplied by H twice.
  const block = divide(difference, power(hashA, 2n) ^ power(hashB, 2n))
  const ciphertext = Buffer.concat([start, toBlock(block)])
  return { ciphertext, tag: toBlock(tagOf(keyA, nonce, aadA, ciphertext)) }
}

function divide(a: bigint, b: bigint): bigint {
  return multiply(a, inverse(b))
}

/** The ciphertext of both wished texts, each under its own key's stream, in whole blocks. */
function openings({ keyA, keyB, nonce, textA = new Uint8Array(), textB = new Uint8Array() }: SalamanderInput): Buffer {
  const blocksA = Math.ceil(textA.length / 16)
  return Buffer.concat([encrypt(keyA, nonce, 0, textA), encrypt(keyB, nonce, blocksA, textB)])
}

/** Counter mode as GCM uses it: block n of the text is under counter n + 2. */
function encrypt(key: Uint8Array, nonce: Uint8Array, firstBlock: number, text: Uint8Array): Buffer {
  const whole = Buffer.alloc(Math.ceil(text.length / 16) * 16)
  for (let at = 0; at < text.length; at++) {
    const stream = aesBlock(key, counterBlock(nonce, firstBlock + (at >> 4) + 2))
    whole[at] = (text[at] ?? 0) ^ (stream[at & 15] ?? 0)
  }
  return whole
}

function tagOf(key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, ciphertext: Uint8Array): bigint {
  return fromBlock(aesBlock(key, counterBlock(nonce, 1))) ^ ghash(hashKey(key), aad, ciphertext)
}

function hashKey(key: Uint8Array): bigint {
  return fromBlock(aesBlock(key, new Uint8Array(16)))
}

function counterBlock(nonce: Uint8Array, counter: number): Buffer {
  const block = Buffer.alloc(16)
  block.set(nonce)
  block.writeUInt32BE(counter, 12)
  return block
}
