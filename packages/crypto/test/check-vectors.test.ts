import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { checkVectors } from '@mosaajii/crypto/testing'
import type { FormatVectors } from './vectors/make.ts'

const file = readFileSync(new URL('../vectors/format-1.json', import.meta.url), 'utf8')
const vectors = JSON.parse(file) as FormatVectors

describe.each(['native', 'portable'] as const)('format 1 on the %s engine', (engine) => {
  it('makes and opens every sealed vector, refuses every invalid one, makes every index token', () => {
    const count = vectors.sealed.length + vectors.invalid.length + vectors.blindIndexes.length
    expect(checkVectors(vectors, engine)).toEqual({ engine, vectors: count })
  })

  it.each(vectors.sealed.map(({ name }, i) => [name, i] as const))('finds a changed token: %s', (name, i) => {
    const vector = vectors.sealed[i] as (typeof vectors.sealed)[number]
    const wrong = vector.token
      ? { ...vector, token: `${vector.token.slice(0, -1)}_` }
      : { ...vector, tokenSha256: '00' }
    expect(() => checkVectors({ ...vectors, sealed: [wrong] }, engine)).toThrow(name)
  })

  it('finds a token that ought not to open and does', () => {
    const [good] = vectors.sealed
    const invalid = [{ ...good, name: 'opens', algorithms: ['KC-XAES-256-GCM'] }]
    expect(() => checkVectors({ ...vectors, invalid }, engine)).toThrow("'opens' fails")
  })
})
