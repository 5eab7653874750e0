import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Fingerprint } from '../src/fingerprint.ts'

const key = Uint8Array.from({ length: 16 }, (_, i) => i)

describe('Fingerprint', () => {
  it('is SipHash-2-4: appendix A of the paper, whose message is the bytes 00 to 0e', () => {
    // Our first byte tells the width of the characters, so only messages that begin with 01 or 02 can be asked for: the reference vectors begin with 00.
    const fingerprint = new Fingerprint(key)
    fingerprint.hash('')
    expect(wordsOf(fingerprint)).toEqual(reference(Uint8Array.of(1)))
    expect(reference(Uint8Array.from({ length: 15 }, (_, i) => i))).toEqual([0xa129ca61, 0x49be45e5])
  })

  it('agrees with SipHash written in BigInt', () => {
    const fingerprint = new Fingerprint(key)
    fc.assert(
      fc.property(fc.string({ maxLength: 40, unit: 'binary' }), (text) => {
        fingerprint.hash(text)
        expect(wordsOf(fingerprint)).toEqual(reference(bytesOf(text)))
        const digits = wordsOf(fingerprint).map((word) => word.toString(16).padStart(8, '0'))
        expect(fingerprint.hex(text)).toBe(digits.join(''))
      }),
    )
  })

  it('tells lone surrogates, widths and lengths apart', () => {
    const fingerprint = new Fingerprint()
    const texts = [
      '',
      '\0',
      '\0\0',
      'a',
      'a\0',
      '\u6100',
      '\ud800',
      '\ud801',
      '\udc00',
      '\ufffd',
      'é',
      '\u0101',
      '\x01\x01',
    ]
    texts.push('x'.repeat(511), 'x'.repeat(512), 'x'.repeat(5000), `${'x'.repeat(4999)}\u0101`)
    const all = [...texts, ...texts].map((text) => fingerprint.hex(text))
    expect(new Set(all).size).toBe(texts.length)
    expect(all.slice(texts.length)).toEqual(all.slice(0, texts.length))
  })

  it('draws another key for each, and copies one that is given', () => {
    expect(new Fingerprint().hex('till')).not.toBe(new Fingerprint().hex('till'))
    const given = Uint8Array.from(key)
    const fingerprint = new Fingerprint(given)
    const before = fingerprint.hex('till')
    given.fill(0)
    expect(fingerprint.hex('till')).toBe(before)
    expect(new Fingerprint(key).hex('till')).toBe(before)
  })

  it('keeps the keys of several apart that take turns', () => {
    const one = new Fingerprint(key)
    const other = new Fingerprint(key.toReversed())
    const alone = [one.hex('till'), one.hex('stock'), other.hex('till'), other.hex('stock')]
    expect(new Set(alone).size).toBe(4)
    expect([one.hex('till'), other.hex('till'), one.hex('stock'), other.hex('stock')]).toEqual([
      alone[0],
      alone[2],
      alone[1],
      alone[3],
    ])
    one.hash('till')
    expect(wordsOf(one)).toEqual(reference(bytesOf('till')))
  })

  it('hashes texts of any length', () => {
    const fingerprint = new Fingerprint(key)
    for (const length of [655_000, 1_000_000]) {
      const text = 'x'.repeat(length)
      fingerprint.hash(text)
      expect(wordsOf(fingerprint)).toEqual(reference(bytesOf(text)))
    }
  })

  it('refuses a key that is not 16 bytes', () => {
    for (const wrong of [new Uint8Array(15), new Uint8Array(17), [1], 'sixteen bytes, no', null]) {
      expect(() => new Fingerprint(wrong as Uint8Array)).toThrow('Fingerprint: give a key of 16 bytes')
    }
  })
})

function wordsOf({ high, low }: Fingerprint): [high: number, low: number] {
  return [high >>> 0, low >>> 0]
}

function bytesOf(text: string): Uint8Array {
  const units = Array.from({ length: text.length }, (_, i) => text.charCodeAt(i))
  if (units.every((unit) => unit < 256)) return Uint8Array.from([1, ...units])
  return Uint8Array.from([2, ...units.flatMap((unit) => [unit & 0xff, unit >> 8])])
}

/** SipHash-2-4 as the paper writes it, under the key 00 to 0f. */
function reference(message: Uint8Array): [high: number, low: number] {
  const word = (bytes: Uint8Array): bigint => bytes.reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n)
  const k0 = word(key.subarray(0, 8))
  const k1 = word(key.subarray(8))
  let v0 = k0 ^ 0x736f6d6570736575n
  let v1 = k1 ^ 0x646f72616e646f6dn
  let v2 = k0 ^ 0x6c7967656e657261n
  let v3 = k1 ^ 0x7465646279746573n
  const rotate = (x: bigint, by: bigint): bigint => BigInt.asUintN(64, x << by) | (x >> (64n - by))
  const add = (a: bigint, b: bigint): bigint => BigInt.asUintN(64, a + b)
  const round = (): void => {
    v0 = add(v0, v1)
    v1 = rotate(v1, 13n) ^ v0
    v0 = rotate(v0, 32n)
    v2 = add(v2, v3)
    v3 = rotate(v3, 16n) ^ v2
    v0 = add(v0, v3)
    v3 = rotate(v3, 21n) ^ v0
    v2 = add(v2, v1)
    v1 = rotate(v1, 17n) ^ v2
    v2 = rotate(v2, 32n)
  }
  const padded = new Uint8Array(message.length + 8 - (message.length % 8))
  padded.set(message)
  padded[padded.length - 1] = message.length
  for (let i = 0; i < padded.length; i += 8) {
    const m = word(padded.subarray(i, i + 8))
    v3 ^= m
    round()
    round()
    v0 ^= m
  }
  v2 ^= 0xffn
  for (let i = 0; i < 4; i++) round()
  const hash = v0 ^ v1 ^ v2 ^ v3
  return [Number(hash >> 32n), Number(hash & 0xffffffffn)]
}
