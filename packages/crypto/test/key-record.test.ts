import { describe, expect, it, test } from 'vitest'
import { inspect } from 'node:util'
import type { KeyContext } from '@mosaajii/crypto'
import { decodeKeyRecord, encodeKeyRecord, keyLength } from '../src/key-record.ts'
import { thrown } from './support/keyrings.ts'

const context: KeyContext = { keyring: 'main', purpose: 'data', version: 258 }
const key = Uint8Array.from({ length: 32 }, (_, i) => 0xa0 + i)

describe('a key record', () => {
  it('has this layout', () => {
    const record = Buffer.from(encodeKeyRecord(context, key))
    const expected = [
      Buffer.from('MSJK1').toString('hex'),
      '01', // purpose: data
      '01', // algorithm: the XAES family
      '00000102', // version, big-endian
      '04', // length of the id
      Buffer.from('main').toString('hex'),
      Buffer.from(key).toString('hex'),
    ]
    expect(record.toString('hex')).toBe(expected.join(''))
  })

  it('fits what providers take, at the longest id', () => {
    expect(encodeKeyRecord({ ...context, keyring: 'a'.repeat(64) }, key).length).toBeLessThanOrEqual(512)
  })

  it('gives back a copy of its key', () => {
    const record = encodeKeyRecord(context, key)
    const decoded = decodeKeyRecord(context, record)
    record.fill(0)
    expect(decoded).toEqual(key)
    expect(decoded.length).toBe(keyLength)
  })

  test.each<[string, Partial<KeyContext>]>([
    ['another keyring', { keyring: 'mainx' }],
    ['a keyring of the same length', { keyring: 'mail' }],
    ['the index key', { purpose: 'index' }],
    ['another version', { version: 259 }],
    ['a version that ends alike', { version: 2 }],
    ['the highest version', { version: 0xffffffff }],
  ])('is not taken for %s', (_, other) => {
    const error = thrown(() => decodeKeyRecord({ ...context, ...other }, encodeKeyRecord(context, key)))
    expect(error).toMatchObject({ code: 'KEY_PROVIDER_FAILED', status: 503 })
    expect(inspect(error, { showHidden: true, depth: 10 })).not.toMatch(/a0a1|160, 161|oKGi/)
  })

  it('gives no view of memory that is not its own, as a slice of a Buffer would be', () => {
    const record = Buffer.from(encodeKeyRecord(context, key))
    const decoded = decodeKeyRecord(context, record)
    record.fill(0)
    expect(decoded).toEqual(key)
  })

  it('with an empty key is refused: something was overwritten too early', () => {
    const error = thrown(() => decodeKeyRecord(context, encodeKeyRecord(context, new Uint8Array(32))))
    expect(error.code).toBe('KEY_PROVIDER_FAILED')
    const last = new Uint8Array(32)
    last[31] = 1
    expect(decodeKeyRecord(context, encodeKeyRecord(context, last))).toEqual(last)
  })

  it('is refused with any bit of its prefix changed, and at any other length', () => {
    const record = encodeKeyRecord(context, key)
    for (let bit = 0; bit < (record.length - keyLength) * 8; bit++) {
      const changed = record.slice()
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      expect(thrown(() => decodeKeyRecord(context, changed)).code, `bit ${bit}`).toBe('KEY_PROVIDER_FAILED')
    }
    for (let length = 0; length <= record.length + 40; length++) {
      if (length === record.length) continue
      const other = new Uint8Array(length)
      other.set(record.subarray(0, length))
      expect(thrown(() => decodeKeyRecord(context, other)).code, `${length} bytes`).toBe('KEY_PROVIDER_FAILED')
    }
  })
})
