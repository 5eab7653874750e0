import { shake128 } from '@noble/hashes/sha3.js'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Engine, EngineName, RandomSource } from '../src/engines/engine.ts'
import { nativeEngine } from '../src/engines/native.ts'
import { selectEngine } from '../src/engines/select.ts'
import { algorithmIds } from '../src/format.ts'
import { commitment, kcXaesSeal } from './support/kc-xaes-reference.ts'
import { flipBit, seededRandom } from './support/random.ts'

const committed = algorithmIds['KC-XAES-256-GCM']
const plain = algorithmIds['XAES-256-GCM']
const empty = new Uint8Array(0)
const utf8 = (text: string) => Buffer.from(text, 'utf8')

/** Seals one message under a nonce of our choice and returns ciphertext, tag and commitment. */
function sealBody(
  name: EngineName,
  algorithmId: number,
  key: Uint8Array,
  nonce: Uint8Array,
  aad: Uint8Array,
  text: Uint8Array,
) {
  const engine = selectEngine(name, repeated(nonce))
  const token = engine.decodeBase64url(engine.cipher(key).seal(algorithmId, aad, text)) as Uint8Array
  return Buffer.from(token.subarray(30)).toString('hex')
}

function repeated(nonce: Uint8Array): RandomSource {
  return (target) => {
    for (let i = 0; i < target.length; i++) target[i] = nonce[i % nonce.length] as number
  }
}

describe.each(['native', 'portable'] as const)('the %s engine', (name) => {
  const alphabet = utf8('ABCDEFGHIJKLMNOPQRSTUVWX')
  const url = utf8('c2sp.org/XAES-256-GCM')

  // https://c2sp.org/XAES-256-GCM, test vectors
  it('gives the vectors of the XAES-256-GCM specification', () => {
    const text = utf8('XAES-256-GCM')
    expect(sealBody(name, plain, Buffer.alloc(32, 1), alphabet, empty, text)).toBe(
      'ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271',
    )
    expect(sealBody(name, plain, Buffer.alloc(32, 3), alphabet, url, text)).toBe(
      '986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d',
    )
  })

  it('gives the accumulated vector of the specification, 10,000 messages', () => {
    const source = shake128.create()
    const digest = shake128.create({ dkLen: 32 })
    for (let i = 0; i < 10_000; i++) {
      const [key, nonce] = [source.xof(32), source.xof(24)]
      const text = source.xof(source.xof(1)[0] as number)
      const aad = source.xof(source.xof(1)[0] as number)
      digest.update(Buffer.from(sealBody(name, plain, key, nonce, aad, text), 'hex'))
    }
    expect(Buffer.from(digest.digest()).toString('hex')).toBe(
      'e6b9edf2df6cec60c8cbd864e2211b597fb69a529160cd040d56c0c210081939',
    )
  })

  // Kampanakis et al., eprint 2025/758, as AWS-LC ships it
  it.each([
    {
      key: Buffer.alloc(32, 1),
      nonce: Buffer.alloc(24, 0x42),
      text: Buffer.from('48656c6c6f2c20584145532d3235362d47434d21', 'hex'),
      aad: empty,
      body: '01e5f78bc99de880bd2eeff2870d361f0eab5b2fc55268f34b14045878fe3668db980319bf37571be1b43aeca64a95d99a2f162e24f8bfd79bbb71fa7d943e6fc060a8ae',
    },
    {
      key: Buffer.alloc(32, 1),
      nonce: alphabet,
      text: utf8('XAES-256-GCM'),
      aad: empty,
      body: 'ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e227104076b6085eebab138855fe57811c04112eff989d44120dfff662d5475a383c3',
    },
    {
      key: Buffer.alloc(32, 3),
      nonce: alphabet,
      text: utf8('XAES-256-GCM'),
      aad: url,
      body: '986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d5553cd21d1592b422e3129632a3187eee8a658cdca5c5b32ce86308dcc18e9d1',
    },
  ])('gives the KC-XAES-256-GCM vector $body', ({ key, nonce, text, aad, body }) => {
    expect(sealBody(name, committed, key, nonce, aad, text)).toBe(body)
  })

  it('agrees with the reference for any message', () => {
    const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })
    fc.assert(
      fc.property(
        bytes(32),
        bytes(24),
        fc.uint8Array({ maxLength: 300 }),
        fc.uint8Array({ maxLength: 300 }),
        (key, nonce, aad, text) => {
          const { ciphertext, tag } = kcXaesSeal({ key, nonce, aad }, text)
          const body = Buffer.concat([ciphertext, tag, commitment(key, nonce)]).toString('hex')
          expect(sealBody(name, committed, key, nonce, aad, text)).toBe(body)
        },
      ),
    )
  })

  it('takes a fresh nonce for each message, over many batches', () => {
    const engine = selectEngine(name)
    const cipher = engine.cipher(Buffer.alloc(32, 7))
    const nonces = new Set<string>()
    for (let i = 0; i < 2000; i++) nonces.add(cipher.seal(committed, Buffer.alloc(60), 'x').slice(8, 40))
    expect(nonces.size).toBe(2000)
  })

  it('opens nothing of which one bit was changed', () => {
    const { engine, context, token, cipher } = sealed(name)
    for (let bit = 48; bit < token.length * 8; bit++)
      expect(cipher.open(committed, context, flipBit(token, bit))).toBeUndefined()
    for (let bit = 0; bit < context.length * 8; bit++)
      expect(cipher.open(committed, flipBit(context, bit), token)).toBeUndefined()
    expect(engine.readUtf8(cipher.open(committed, context, token) as Uint8Array)).toBe('a text of 22 bytes....')
  })

  it('knows its own commitments', () => {
    const { token, cipher, engine } = sealed(name)
    expect(cipher.commits(token)).toBe(true)
    expect(engine.cipher(Buffer.alloc(32, 9)).commits(token)).toBe(false)
    for (let bit = 0; bit < 256; bit++)
      expect(cipher.commits(flipBit(token, (token.length - 32) * 8 + bit))).toBe(false)
  })

  it('reads canonical base64url alone', () => {
    const engine = selectEngine(name)
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const text = engine.encodeBase64url(bytes)
        expect(text).toBe(Buffer.from(bytes).toString('base64url'))
        expect(Buffer.from(engine.decodeBase64url(text) as Uint8Array)).toEqual(Buffer.from(bytes))
      }),
    )
    for (const text of ['A', 'AB', 'AAB', 'AA==', 'A A', 'AA\n', '++', '//', 'é', 'AA\0', '😀', 'AAAAA']) {
      expect(engine.decodeBase64url(text), text).toBeUndefined()
    }
  })

  it('reads UTF-8 strictly and keeps a byte order mark', () => {
    const engine = selectEngine(name)
    expect(engine.readUtf8(utf8('\ufeffada'))).toBe('\ufeffada')
    for (const hex of ['ff', 'c080', 'eda080', 'f4908080', 'e282', '80']) {
      expect(engine.readUtf8(Buffer.from(hex, 'hex')), hex).toBeUndefined()
    }
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const target = engine.allocate(engine.utf8Length(text) + 3)
        expect(engine.writeUtf8(target, text, 3)).toBe(target.length - 3)
        expect(engine.readUtf8(target.subarray(3))).toBe(text)
      }),
    )
  })

  // RFC 5869 has no case without salt but A.3 (salt of zero length): IKM 0x0b x 22, info empty, first 32 bytes
  it('derives as RFC 5869 test case 3 says', () => {
    const derived = selectEngine(name).derive(Buffer.alloc(22, 0x0b), empty)
    expect(Buffer.from(derived).toString('hex')).toBe(
      '8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d',
    )
  })

  // RFC 4231 test cases 1 and 2
  it.each([
    [Buffer.alloc(20, 0x0b), 'Hi There', 'b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7'],
    [utf8('Jefe'), 'what do ya want for nothing?', '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843'],
  ])('computes HMAC-SHA-256 as RFC 4231 says', (key, text, hex) => {
    const hash = selectEngine(name).keyedHash(key)
    expect(Buffer.from(hash.bytes(text)).toString('hex')).toBe(hex)
    expect(Buffer.from(hash.base64url(text), 'base64url').toString('hex')).toBe(hex)
  })
})

/** One sealed message. The token is a copy, because an engine decodes into the same memory each time. */
function sealed(name: EngineName) {
  const engine = selectEngine(name)
  const cipher = engine.cipher(Buffer.alloc(32, 7))
  const context = engine.allocate(40)
  const token = Buffer.from(
    engine.decodeBase64url(cipher.seal(committed, context, 'a text of 22 bytes....')) as Uint8Array,
  )
  return { engine, cipher, context, token }
}

describe('both engines', () => {
  it('give the same token for the same nonce on 10,000 random inputs', () => {
    const random = seededRandom(20260101)
    const engines = (['native', 'portable'] as const).map((name) => selectEngine(name, seededRandom(7)))
    const key = new Uint8Array(32)
    let ciphers = engines.map((engine) => engine.cipher(key))
    for (let i = 0; i < 10_000; i++) {
      if (i % 320 === 0) {
        random(key)
        ciphers = engines.map((engine) => engine.cipher(key))
      }
      const lengths = new Uint8Array(3)
      random(lengths)
      const context = new Uint8Array(6 + (lengths[0] as number))
      const text = new Uint8Array((lengths[1] as number) * (i % 100 === 0 ? 64 : 1))
      random(context)
      random(text)
      const [a, b] = ciphers.map((cipher) => cipher.seal(((lengths[2] as number) & 1) + 1, context, text))
      expect(a).toBe(b)
    }
  })

  it('open what the other sealed', () => {
    const [native, portable] = (['native', 'portable'] as const).map((name) => selectEngine(name)) as [Engine, Engine]
    const key = Buffer.alloc(32, 3)
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary' }),
        fc.uint8Array({ minLength: 6, maxLength: 90 }),
        fc.constantFrom(1, 2),
        (text, context, id) => {
          for (const [a, b] of [
            [native, portable],
            [portable, native],
          ] as const) {
            const token = b.decodeBase64url(a.cipher(key).seal(id, context, text)) as Uint8Array
            expect(b.readUtf8(b.cipher(key).open(id, context, token) as Uint8Array)).toBe(text)
          }
        },
      ),
    )
  })
})

describe('choosing an engine', () => {
  it('takes the native one where there is node:crypto', () => {
    expect(selectEngine().name).toBe('native')
    expect(selectEngine('portable').name).toBe('portable')
    expect(() => selectEngine('fast' as EngineName)).toThrow(RangeError)
  })

  it('takes the portable one where there is none', () => {
    const load = process.getBuiltinModule
    try {
      Object.assign(process, { getBuiltinModule: undefined })
      expect(nativeEngine()).toBeUndefined()
      expect(selectEngine().name).toBe('portable')
      expect(() => selectEngine('native')).toThrow(/portable/)
    } finally {
      Object.assign(process, { getBuiltinModule: load })
    }
  })
})
