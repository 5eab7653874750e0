import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { normalizers } from '../src/normalizers.ts'
import { openToken, sealToken } from './vectors/format.ts'
import { type FormatVectors, formatVectors } from './vectors/make.ts'
import { textOf } from './vectors/sealed.ts'

const file = readFileSync(new URL('../vectors/format-1.json', import.meta.url), 'utf8')
const { sealed, invalid, blindIndexes } = JSON.parse(file) as FormatVectors
const hex = (text: string) => Buffer.from(text, 'hex')

describe('format-1.json', () => {
  it('is what test/vectors/make.ts writes', () => {
    expect(JSON.parse(file)).toEqual(formatVectors())
  })

  it('is ASCII, and names each vector once', () => {
    expect(file).toMatch(/^[\n -~]+$/)
    for (const list of [sealed, invalid, blindIndexes])
      expect(new Set(list.map(({ name }) => name)).size).toBe(list.length)
  })

  it('covers both algorithms and every kind', () => {
    expect(new Set(sealed.map(({ algorithm, kind }) => `${algorithm} ${kind}`)).size).toBe(6)
  })
})

describe('a reader that knows no more than the description', () => {
  it.each(sealed)('opens: $name', (vector) => {
    const { algorithm, expiry = 1, plaintext, token, tokenSha256 } = vector
    const opening = { ...vector, key: hex(vector.key), algorithms: [algorithm], now: expiry - 1 }
    const made = token ?? again(vector)
    expect(openToken(made, opening)).toEqual({ opened: textOf(plaintext) })
    expect(token ?? createHash('sha256').update(made).digest('hex')).toBe(token ?? tokenSha256)
  })

  it.each(invalid)('does not open: $name ($why)', ({ key, token, why, ...vector }) => {
    expect(openToken(token, { ...vector, key: hex(key) })).toEqual({ refused: why })
  })

  it('gives row 7 one token, as a number and as text', () => {
    const [number, text, other] = sealed.filter(({ name }) => /^row 0*7/.test(name)).map(({ token }) => token)
    expect(text).toBe(number)
    expect(other).not.toBe(number)
  })

  it('finds the salamanders alive: plain XAES opens them under both keys, the commitment under one', () => {
    const plain = invalid.filter(({ name }) => name.startsWith('plain salamander'))
    expect(plain).toHaveLength(2)
    const both = plain.map(({ key, token, ...vector }) =>
      openToken(token, { ...vector, key: hex(key), algorithms: ['XAES-256-GCM'] }),
    )
    expect(both).toEqual([{ opened: expect.stringMatching(/./) }, { opened: expect.stringMatching(/./) }])
    expect(both[0]).not.toEqual(both[1])
    const key = hex(sealed[0]?.key ?? '')
    const committed = invalid.filter(({ name }) => name.startsWith('salamander under the key'))
    expect(committed.map(({ token, ...vector }) => openToken(token, { ...vector, key }))).toEqual([
      { opened: expect.stringMatching(/./) },
    ])
  })
})

it.each(blindIndexes)('the normal form of a blind index: $name', ({ normalizer, value, normalForm }) => {
  expect(normalizers[normalizer](value)).toBe(normalForm)
})

function again({ key, nonce, plaintext, ...context }: (typeof sealed)[number]): string {
  const bytes = Buffer.from(textOf(plaintext), 'utf8')
  return sealToken({ ...context, key: hex(key), nonce: hex(nonce) }, bytes).toString('base64url')
}
