import { randomBytes } from 'node:crypto'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fromBlock, ghash, inverse, multiply, one, power, toBlock } from './support/gf128.ts'
import { aesBlock, commitment, gcmOpen, gcmSeal, xaesOpen, xaesSubkey } from './support/kc-xaes-reference.ts'
import { salamander } from './support/salamander.ts'

const hex = (text: string) => Buffer.from(text, 'hex')
const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })

describe('GF(2^128)', () => {
  const element = fc.bigInt({ min: 0n, max: (1n << 128n) - 1n })

  // The GCM specification of McGrew and Viega, test case 2, which NIST SP 800-38D refers to.
  it('has the products of the GCM specification', () => {
    const h = fromBlock(hex('66e94bd4ef8a2c3b884cfa59ca342b2e'))
    const c = fromBlock(hex('0388dace60b6a392f328c2b971b2fe78'))
    expect(toBlock(multiply(c, h)).toString('hex')).toBe('5e2ec746917062882c85b0685353deb7')
    expect(toBlock(ghash(h, hex(''), toBlock(c))).toString('hex')).toBe('f38cbb1ad69223dcc3457ae5b6b0f885')
  })

  it('is a field', () => {
    fc.assert(
      fc.property(element, element, element, (a, b, c) => {
        expect(multiply(a, b)).toBe(multiply(b, a))
        expect(multiply(a, multiply(b, c))).toBe(multiply(multiply(a, b), c))
        expect(multiply(a, b ^ c)).toBe(multiply(a, b) ^ multiply(a, c))
        expect(multiply(a, one)).toBe(a)
        expect(power(a, 3n)).toBe(multiply(a, multiply(a, a)))
        expect(multiply(a || one, inverse(a || one))).toBe(one)
      }),
      { numRuns: 50 },
    )
    expect(() => inverse(0n)).toThrow(RangeError)
  })

  it('gives the tags of node:crypto', () => {
    fc.assert(
      fc.property(
        bytes(32),
        bytes(12),
        fc.uint8Array({ maxLength: 50 }),
        fc.uint8Array({ maxLength: 50 }),
        (...given) => {
          const [key, nonce, aad, plaintext] = given
          const { ciphertext, tag } = gcmSeal({ key, nonce, aad }, plaintext)
          const mask = fromBlock(aesBlock(key, Buffer.concat([nonce, hex('00000001')])))
          const hashKey = fromBlock(aesBlock(key, new Uint8Array(16)))
          expect(toBlock(mask ^ ghash(hashKey, aad, ciphertext))).toEqual(tag)
        },
      ),
      { numRuns: 50 },
    )
  })
})

describe('salamander', () => {
  it('node:crypto opens one ciphertext under both keys, whatever the nonce and each AAD', () => {
    const aad = fc.uint8Array({ maxLength: 70 })
    fc.assert(
      fc.property(bytes(32), bytes(32), bytes(12), aad, aad, (keyA, keyB, nonce, aadA, aadB) => {
        fc.pre(!Buffer.from(keyA).equals(keyB))
        const { ciphertext, tag } = salamander({ keyA, keyB, nonce, aadA, aadB })
        const openedA = gcmOpen({ key: keyA, nonce, aad: aadA }, ciphertext, tag)
        const openedB = gcmOpen({ key: keyB, nonce, aad: aadB }, ciphertext, tag)
        expect(openedA).toHaveLength(16)
        expect(openedB).not.toEqual(openedA)
      }),
      { numRuns: 30 },
    )
  })

  it('shows each key the text that its maker wished', () => {
    const [keyA, keyB, nonce] = [randomBytes(32), randomBytes(32), randomBytes(12)]
    const [textA, textB] = [Buffer.from('ada@example.com approved'), Buffer.from('mallory@example.com')]
    const { ciphertext, tag } = salamander({ keyA, keyB, nonce, textA, textB })
    expect(ciphertext).toHaveLength(32 + 32 + 16)
    expect(gcmOpen({ key: keyA, nonce }, ciphertext, tag).subarray(0, textA.length)).toEqual(textA)
    expect(gcmOpen({ key: keyB, nonce }, ciphertext, tag).subarray(32, 32 + textB.length)).toEqual(textB)
  })

  it('is no accident: a changed byte opens under neither key', () => {
    const [keyA, keyB, nonce] = [randomBytes(32), randomBytes(32), randomBytes(12)]
    const { ciphertext, tag } = salamander({ keyA, keyB, nonce })
    for (let at = 0; at < ciphertext.length; at++) {
      const changed = Buffer.from(ciphertext)
      changed[at] = (changed[at] ?? 0) ^ 1
      for (const key of [keyA, keyB]) expect(() => gcmOpen({ key, nonce }, changed, tag)).toThrow(/authenticate/)
    }
  })

  it('works against plain XAES-256-GCM, and two keys have two commitments', () => {
    const [keyA, keyB, nonce] = [randomBytes(32), randomBytes(32), randomBytes(24)]
    const aad = Buffer.from('one row')
    const { ciphertext, tag } = salamander({
      keyA: xaesSubkey(keyA, nonce),
      keyB: xaesSubkey(keyB, nonce),
      nonce: nonce.subarray(12),
      aadA: aad,
      aadB: aad,
    })
    const openedA = xaesOpen({ key: keyA, nonce, aad }, ciphertext, tag)
    expect(xaesOpen({ key: keyB, nonce, aad }, ciphertext, tag)).not.toEqual(openedA)
    expect(commitment(keyA, nonce)).not.toEqual(commitment(keyB, nonce))
  })

  it('refuses one key given twice, and a nonce of another length', () => {
    const key = randomBytes(32)
    expect(() => salamander({ keyA: key, keyB: key, nonce: randomBytes(12) })).toThrow(/two different keys/)
    expect(() => salamander({ keyA: key, keyB: randomBytes(32), nonce: randomBytes(24) })).toThrow(/12 bytes/)
  })
})
