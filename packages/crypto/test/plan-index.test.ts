import { createHmac } from 'node:crypto'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type IndexPlan, planIndex } from '../src/plan-index.ts'

describe('planIndex', () => {
  it.each([
    [16, 3],
    [31, 3],
    [32, 4],
    [1000, 8],
    [40_000, 14],
    [65_535, 14],
    [65_536, 15],
    [1_000_000, 18],
    [2 ** 40 - 1, 38],
    [2 ** 40, 39],
  ])('%i different values: %i bits', (distinct, bits) => {
    expect(planIndex({ rows: distinct, distinct })).toBe(bits)
    expect(planIndex({ rows: 2 ** 40, distinct })).toBe(bits)
  })

  it('is the most selective width at which 2 to sqrt(distinct) values share a token', () => {
    const near = fc
      .tuple(fc.integer({ min: 4, max: 39 }), fc.integer({ min: -2, max: 2 }))
      .map(([k, by]) => 2 ** k + by)
    const counts = fc.oneof(near, fc.integer({ min: 16, max: 100_000 }), fc.integer({ min: 16, max: 2 ** 40 }))
    fc.assert(
      fc.property(
        counts.filter((distinct) => distinct >= 16),
        (distinct) => {
          const bits = planIndex({ rows: distinct, distinct })
          expect(distinct / 2 ** bits).toBeGreaterThanOrEqual(2)
          expect(distinct / 2 ** bits).toBeLessThanOrEqual(Math.sqrt(distinct))
          expect(distinct / 2 ** (bits + 1)).toBeLessThan(2)
        },
      ),
      { numRuns: 5000 },
    )
  })

  // Of HMAC-SHA-256 itself: a token that occurs is shared by 2 to sqrt(n) values on the mean. The spread of a mean over few tokens is
  // wide, so small columns are measured under many keys.
  it.each([
    [16, 400],
    [31, 400],
    [100, 100],
    [1000, 20],
    [20_000, 2],
    [65_535, 1],
  ])('holds for real tokens of %i values', (distinct, keys) => {
    const bits = planIndex({ rows: distinct, distinct })
    let used = 0
    for (let key = 0; key < keys; key++) used += tokensOf(distinct, bits, Buffer.from(`key ${key}`)).size
    const mean = (distinct * keys) / used
    expect(mean).toBeGreaterThanOrEqual(2)
    expect(mean).toBeLessThanOrEqual(Math.sqrt(distinct))
    // n values in m tokens leave (1 - 1/m)^n of them unused.
    const expected = distinct / (2 ** bits * (1 - (1 - 2 ** -bits) ** distinct))
    expect(mean / expected).toBeGreaterThan(0.97)
    expect(mean / expected).toBeLessThan(1.03)
  })

  it.each([
    ['15 values', { rows: 1000, distinct: 15 }, /fewer than 16 different values/],
    ['no value', { rows: 1000, distinct: 0 }, /distinct must be a whole number/],
    ['more values than rows', { rows: 99, distinct: 100 }, /distinct is greater than rows/],
    ['half a value', { rows: 1000, distinct: 99.5 }, /distinct must be a whole number/],
    ['half a row', { rows: 1000.5, distinct: 99 }, /rows must be a whole number/],
    ['NaN values', { rows: 1000, distinct: Number.NaN }, /distinct must be a whole number/],
    ['NaN rows', { rows: Number.NaN, distinct: 99 }, /rows must be a whole number/],
    ['infinitely many rows', { rows: Number.POSITIVE_INFINITY, distinct: 99 }, /rows must be a whole number/],
    ['fewer than no rows', { rows: -1000, distinct: 99 }, /rows must be a whole number/],
    ['too many rows', { rows: 2 ** 40 + 1, distinct: 99 }, /from 1 to 2\^40/],
  ])('throws RangeError for %s', (_, plan, message) => {
    expect(() => planIndex(plan)).toThrow(RangeError)
    expect(() => planIndex(plan)).toThrow(message)
  })

  it.each([
    ['no plan', undefined, /give \{ rows, distinct \}/],
    ['null', null, /give \{ rows, distinct \}/],
    ['a number', 1000, /give \{ rows, distinct \}/],
    ['no rows', { distinct: 99 }, /give rows as a number/],
    ['no distinct', { rows: 99 }, /give distinct as a number/],
    ['text', { rows: '1000', distinct: 99 }, /give rows as a number/],
    ['a bigint', { rows: 1000n, distinct: 99 }, /give rows as a number/],
    ['an unknown option', { rows: 1000, distinct: 99, bits: 8 }, /no option bits/],
  ])('throws TypeError for %s', (_, plan, message) => {
    expect(() => planIndex(plan as IndexPlan)).toThrow(TypeError)
    expect(() => planIndex(plan as IndexPlan)).toThrow(message)
  })
})

function tokensOf(distinct: number, bits: number, key: Buffer): Set<number> {
  const tokens = new Set<number>()
  for (let value = 0; value < distinct; value++) {
    const mac = createHmac('sha256', key).update(`value ${value}`).digest()
    tokens.add(mac.readUInt32BE(0) >>> (32 - bits))
  }
  return tokens
}
