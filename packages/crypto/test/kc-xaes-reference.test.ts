import { shake128 } from '@noble/hashes/sha3.js'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  cmacK1,
  cmacL,
  commitment,
  kcXaesOpen,
  kcXaesSeal,
  type ReferenceInput,
  xaesOpen,
  xaesSeal,
  xaesSubkey,
} from './support/kc-xaes-reference.ts'

const utf8 = (text: string) => Buffer.from(text, 'utf8')
const key = (byte: number) => Buffer.alloc(32, byte)
const alphabet = utf8('ABCDEFGHIJKLMNOPQRSTUVWX')
const name = utf8('XAES-256-GCM')
const url = utf8('c2sp.org/XAES-256-GCM')

// https://c2sp.org/XAES-256-GCM, test vectors
describe('the vectors of the XAES-256-GCM specification', () => {
  it.each([
    {
      input: { key: key(1), nonce: alphabet },
      l: '7298caa565031eadc6ce23d23ea66378',
      k1: 'e531954aca063d5b8d9c47a47d4cc6f0',
      subkey: 'c8612c9ed53fe43e8e005b828a1631a0bbcb6ab2f46514ec4f439fcfd0fa969b',
      result: 'ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271',
    },
    {
      input: { key: key(3), nonce: alphabet, aad: url },
      l: '91c08762876dccf9ba204a33768fa5fe',
      k1: '23810ec50edb99f374409466ed1f4b7b',
      subkey: 'e9c621d4cdd9b11b00a6427ad7e559aeedd66b3857646677748f8ca796cb3fd8',
      result: '986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d',
    },
  ])('of the key $l', ({ input, l, k1, subkey, result }) => {
    expect(cmacL(input.key).toString('hex')).toBe(l)
    expect(cmacK1(input.key).toString('hex')).toBe(k1)
    expect(xaesSubkey(input.key, input.nonce).toString('hex')).toBe(subkey)
    const { ciphertext, tag } = xaesSeal(input, name)
    expect(Buffer.concat([ciphertext, tag]).toString('hex')).toBe(result)
    expect(xaesOpen(input, ciphertext, tag)).toEqual(name)
  })

  it('accumulated over 10,000 messages', () => {
    expect(accumulated(10_000)).toBe('e6b9edf2df6cec60c8cbd864e2211b597fb69a529160cd040d56c0c210081939')
  })

  // Most of a minute, so only where somebody asks for all vectors.
  it.runIf(process.env['VECTORS'] === 'all')('accumulated over 1,000,000 messages', { timeout: 600_000 }, () => {
    expect(accumulated(1_000_000)).toBe('2163ae1445985a30b60585ee67daa55674df06901b890593e824b8a7c885ab15')
  })
})

/** One SHAKE-128 stream yields every input; a second one digests every result. */
function accumulated(messages: number): string {
  const source = shake128.create()
  const sink = shake128.create({ dkLen: 32 })
  const bytes = (length: number) => Uint8Array.from(source.xof(length))
  const counted = () => bytes(bytes(1)[0] ?? 0)
  for (let message = 0; message < messages; message++) {
    const [key, nonce, plaintext, aad] = [bytes(32), bytes(24), counted(), counted()]
    const { ciphertext, tag } = xaesSeal({ key, nonce, aad }, plaintext)
    sink.update(ciphertext).update(tag)
  }
  return Buffer.from(sink.digest()).toString('hex')
}

describe('the vectors of KC-XAES-256-GCM', () => {
  it.each([
    {
      input: { key: key(1), nonce: Buffer.alloc(24, 0x42) },
      plaintext: Buffer.from('48656c6c6f2c20584145532d3235362d47434d21', 'hex'),
      ciphertext: '01e5f78bc99de880bd2eeff2870d361f0eab5b2f',
      tag: 'c55268f34b14045878fe3668db980319',
      committed: 'bf37571be1b43aeca64a95d99a2f162e24f8bfd79bbb71fa7d943e6fc060a8ae',
    },
    {
      input: { key: key(1), nonce: alphabet },
      plaintext: name,
      ciphertext: 'ce546ef63c9cc60765923609',
      tag: 'b33a9a1974e96e52daf2fcf7075e2271',
      committed: '04076b6085eebab138855fe57811c04112eff989d44120dfff662d5475a383c3',
    },
    {
      input: { key: key(3), nonce: alphabet, aad: url },
      plaintext: name,
      ciphertext: '986ec1832593df5443a17943',
      tag: '7fd083bf3fdb41abd740a21f71eb769d',
      committed: '5553cd21d1592b422e3129632a3187eee8a658cdca5c5b32ce86308dcc18e9d1',
    },
  ])('with the commitment $committed', ({ input, plaintext, ciphertext, tag, committed }) => {
    const sealed = kcXaesSeal(input, plaintext)
    expect(sealed.ciphertext.toString('hex')).toBe(ciphertext)
    expect(sealed.tag.toString('hex')).toBe(tag)
    expect(sealed.commitment.toString('hex')).toBe(committed)
    expect(commitment(input.key, input.nonce)).toEqual(sealed.commitment)
    expect(kcXaesOpen(input, sealed.ciphertext, sealed.tag, sealed.commitment)).toEqual(plaintext)
  })
})

describe('the reference', () => {
  const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })
  const input: fc.Arbitrary<ReferenceInput> = fc.record({ key: bytes(32), nonce: bytes(24), aad: fc.uint8Array() })

  it('opens what it sealed', () => {
    fc.assert(
      fc.property(input, fc.uint8Array({ maxLength: 300 }), (input, plaintext) => {
        const { ciphertext, tag, commitment } = kcXaesSeal(input, plaintext)
        expect(kcXaesOpen(input, ciphertext, tag, commitment)).toEqual(Buffer.from(plaintext))
      }),
    )
  })

  it('opens nothing in which one bit was changed', () => {
    fc.assert(
      fc.property(input, fc.uint8Array({ maxLength: 40 }), fc.nat(), (input, plaintext, where) => {
        const { ciphertext, tag, commitment } = kcXaesSeal(input, plaintext)
        const all = Buffer.concat(
          [input.key, input.nonce, input.aad ?? [], ciphertext, tag, commitment].map(Buffer.from),
        )
        const at = where % (all.length * 8)
        all[at >> 3] = (all[at >> 3] ?? 0) ^ (1 << (at & 7))
        const [key, nonce, aad, body, tail, committed] = cut(
          all,
          32,
          24,
          input.aad?.length ?? 0,
          ciphertext.length,
          16,
          32,
        )
        expect(() => kcXaesOpen({ key, nonce, aad }, body, tail, committed)).toThrow(/commitment differs|authenticate/)
      }),
    )
  })
})

type Cut = [Buffer, Buffer, Buffer, Buffer, Buffer, Buffer]

function cut(bytes: Buffer, ...lengths: number[]): Cut {
  let at = 0
  return lengths.map((length) => bytes.subarray(at, (at += length))) as Cut
}
