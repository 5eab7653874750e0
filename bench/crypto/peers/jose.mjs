import { CompactEncrypt, compactDecrypt } from 'jose'

/** jose, a compact JWE with a direct key that was imported once. The protected header is its only context. */
export async function jose() {
  const key = await crypto.subtle.generateKey({ name: 'AES-GCM', length: 256 }, false, ['encrypt', 'decrypt'])
  return {
    async: true,
    seal: (text) =>
      new CompactEncrypt(Buffer.from(text)).setProtectedHeader({ alg: 'dir', enc: 'A256GCM' }).encrypt(key),
    open: async (sealed) => Buffer.from((await compactDecrypt(sealed, key)).plaintext).toString(),
  }
}
