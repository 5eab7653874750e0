import { createCipheriv, createDecipheriv, createSecretKey, randomBytes, randomFillSync } from 'node:crypto'

const NONCE = 12
const TAG = 16
const OPTIONS = { authTagLength: TAG }

/**
 * The bare primitive, written as well as it can be: AES-256-GCM under one KeyObject, nonces from a pool, one AAD that is ready-made (it
 * has the length of ours, but nobody had to build it), one reused buffer, text in and text out. It has no subkey a message, no
 * commitment, no rotation, no checks of its input: what is left is what any field encryption on node:crypto must pay.
 *
 * @param {number} aadLength bytes
 */
export function raw(aadLength) {
  const key = createSecretKey(randomBytes(32))
  const aad = randomBytes(aadLength)
  const nonces = nonceSource()
  const scratch = Buffer.allocUnsafeSlow(65536 + NONCE + TAG)
  return {
    seal(text) {
      const nonce = nonces()
      const cipher = createCipheriv('aes-256-gcm', key, nonce, OPTIONS)
      cipher.setAAD(aad)
      const ciphertext = cipher.update(text, 'utf8')
      cipher.final()
      scratch.set(nonce, 0)
      scratch.set(ciphertext, NONCE)
      scratch.set(cipher.getAuthTag(), NONCE + ciphertext.length)
      return scratch.base64urlSlice(0, NONCE + ciphertext.length + TAG)
    },
    open(sealed) {
      const end = scratch.base64urlWrite(sealed, 0, scratch.length) - TAG
      const decipher = createDecipheriv('aes-256-gcm', key, scratch.subarray(0, NONCE), OPTIONS)
      decipher.setAAD(aad)
      decipher.setAuthTag(scratch.subarray(end, end + TAG))
      const bytes = decipher.update(scratch.subarray(NONCE, end))
      decipher.final()
      return bytes.utf8Slice(0, bytes.length)
    },
  }
}

/** Nonces of 12 random bytes, drawn 1,024 at a time. */
export function nonceSource() {
  const pool = Buffer.allocUnsafeSlow(NONCE * 1024)
  let at = pool.length
  return () => {
    if (at === pool.length) {
      randomFillSync(pool)
      at = 0
    }
    at += NONCE
    return pool.subarray(at - NONCE, at)
  }
}
