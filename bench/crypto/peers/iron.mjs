import { randomBytes } from 'node:crypto'
import { defaults, seal, unseal } from 'iron-webcrypto'

/** iron-webcrypto with raw keys, which spares it the PBKDF2 of a password. AES-256-CBC and HMAC, no context. */
export function iron() {
  const keys = { id: 'a', encryption: new Uint8Array(randomBytes(32)), integrity: new Uint8Array(randomBytes(32)) }
  const byId = { a: keys }
  return {
    async: true,
    seal: (text) => seal(text, keys, defaults),
    open: (sealed) => unseal(sealed, byId, defaults),
  }
}
