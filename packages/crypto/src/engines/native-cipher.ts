import type { Cipher, CipherGCM, DecipherGCM, KeyObject } from 'node:crypto'
import { algorithmIds, bodyOffset, commitmentLength, headerLength, nonceLength, tagLength } from '../format.ts'
import type { KeyCipher, RandomSource } from './engine.ts'
import { wrappingIsFaster } from './subkey-wrapping.ts'
import { cmacSubkey, firstPassLength, secondPassLength, writeFirstPass, writeSecondPass } from './xaes.ts'

type NodeCrypto = typeof import('node:crypto')

/** How many messages are derived at once: two ECB calls for all of them instead of two for each. */
const batchLength = 64
const subkeyLength = 32
const gcmNonceLength = 12
/** Always said: Node 20 and 24 otherwise take tags of four bytes. */
const gcm = { authTagLength: tagLength }

/** One message's share of a batch. The views are made once; the memory behind them is filled anew with each batch. */
interface Slot {
  readonly subkey: Buffer
  readonly nonce: Buffer
  /** The second half of the nonce: the one of AES-GCM. */
  readonly gcmNonce: Buffer
  readonly commitment: Buffer
}

/** The cipher of one key on `node:crypto`. */
export class NativeCipher implements KeyCipher {
  readonly #crypto: NodeCrypto
  readonly #random: RandomSource
  readonly #ecb: Cipher
  readonly #k1: Uint8Array
  readonly #wrapSubkey: boolean
  /** Shared by all keys: a token while it is put together. */
  readonly #token: Buffer

  // A batch of nonces with their subkeys and commitments, filled when the last one was used.
  readonly #nonces: Buffer
  readonly #first: Buffer
  readonly #second: Buffer
  readonly #subkeys: Buffer
  readonly #commitments: Buffer
  readonly #slots: readonly Slot[]
  #next = batchLength
  #destroyed = false

  // Scratch for opening one message: copying some bytes costs less than making a view of them.
  readonly #openFirst: Buffer
  readonly #openSecond: Buffer
  readonly #openSubkey: Buffer
  readonly #openNonce: Buffer
  readonly #openTag: Buffer
  readonly #openCommitment: Buffer

  constructor(
    crypto: NodeCrypto,
    alloc: (length: number) => Buffer,
    random: RandomSource,
    token: Buffer,
    key: Uint8Array,
  ) {
    this.#crypto = crypto
    this.#random = random
    this.#token = token
    this.#ecb = crypto.createCipheriv('aes-256-ecb', crypto.createSecretKey(key), null).setAutoPadding(false)
    this.#k1 = cmacSubkey(this.#ecb.update(alloc(16)))
    this.#wrapSubkey = wrappingIsFaster(crypto)
    this.#nonces = alloc(batchLength * nonceLength)
    this.#first = alloc(batchLength * firstPassLength)
    this.#second = alloc(batchLength * secondPassLength)
    this.#subkeys = alloc(batchLength * firstPassLength)
    this.#commitments = alloc(batchLength * secondPassLength)
    this.#slots = Array.from({ length: batchLength }, (_, i) => this.#slot(i))
    this.#openFirst = alloc(firstPassLength)
    this.#openSecond = alloc(secondPassLength)
    this.#openSubkey = alloc(subkeyLength)
    this.#openNonce = alloc(gcmNonceLength)
    this.#openTag = alloc(tagLength)
    this.#openCommitment = alloc(commitmentLength)
  }

  seal(algorithmId: number, context: Uint8Array, plaintext: string | Uint8Array): string {
    if (this.#next === batchLength) this.#fillBatch()
    const { subkey, nonce, gcmNonce, commitment } = this.#slots[this.#next++] as Slot
    const cipher = this.#encryptor(subkey, gcmNonce)
    cipher.setAAD(context)
    const body = typeof plaintext === 'string' ? cipher.update(plaintext, 'utf8') : cipher.update(plaintext)
    cipher.final()
    const token = this.#token
    for (let i = 0; i < headerLength; i++) token[i] = context[i] as number
    token.set(nonce, headerLength)
    token.set(body, bodyOffset)
    const bodyEnd = bodyOffset + body.length
    token.set(cipher.getAuthTag(), bodyEnd)
    if (algorithmId !== algorithmIds['KC-XAES-256-GCM']) return token.toString('base64url', 0, bodyEnd + tagLength)
    token.set(commitment, bodyEnd + tagLength)
    return token.toString('base64url', 0, bodyEnd + tagLength + commitmentLength)
  }

  open(algorithmId: number, context: Uint8Array, token: Uint8Array): Uint8Array | undefined {
    const derived = this.#deriveFirst(token)
    const committed = algorithmId === algorithmIds['KC-XAES-256-GCM']
    const tagAt = token.length - tagLength - (committed ? commitmentLength : 0)
    const matches = !committed || this.#commitmentMatches(derived, token)
    copyInto(this.#openSubkey, derived, 0)
    wipe(derived)
    if (!matches) {
      this.#openSubkey.fill(0)
      return undefined
    }
    copyInto(this.#openNonce, token, headerLength + gcmNonceLength)
    copyInto(this.#openTag, token, tagAt)
    const decipher = this.#decryptor(this.#openSubkey, this.#openNonce)
    decipher.setAAD(context)
    decipher.setAuthTag(this.#openTag)
    const plaintext = decipher.update(token.subarray(bodyOffset, tagAt))
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
    wipe(derived)
    return matches
  }

  destroy(): void {
    this.#destroyed = true
    this.#next = batchLength
    for (const secret of [this.#k1, this.#subkeys, this.#first, this.#second, this.#openFirst, this.#openSecond])
      secret.fill(0)
  }

  #slot(i: number): Slot {
    const nonce = this.#nonces.subarray(i * nonceLength, (i + 1) * nonceLength)
    return {
      subkey: this.#subkeys.subarray(i * firstPassLength, i * firstPassLength + subkeyLength),
      nonce,
      gcmNonce: nonce.subarray(nonceLength - gcmNonceLength),
      commitment: this.#commitments.subarray(i * secondPassLength, (i + 1) * secondPassLength),
    }
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
    writeSecondPass(this.#openSecond, 0, token, headerLength, derived, subkeyLength, this.#k1)
    copyInto(this.#openCommitment, token, token.length - commitmentLength)
    return this.#crypto.timingSafeEqual(this.#ecb.update(this.#openSecond), this.#openCommitment)
  }

  /** Overwrites the subkey, whatever happens. */
  #encryptor(subkey: Buffer, nonce: Buffer): CipherGCM {
    try {
      return this.#crypto.createCipheriv('aes-256-gcm', this.#keyFrom(subkey), nonce, gcm)
    } finally {
      wipe(subkey)
    }
  }

  /** Overwrites the subkey, whatever happens. */
  #decryptor(subkey: Buffer, nonce: Buffer): DecipherGCM {
    try {
      return this.#crypto.createDecipheriv('aes-256-gcm', this.#keyFrom(subkey), nonce, gcm)
    } finally {
      wipe(subkey)
    }
  }

  #keyFrom(subkey: Buffer): Buffer | KeyObject {
    return this.#wrapSubkey ? this.#crypto.createSecretKey(subkey) : subkey
  }

  #fillBatch(): void {
    this.#checkAlive()
    this.#random(this.#nonces)
    for (let i = 0; i < batchLength; i++) {
      writeFirstPass(this.#first, i * firstPassLength, this.#nonces, i * nonceLength, this.#k1)
    }
    moveInto(this.#subkeys, this.#ecb.update(this.#first))
    for (let i = 0; i < batchLength; i++) {
      const w = i * firstPassLength + subkeyLength
      writeSecondPass(this.#second, i * secondPassLength, this.#nonces, i * nonceLength, this.#subkeys, w, this.#k1)
    }
    moveInto(this.#commitments, this.#ecb.update(this.#second))
    this.#next = 0
  }
}

/** Fills the target with the bytes of the source that begin at `from`. */
function copyInto(target: Buffer, source: Uint8Array, from: number): void {
  for (let i = 0; i < target.length; i++) target[i] = source[from + i] as number
}

/** A loop is faster than `fill` for so few bytes. */
function wipe(secret: Uint8Array): void {
  for (let i = 0; i < secret.length; i++) secret[i] = 0
}

function moveInto(target: Buffer, source: Buffer): void {
  target.set(source)
  source.fill(0)
}
