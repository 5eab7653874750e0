import type { Cipher, KeyObject } from 'node:crypto'
import {
  algorithmIds,
  bodyOffset,
  commitmentLength,
  headerLength,
  maxTokenLength,
  nonceLength,
  tagLength,
} from '../format.ts'
import type { Engine, KeyCipher, RandomSource } from './engine.ts'
import { cmacSubkey, firstPassLength, secondPassLength, writeFirstPass, writeSecondPass } from './xaes.ts'

type NodeCrypto = typeof import('node:crypto')
type NodeBuffer = typeof import('node:buffer')

/** How many messages are derived at once: two ECB calls for all of them instead of two for each. */
const batchLength = 32

/** The engine on `node:crypto`, or `undefined` where the runtime has none (a feature test, so that bundlers for Workers do not choke). */
export function nativeEngine(random?: RandomSource): Engine | undefined {
  const { process } = globalThis
  const crypto = process?.getBuiltinModule?.('node:crypto')
  const buffer = process?.getBuiltinModule?.('node:buffer')
  if (!crypto?.createCipheriv || !buffer?.isUtf8) return undefined
  return makeEngine(crypto, buffer, random ?? ((target) => void crypto.randomFillSync(target)))
}

function makeEngine(crypto: NodeCrypto, { Buffer, isUtf8 }: NodeBuffer, random: RandomSource): Engine {
  // Holds one decoded token at a time: ciphertext only, never a plaintext or a key.
  const decoded = Buffer.alloc(maxTokenLength)
  const view = (bytes: Uint8Array) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  return {
    name: 'native',
    cipher: (key) => new NativeCipher(crypto, Buffer, random, key),
    keyedHash: (key) => {
      const secret = crypto.createSecretKey(key)
      return {
        bytes: (text) => crypto.createHmac('sha256', secret).update(text, 'utf8').digest(),
        base64url: (text) => crypto.createHmac('sha256', secret).update(text, 'utf8').digest('base64url'),
      }
    },
    derive: (secret, info) => new Uint8Array(crypto.hkdfSync('sha256', secret, new Uint8Array(0), info, 32)),
    random,
    allocate: (length) => Buffer.alloc(length),
    utf8Length: (text) => Buffer.byteLength(text, 'utf8'),
    writeUtf8: (target, text, offset) => (target as Buffer).write(text, offset, 'utf8'),
    readUtf8: (bytes) => (isUtf8(bytes) ? view(bytes).toString('utf8') : undefined),
    encodeBase64url: (bytes) => view(bytes).toString('base64url'),
    decodeBase64url: (text) => {
      if (text.length > maxTokenLength) return undefined
      const length = decoded.write(text, 0, 'base64url')
      // Node skips what is not base64url; only the canonical spelling survives the way back.
      return decoded.toString('base64url', 0, length) === text ? decoded.subarray(0, length) : undefined
    },
  }
}

class NativeCipher implements KeyCipher {
  readonly #crypto: NodeCrypto
  readonly #Buffer: NodeBuffer['Buffer']
  readonly #random: RandomSource
  readonly #ecb: Cipher
  readonly #k1: Uint8Array
  readonly #wrapSubkey: boolean

  // A batch of nonces with their subkeys and commitments, filled when the last one was used.
  readonly #nonces: Buffer
  readonly #first: Buffer
  readonly #second: Buffer
  #subkeys: Buffer
  #commitments: Buffer
  #next = batchLength
  #destroyed = false

  // Scratch for opening one message.
  readonly #openFirst: Buffer
  readonly #openSecond: Buffer

  constructor(crypto: NodeCrypto, buffer: NodeBuffer['Buffer'], random: RandomSource, key: Uint8Array) {
    this.#crypto = crypto
    this.#Buffer = buffer
    this.#random = random
    this.#ecb = crypto.createCipheriv('aes-256-ecb', crypto.createSecretKey(key), null).setAutoPadding(false)
    this.#k1 = cmacSubkey(this.#ecb.update(buffer.alloc(16)))
    this.#wrapSubkey = wrappingIsFaster(crypto)
    this.#nonces = buffer.alloc(batchLength * nonceLength)
    this.#first = buffer.alloc(batchLength * firstPassLength)
    this.#second = buffer.alloc(batchLength * secondPassLength)
    this.#subkeys = buffer.alloc(0)
    this.#commitments = buffer.alloc(0)
    this.#openFirst = buffer.alloc(firstPassLength)
    this.#openSecond = buffer.alloc(secondPassLength)
  }

  seal(algorithmId: number, context: Uint8Array, plaintext: string | Uint8Array): string {
    if (this.#next === batchLength) this.#fillBatch()
    const at = this.#next++
    const nonceAt = at * nonceLength
    const subkey = this.#subkeys.subarray(at * firstPassLength, at * firstPassLength + 32)
    const nonce = this.#nonces.subarray(nonceAt + 12, nonceAt + nonceLength)
    const cipher = this.#wiping(subkey, (key) =>
      this.#crypto.createCipheriv('aes-256-gcm', key, nonce, { authTagLength: tagLength }),
    )
    cipher.setAAD(context)
    const body = typeof plaintext === 'string' ? cipher.update(plaintext, 'utf8') : cipher.update(plaintext)
    cipher.final()
    const committed = algorithmId === algorithmIds['KC-XAES-256-GCM']
    const bodyEnd = bodyOffset + body.length
    const token = this.#Buffer.allocUnsafe(bodyEnd + tagLength + (committed ? commitmentLength : 0))
    for (let i = 0; i < headerLength; i++) token[i] = context[i] as number
    this.#nonces.copy(token, headerLength, nonceAt, nonceAt + nonceLength)
    token.set(body, bodyOffset)
    token.set(cipher.getAuthTag(), bodyEnd)
    if (committed) this.#commitments.copy(token, bodyEnd + tagLength, at * 32, at * 32 + 32)
    return token.toString('base64url')
  }

  open(algorithmId: number, context: Uint8Array, token: Uint8Array): Uint8Array | undefined {
    const derived = this.#deriveFirst(token)
    const committed = algorithmId === algorithmIds['KC-XAES-256-GCM']
    const tagEnd = committed ? token.length - commitmentLength : token.length
    if (committed && !this.#commitmentMatches(derived, token)) {
      derived.fill(0)
      return undefined
    }
    const nonce = token.subarray(headerLength + 12, bodyOffset)
    const decipher = this.#wiping(derived.subarray(0, 32), (key) =>
      this.#crypto.createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: tagLength }),
    )
    decipher.setAAD(context)
    decipher.setAuthTag(token.subarray(tagEnd - tagLength, tagEnd))
    const plaintext = decipher.update(token.subarray(bodyOffset, tagEnd - tagLength))
    try {
      decipher.final()
      return plaintext
    } catch {
      plaintext.fill(0)
      return undefined
    }
  }

  commits(token: Uint8Array): boolean {
    const derived = this.#deriveFirst(token)
    const matches = this.#commitmentMatches(derived, token)
    derived.fill(0)
    return matches
  }

  destroy(): void {
    this.#destroyed = true
    this.#next = batchLength
    for (const secret of [this.#k1, this.#subkeys, this.#first, this.#second, this.#openFirst, this.#openSecond])
      secret.fill(0)
  }

  /** Of no use after `destroy()`: with K1 overwritten it would seal what nobody can open. */
  #checkAlive(): void {
    if (this.#destroyed) throw new Error('the key was destroyed')
  }

  #deriveFirst(token: Uint8Array): Buffer {
    this.#checkAlive()
    writeFirstPass(this.#openFirst, 0, token, headerLength, this.#k1)
    return this.#ecb.update(this.#openFirst)
  }

  /** Compared in constant time, and before anything is decrypted. */
  #commitmentMatches(derived: Uint8Array, token: Uint8Array): boolean {
    writeSecondPass(this.#openSecond, 0, token, headerLength, derived, 32, this.#k1)
    const commitment = this.#ecb.update(this.#openSecond)
    return this.#crypto.timingSafeEqual(commitment, token.subarray(token.length - commitmentLength))
  }

  /** Hands a subkey over and overwrites it, whatever happens. */
  #wiping<T>(subkey: Uint8Array, use: (key: Uint8Array | KeyObject) => T): T {
    try {
      return use(this.#wrapSubkey ? this.#crypto.createSecretKey(subkey) : subkey)
    } finally {
      subkey.fill(0)
    }
  }

  #fillBatch(): void {
    this.#checkAlive()
    this.#random(this.#nonces)
    for (let i = 0; i < batchLength; i++) {
      writeFirstPass(this.#first, i * firstPassLength, this.#nonces, i * nonceLength, this.#k1)
    }
    this.#subkeys = this.#ecb.update(this.#first)
    for (let i = 0; i < batchLength; i++) {
      const w = i * firstPassLength + 32
      writeSecondPass(this.#second, i * secondPassLength, this.#nonces, i * nonceLength, this.#subkeys, w, this.#k1)
    }
    this.#commitments = this.#ecb.update(this.#second)
    this.#next = 0
  }
}

let wrapping: boolean | undefined

/**
 * Node 24.18 to 24.21 spend 16 us more on a key given as raw bytes; on Node 20 wrapping it costs 3 to 6 us. So it is measured, once a
 * process, in about two milliseconds.
 */
function wrappingIsFaster(crypto: NodeCrypto): boolean {
  wrapping ??= measure(crypto, true) < measure(crypto, false)
  return wrapping
}

function measure(crypto: NodeCrypto, wrap: boolean): number {
  const key = new Uint8Array(32)
  const nonce = new Uint8Array(12)
  let best = Number.POSITIVE_INFINITY
  for (let round = 0; round < 8; round++) {
    const start = performance.now()
    for (let i = 0; i < 16; i++) crypto.createCipheriv('aes-256-gcm', wrap ? crypto.createSecretKey(key) : key, nonce)
    best = Math.min(best, performance.now() - start)
  }
  return best
}
