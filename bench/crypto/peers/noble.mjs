import { randomBytes } from 'node:crypto'
import { gcm } from '@noble/ciphers/aes.js'
import { nonceSource } from './raw.mjs'

/** The same bare primitive on @noble/ciphers: pure JavaScript, what the portable engine is built on. */
export function noble(aadLength) {
  const key = new Uint8Array(randomBytes(32))
  const aad = new Uint8Array(randomBytes(aadLength))
  const nonces = nonceSource()
  return {
    seal(text) {
      const nonce = nonces()
      return Buffer.concat([nonce, gcm(key, nonce, aad).encrypt(Buffer.from(text))]).toString('base64url')
    },
    open(sealed) {
      const bytes = Buffer.from(sealed, 'base64url')
      return Buffer.from(gcm(key, bytes.subarray(0, 12), aad).decrypt(bytes.subarray(12))).toString()
    },
  }
}
