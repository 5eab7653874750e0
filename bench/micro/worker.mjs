// What one step of a seal or an open costs on this Node. `utf8Write`, `base64urlSlice` and their like are on Buffer.prototype of every
// Node, Bun and Deno, though they are not documented.
import crypto from 'node:crypto'
import { isUtf8 } from 'node:buffer'
import { serve } from '../lib/worker.mjs'

const raw = crypto.randomBytes(32)
const keyObject = crypto.createSecretKey(raw)
const nonce = crypto.randomBytes(12)
const aad = crypto.randomBytes(120)
const text = 'ada.lovelace@example.com'
const textBytes = Buffer.from(text)
const longText = 'Ada Lovelace, 12 St James Square. '.repeat(30).slice(0, 1024)
const longBytes = Buffer.from(longText)
const uuid = crypto.randomUUID()
const sealed102 = crypto.randomBytes(102)
const token102 = sealed102.toString('base64url')
const hash32 = crypto.randomBytes(32)
const hash32b = Buffer.from(hash32)
const parts = [crypto.randomBytes(30), crypto.randomBytes(24), crypto.randomBytes(16), crypto.randomBytes(32)]
const scratch = Buffer.allocUnsafeSlow(4096)
const tag16 = { authTagLength: 16 }
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const encoder = new TextEncoder()

const ecbStream = () => crypto.createCipheriv('aes-256-ecb', raw, null).setAutoPadding(false)
const ecb = ecbStream()
const ecbKeyObject = crypto.createCipheriv('aes-256-ecb', keyObject, null).setAutoPadding(false)
const block16 = Buffer.alloc(16)
const block32 = Buffer.alloc(32)
const block48 = Buffer.alloc(48)
const block64 = Buffer.alloc(64)
const block1536 = Buffer.alloc(1536)
const ecbString = Buffer.alloc(96).toString('latin1')

const sealedParts = (() => {
  const c = crypto.createCipheriv('aes-256-gcm', raw, nonce, tag16)
  c.setAAD(aad)
  const ciphertext = Buffer.concat([c.update(text, 'utf8'), c.final()])
  return { ciphertext, tag: c.getAuthTag() }
})()

function gcmSeal(key) {
  const c = crypto.createCipheriv('aes-256-gcm', key, nonce, tag16)
  c.setAAD(aad)
  const out = c.update(text, 'utf8')
  c.final()
  c.getAuthTag()
  return out
}
function gcmOpen(key) {
  const d = crypto.createDecipheriv('aes-256-gcm', key, nonce, tag16)
  d.setAAD(aad)
  d.setAuthTag(sealedParts.tag)
  const out = d.update(sealedParts.ciphertext)
  d.final()
  return out
}
const upTo = (step) => () => {
  const c = crypto.createCipheriv('aes-256-gcm', keyObject, nonce, tag16)
  if (step > 0) c.setAAD(aad)
  if (step > 1) c.update(text, 'utf8')
  if (step > 2) c.final()
  if (step > 3) c.getAuthTag()
}
const upToOpen = (step) => () => {
  const d = crypto.createDecipheriv('aes-256-gcm', keyObject, nonce, tag16)
  if (step > 0) d.setAAD(aad)
  if (step > 1) d.setAuthTag(sealedParts.tag)
  if (step > 2) d.update(sealedParts.ciphertext)
  if (step > 3) d.final()
}
const pool = crypto.randomBytes(8192)
let poolAt = 0
const pooled = (n) => {
  if (poolAt + n > pool.length) {
    crypto.randomFillSync(pool)
    poolAt = 0
  }
  const out = pool.subarray(poolAt, poolAt + n)
  poolAt += n
  return out
}

// Results are kept in `sink` so that the optimiser can not drop the work.
let sink
const tasks = {
  'nothing (the loop itself)': () => {},
  'createCipheriv gcm, raw key': () => (sink = crypto.createCipheriv('aes-256-gcm', raw, nonce, tag16)),
  'createCipheriv gcm, KeyObject': () => (sink = crypto.createCipheriv('aes-256-gcm', keyObject, nonce, tag16)),
  'createCipheriv gcm, KeyObject, no options': () => (sink = crypto.createCipheriv('aes-256-gcm', keyObject, nonce)),
  'createSecretKey alone': () => (sink = crypto.createSecretKey(raw)),
  'createSecretKey + createCipheriv gcm': () =>
    (sink = crypto.createCipheriv('aes-256-gcm', crypto.createSecretKey(raw), nonce, tag16)),
  'createDecipheriv gcm, raw key': () => (sink = crypto.createDecipheriv('aes-256-gcm', raw, nonce, tag16)),
  'createDecipheriv gcm, KeyObject': () => (sink = crypto.createDecipheriv('aes-256-gcm', keyObject, nonce, tag16)),
  'createSecretKey + createDecipheriv gcm': () =>
    (sink = crypto.createDecipheriv('aes-256-gcm', crypto.createSecretKey(raw), nonce, tag16)),
  'whole gcm seal, raw key': () => (sink = gcmSeal(raw)),
  'whole gcm seal, KeyObject': () => (sink = gcmSeal(keyObject)),
  'whole gcm seal, createSecretKey each': () => (sink = gcmSeal(crypto.createSecretKey(raw))),
  'whole gcm open, raw key': () => (sink = gcmOpen(raw)),
  'whole gcm open, KeyObject': () => (sink = gcmOpen(keyObject)),
  'whole gcm open, createSecretKey each': () => (sink = gcmOpen(crypto.createSecretKey(raw))),
  'cumulative seal: create (KeyObject)': upTo(0),
  'cumulative seal: + setAAD 120': upTo(1),
  'cumulative seal: + update utf8 24': upTo(2),
  'cumulative seal: + final': upTo(3),
  'cumulative seal: + getAuthTag': upTo(4),
  'cumulative open: create (KeyObject)': upToOpen(0),
  'cumulative open: + setAAD 120': upToOpen(1),
  'cumulative open: + setAuthTag': upToOpen(2),
  'cumulative open: + update 24': upToOpen(3),
  'cumulative open: + final': upToOpen(4),
  'update: string utf8 24 (seal, no aad)': () => {
    const c = crypto.createCipheriv('aes-256-gcm', keyObject, nonce, tag16)
    sink = c.update(text, 'utf8')
  },
  'update: Buffer 24 (seal, no aad)': () => {
    const c = crypto.createCipheriv('aes-256-gcm', keyObject, nonce, tag16)
    sink = c.update(textBytes)
  },
  'update: Buffer 24, output as utf8 string': () => {
    const d = crypto.createDecipheriv('aes-256-gcm', keyObject, nonce, tag16)
    sink = d.update(sealedParts.ciphertext, undefined, 'utf8')
  },
  'ecb stream: create, raw key': () => (sink = ecbStream()),
  'ecb stream: create + update 48': () => (sink = ecbStream().update(block48)),
  'ecb stream: update 16': () => (sink = ecb.update(block16)),
  'ecb stream: update 32': () => (sink = ecb.update(block32)),
  'ecb stream: update 48': () => (sink = ecb.update(block48)),
  'ecb stream: update 48 (KeyObject stream)': () => (sink = ecbKeyObject.update(block48)),
  'ecb stream: update 64': () => (sink = ecb.update(block64)),
  'ecb stream: update 1536': () => (sink = ecb.update(block1536)),
  'ecb stream: update 96 latin1 string': () => (sink = ecb.update(ecbString, 'latin1')),
  'hkdfSync 32': () => (sink = crypto.hkdfSync('sha256', raw, nonce, aad, 32)),
  'randomBytes 24': () => (sink = crypto.randomBytes(24)),
  'randomFillSync 4096': () => (sink = crypto.randomFillSync(scratch)),
  'pooled nonce 24 (8 KiB pool, subarray)': () => (sink = pooled(24)),
  'Buffer.concat of 4 (102 B)': () => (sink = Buffer.concat(parts)),
  'allocUnsafe(102) + 4 x set': () => {
    const out = Buffer.allocUnsafe(102)
    out.set(parts[0], 0)
    out.set(parts[1], 30)
    out.set(parts[2], 54)
    out.set(parts[3], 70)
    sink = out
  },
  'allocUnsafe(102) + 4 x copy': () => {
    const out = Buffer.allocUnsafe(102)
    parts[0].copy(out, 0)
    parts[1].copy(out, 30)
    parts[2].copy(out, 54)
    parts[3].copy(out, 70)
    sink = out
  },
  '4 x set into a fixed scratch': () => {
    scratch.set(parts[0], 0)
    scratch.set(parts[1], 30)
    scratch.set(parts[2], 54)
    scratch.set(parts[3], 70)
  },
  'byte loop, 24 B into a scratch': () => {
    const from = parts[1]
    for (let i = 0; i < 24; i++) scratch[i] = from[i]
  },
  'byte loop, 32 B into a scratch': () => {
    const from = parts[3]
    for (let i = 0; i < 32; i++) scratch[i] = from[i]
  },
  'fill(0) of 32 B': () => (sink = hash32b.fill.call(scratch, 0, 0, 32)),
  'byte loop zero of 32 B': () => {
    for (let i = 0; i < 32; i++) scratch[i] = 0
  },
  'allocUnsafe(102)': () => (sink = Buffer.allocUnsafe(102)),
  'new Uint8Array(102)': () => (sink = new Uint8Array(102)),
  'subarray of a Buffer': () => (sink = sealed102.subarray(30, 54)),
  'base64url encode 102 B (toString)': () => (sink = sealed102.toString('base64url')),
  'base64url encode 102 B (base64urlSlice of a scratch)': () => (sink = scratch.base64urlSlice(0, 102)),
  'latin1Slice 102 B of a scratch': () => (sink = scratch.latin1Slice(0, 102)),
  'base64url decode 136 chars (Buffer.from)': () => (sink = Buffer.from(token102, 'base64url')),
  'base64url decode 136 chars (base64urlWrite to a scratch)': () => (sink = scratch.base64urlWrite(token102, 0, 102)),
  'base64url decode 136 chars (write to a scratch)': () => (sink = scratch.write(token102, 0, 102, 'base64url')),
  'canonical check by re-encode of 102 B': () => (sink = sealed102.toString('base64url') === token102),
  'canonical check by regexp of 136 chars': () => (sink = /^[\w-]{136}$/.test(token102)),
  'canonical check by charCodeAt loop of 136 chars': () => {
    let bad = 0
    for (let i = 0; i < 136; i++) {
      const c = token102.charCodeAt(i)
      if (!((c >= 48 && c <= 57) || (c >= 65 && c <= 90) || (c >= 97 && c <= 122) || c === 45 || c === 95)) bad = 1
    }
    sink = bad
  },
  'timingSafeEqual 32': () => (sink = crypto.timingSafeEqual(hash32, hash32b)),
  'equality by xor loop of 32': () => {
    let diff = 0
    for (let i = 0; i < 32; i++) diff |= hash32[i] ^ hash32b[i]
    sink = diff === 0
  },
  'utf8Write 36 chars into a scratch': () => (sink = scratch.utf8Write(uuid, 4)),
  'latin1Write 36 chars into a scratch': () => (sink = scratch.latin1Write(uuid, 4)),
  'write(utf8) 36 chars into a scratch': () => (sink = scratch.write(uuid, 4)),
  'TextEncoder.encodeInto 36 chars': () => (sink = encoder.encodeInto(uuid, scratch)),
  'charCodeAt loop 36 chars into a scratch': () => {
    for (let i = 0; i < uuid.length; i++) scratch[i] = uuid.charCodeAt(i)
  },
  'Buffer.from(24 chars, utf8)': () => (sink = Buffer.from(text, 'utf8')),
  'Buffer.byteLength 24 chars': () => (sink = Buffer.byteLength(text)),
  writeUInt32BE: () => (sink = scratch.writeUInt32BE(36, 0)),
  readUInt32BE: () => (sink = sealed102.readUInt32BE(2)),
  'isUtf8 24 B': () => (sink = isUtf8(textBytes)),
  'isUtf8 1 KiB': () => (sink = isUtf8(longBytes)),
  'isWellFormed 24 chars': () => (sink = text.isWellFormed()),
  'isWellFormed 1 KiB': () => (sink = longText.isWellFormed()),
  'TextDecoder fatal 24 B': () => (sink = decoder.decode(textBytes)),
  'TextDecoder fatal 1 KiB': () => (sink = decoder.decode(longBytes)),
  'toString utf8 24 B': () => (sink = textBytes.toString('utf8')),
  'utf8Slice 24 B': () => (sink = textBytes.utf8Slice(0, 24)),
  'latin1Slice 24 B': () => (sink = textBytes.latin1Slice(0, 24)),
  'createHmac KeyObject, 24 chars, base64url': () =>
    (sink = crypto.createHmac('sha256', keyObject).update(text).digest('base64url')),
  'createHmac raw key, 24 chars, base64url': () =>
    (sink = crypto.createHmac('sha256', raw).update(text).digest('base64url')),
  'createHmac KeyObject, 24 chars, Buffer': () => (sink = crypto.createHmac('sha256', keyObject).update(text).digest()),
  'crypto.hash sha256 96 B, buffer':
    crypto.hash && (() => (sink = crypto.hash('sha256', scratch.subarray(0, 96), 'buffer'))),
  'createHash sha256 96 B': () => (sink = crypto.createHash('sha256').update(scratch.subarray(0, 96)).digest()),
  'HMAC as two crypto.hash':
    crypto.hash &&
    (() => {
      scratch.utf8Write(text, 64)
      const inner = crypto.hash('sha256', scratch.subarray(0, 88), 'buffer')
      scratch.set(inner, 192)
      sink = crypto.hash('sha256', scratch.subarray(128, 224), 'base64url')
    }),
  'normalize NFC 24 chars': () => (sink = text.normalize('NFC')),
  'toLowerCase 24 chars': () => (sink = text.toLowerCase()),
}

// crypto.hash came with Node 20.12 and 21.7.
const list = Object.entries(tasks)
  .filter(([, body]) => typeof body === 'function')
  .map(([name, body]) => ({ name, body }))
const pace = process.argv.includes('--quick')
  ? { rounds: 5, turns: 2, warmMs: 15, sliceMs: 1.5 }
  : { rounds: 15, turns: 4, warmMs: 40, sliceMs: 2 }
await serve([{ name: 'micro', tasks: list, ...pace }], { kept: typeof sink })
