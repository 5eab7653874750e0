import { ecb, gcm } from '@noble/ciphers/aes.js'
import { equalBytes } from '@noble/ciphers/utils.js'
import { hkdf } from '@noble/hashes/hkdf.js'
import { hmac } from '@noble/hashes/hmac.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { fromBase64url, toBase64url } from '../base64url.ts'
import { algorithmIds, bodyOffset, commitmentLength, headerLength, nonceLength } from '../format.ts'
import type { Engine, KeyCipher, RandomSource } from './engine.ts'
import { cmacSubkey, firstPassLength, secondPassLength, writeFirstPass, writeSecondPass } from './xaes.ts'

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** The engine for runtimes without `node:crypto`, on `@noble/ciphers` and `@noble/hashes`. */
export function portableEngine(random: RandomSource = webRandom): Engine {
  return {
    name: 'portable',
    cipher: (key) => new PortableCipher(key, random),
    keyedHash: (key) => {
      const kept = new Uint8Array(key)
      const bytes = (text: string) => hmac(sha256, kept, encoder.encode(text))
      return { bytes, base64url: (text) => toBase64url(bytes(text)) }
    },
    derive: (secret, info) => hkdf(sha256, secret, undefined, info, 32),
    random,
    allocate: (length) => new Uint8Array(length),
    utf8Length: (text) => encoder.encode(text).length,
    writeUtf8: (target, text, offset) => encoder.encodeInto(text, target.subarray(offset)).written,
    readUtf8,
    encodeBase64url: toBase64url,
    decodeBase64url: fromBase64url,
  }
}

class PortableCipher implements KeyCipher {
  readonly #key: Uint8Array
  readonly #k1: Uint8Array
  readonly #random: RandomSource
  #destroyed = false

  constructor(key: Uint8Array, random: RandomSource) {
    this.#key = new Uint8Array(key)
    this.#k1 = cmacSubkey(this.#encryptBlocks(new Uint8Array(16)))
    this.#random = random
  }

  seal(algorithmId: number, context: Uint8Array, plaintext: string | Uint8Array): string {
    const nonce = new Uint8Array(nonceLength)
    this.#random(nonce)
    const { subkey, commitment } = this.#derive(nonce)
    const bytes = typeof plaintext === 'string' ? encoder.encode(plaintext) : plaintext
    const body = wiping(subkey, () => gcm(subkey, nonce.subarray(12), context).encrypt(bytes))
    const committed = algorithmId === algorithmIds['KC-XAES-256-GCM']
    const token = new Uint8Array(bodyOffset + body.length + (committed ? commitmentLength : 0))
    for (let i = 0; i < headerLength; i++) token[i] = context[i] as number
    token.set(nonce, headerLength)
    token.set(body, bodyOffset)
    if (committed) token.set(commitment, bodyOffset + body.length)
    return toBase64url(token)
  }

  open(algorithmId: number, context: Uint8Array, token: Uint8Array): Uint8Array | undefined {
    const { subkey, commitment } = this.#derive(token.subarray(headerLength, bodyOffset))
    const committed = algorithmId === algorithmIds['KC-XAES-256-GCM']
    const end = committed ? token.length - commitmentLength : token.length
    try {
      if (committed && !equalBytes(commitment, token.subarray(end))) return undefined
      return gcm(subkey, token.subarray(headerLength + 12, bodyOffset), context).decrypt(
        token.subarray(bodyOffset, end),
      )
    } catch {
      return undefined
    } finally {
      subkey.fill(0)
    }
  }

  commits(token: Uint8Array): boolean {
    const { subkey, commitment } = this.#derive(token.subarray(headerLength, bodyOffset))
    subkey.fill(0)
    return equalBytes(commitment, token.subarray(token.length - commitmentLength))
  }

  destroy(): void {
    this.#destroyed = true
    this.#key.fill(0)
    this.#k1.fill(0)
  }

  /** Of no use after `destroy()`: with its key overwritten it would seal under a key that everybody knows. */
  #derive(nonce: Uint8Array): { subkey: Uint8Array; commitment: Uint8Array } {
    if (this.#destroyed) throw new Error('the key was destroyed')
    const first = new Uint8Array(firstPassLength)
    writeFirstPass(first, 0, nonce, 0, this.#k1)
    const blocks = this.#encryptBlocks(first)
    const second = new Uint8Array(secondPassLength)
    writeSecondPass(second, 0, nonce, 0, blocks, 32, this.#k1)
    return { subkey: blocks.subarray(0, 32), commitment: this.#encryptBlocks(second) }
  }

  #encryptBlocks(blocks: Uint8Array): Uint8Array {
    return ecb(this.#key, { disablePadding: true }).encrypt(blocks)
  }
}

function wiping<T>(secret: Uint8Array, work: () => T): T {
  try {
    return work()
  } finally {
    secret.fill(0)
  }
}

/** Web Crypto refuses more than 64 KiB at once. */
function webRandom(target: Uint8Array): void {
  for (let at = 0; at < target.length; at += 65_536) {
    globalThis.crypto.getRandomValues(target.subarray(at, at + 65_536) as Uint8Array<ArrayBuffer>)
  }
}

function readUtf8(bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes)
  } catch {
    return undefined
  }
}
