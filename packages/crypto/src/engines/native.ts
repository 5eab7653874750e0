import { maxTokenLength } from '../format.ts'
import type { Engine, RandomSource } from './engine.ts'
import { NativeCipher } from './native-cipher.ts'

type NodeCrypto = typeof import('node:crypto')
type NodeBuffer = typeof import('node:buffer')

/** The engine on `node:crypto`, or `undefined` where the runtime has none (a feature test, so that bundlers for Workers do not choke). */
export function nativeEngine(random?: RandomSource): Engine | undefined {
  const { process } = globalThis
  const crypto = process?.getBuiltinModule?.('node:crypto')
  const buffer = process?.getBuiltinModule?.('node:buffer')
  if (!crypto?.createCipheriv || !buffer?.isUtf8) return undefined
  return makeEngine(crypto, buffer, random ?? ((target) => void crypto.randomFillSync(target)))
}

function makeEngine(crypto: NodeCrypto, { Buffer, isUtf8 }: NodeBuffer, random: RandomSource): Engine {
  // Each holds one token at a time: ciphertext only, never a plaintext or a key.
  const decoded = Buffer.alloc(maxTokenLength)
  const token = Buffer.alloc(maxTokenLength)
  const view = (bytes: Uint8Array) =>
    bytes instanceof Buffer ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  return {
    name: 'native',
    cipher: (key) => new NativeCipher(crypto, (length) => Buffer.alloc(length), random, token, key),
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
