import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { nonceSource } from '../src/nonce-source.ts'

afterEach(() => {
  vi.restoreAllMocks()
  vi.unstubAllGlobals()
})

const many = 1_000_000

describe('a nonce', () => {
  test('has 24 characters of base64, and a million of them are different', () => {
    const nonce = nonceSource()
    const seen = new Set<string>()
    for (let i = 0; i < many; i++) seen.add(nonce())
    expect(seen.size).toBe(many)
    for (const one of seen) if (!/^[A-Za-z0-9+/]{24}$/.test(one)) expect(one).toBe('24 characters of base64')
  })

  test('is even: every character comes up as often as any other at every place', () => {
    const nonce = nonceSource()
    const draws = 64_000
    const counts = Array.from({ length: 24 }, () => new Map<string, number>())
    for (let i = 0; i < draws; i++) {
      const one = nonce()
      counts.forEach((count, place) => count.set(one.charAt(place), (count.get(one.charAt(place)) ?? 0) + 1))
    }
    const each = draws / 64
    for (const count of counts) {
      expect(count.size).toBe(64)
      // Chi-squared with 63 degrees of freedom: 150 is exceeded once in 10^8 times.
      const chi = [...count.values()].reduce((sum, seen) => sum + (seen - each) ** 2 / each, 0)
      expect(chi).toBeLessThan(150)
    }
  })

  test('is another one from every source', () => {
    const sources = Array.from({ length: 100 }, () => nonceSource())
    expect(new Set(sources.map((nonce) => nonce())).size).toBe(100)
  })

  test('is the encoding of the bytes that were drawn, with Buffer and without', () => {
    vi.spyOn(globalThis.crypto, 'getRandomValues').mockImplementation(counted)
    const expected = Buffer.from(Uint8Array.from({ length: 36 }, (_, i) => i)).toString('base64')
    const native = nonceSource()
    expect(native() + native()).toBe(expected)
    vi.stubGlobal('Buffer', undefined)
    const portable = nonceSource()
    const drawn = portable() + portable()
    vi.unstubAllGlobals()
    expect(drawn).toBe(expected)
  })
})

describe('the pool', () => {
  test('is not filled at import or at construction', () => {
    const spied = `
      let calls = 0
      const own = globalThis.crypto.getRandomValues.bind(globalThis.crypto)
      globalThis.crypto.getRandomValues = (bytes) => { calls++; return own(bytes) }
      const { nonceSource, headersGuard, presets } = await import('@mosaajii/headers')
      const afterImport = calls
      const nonce = nonceSource()
      headersGuard(presets.strict)
      const afterConstruction = calls
      nonce()
      console.log(afterImport, afterConstruction, calls)
    `
    const root = fileURLToPath(new URL('../../..', import.meta.url))
    const args = ['--import', 'tsx', '--conditions=@mosaajii/source', '--input-type=module', '-e', spied]
    expect(execFileSync(process.execPath, args, { cwd: `${root}packages/headers`, encoding: 'utf8' }).trim()).toBe(
      '0 0 1',
    )
  })

  test('is drawn from seldom', () => {
    const draw = vi.spyOn(globalThis.crypto, 'getRandomValues')
    const nonce = nonceSource()
    for (let i = 0; i < 2048; i++) nonce()
    expect(draw).toHaveBeenCalledTimes(1)
    nonce()
    expect(draw).toHaveBeenCalledTimes(2)
  })

  test('never repeats a nonce when the random source fails: it throws, and goes on when the source does', () => {
    const seen = new Set<string>()
    const nonce = nonceSource()
    for (let i = 0; i < 2048; i++) seen.add(nonce())
    const draw = vi.spyOn(globalThis.crypto, 'getRandomValues').mockImplementation(() => {
      throw new Error('no entropy')
    })
    for (let i = 0; i < 1000; i++) expect(nonce).toThrow('no entropy')
    draw.mockRestore()
    for (let i = 0; i < 1000; i++) seen.add(nonce())
    expect(seen.size).toBe(1000 + 2048)
  })

  test('throws at the first use where there is no random source', () => {
    vi.stubGlobal('crypto', undefined)
    const nonce = nonceSource()
    expect(nonce).toThrow(TypeError)
  })
})

function counted<T extends ArrayBufferView | null>(into: T): T {
  const bytes = into as unknown as Uint8Array
  bytes.forEach((_, i) => {
    bytes[i] = i % 256
  })
  return into
}
