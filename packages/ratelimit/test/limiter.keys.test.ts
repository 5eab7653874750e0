import { settableClock } from '@mosaajii/core/testing'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { keyOf, rateLimiter } from '../src/rate-limiter.ts'
import type { KeyPart } from '../src/rule.ts'
import { subjectKey } from '../src/subject-key.ts'
import { naiveStore } from './support/naive-store.ts'

type Key = KeyPart | readonly KeyPart[]
const limiter = rateLimiter({
  rules: { login: { limit: 2, window: '1m', key: (subject: Key) => subject, onStoreFailure: 'deny' } },
  store: naiveStore({ clock: settableClock() }),
})

describe('a key', () => {
  const wrong: readonly (readonly [unknown, code: string, status: number, says: string])[] = [
    [undefined, 'RATE_KEY_MISSING', 500, "rule 'login': part 0 of the key is undefined"],
    [['ada', undefined], 'RATE_KEY_MISSING', 500, "rule 'login': part 1 of the key is undefined"],
    [null, 'RATE_KEY_INVALID', 400, 'part 0 of the key is neither a string nor a whole number'],
    [['ada', null], 'RATE_KEY_INVALID', 400, 'part 1 of the key is neither a string nor a whole number'],
    ['', 'RATE_KEY_INVALID', 400, 'part 0 of the key is empty'],
    [['ada', ''], 'RATE_KEY_INVALID', 400, 'part 1 of the key is empty'],
    ['s3cret'.repeat(50), 'RATE_KEY_INVALID', 400, 'part 0 of the key is too long'],
    [[], 'RATE_KEY_INVALID', 400, 'the key has 0 parts; give 1 to 8'],
    [Array.from({ length: 9 }, () => 's3cret'), 'RATE_KEY_INVALID', 400, 'the key has 9 parts; give 1 to 8'],
    ...[0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53, true, {}, ['s3cret'], { then: 's3cret' }, 5n].map(
      (part) => [['ada', part], 'RATE_KEY_INVALID', 400, 'part 1 of the key is neither'] as const,
    ),
  ]
  test.each(wrong)('%o is refused by the place of its part, and never shown', async (key, code, status, says) => {
    for (const call of ['check', 'peek', 'penalize', 'reset', 'unblock'] as const) {
      const refused = limiter[call](['login'], key as Key)
      await expect(refused).rejects.toMatchObject({ name: 'RateLimitError', code, status, detail: {} })
      await expect(refused).rejects.toThrow(says)
      await expect(refused).rejects.not.toThrow('s3cret')
    }
    await expect(limiter.block(['login'], key as Key, '1h')).rejects.toMatchObject({ code })
  })

  test('has one counter for a number and its digits, and for a list of one part and that part', async () => {
    for (const key of [5, '5', [5]]) await limiter.check(['login'], key)
    expect((await limiter.peek(['login'], ['5'])).rules.login.remaining).toBe(0)
    expect(subjectKey('login', -0)).toBe(subjectKey('login', 0))
  })

  const part = fc.oneof(
    fc.string({ minLength: 1, maxLength: 6, unit: fc.constantFrom('\u0000', '0', '1', '2', ':', 'a', '\ud800') }),
    fc.integer(),
  )
  const parts = fc.array(part, { minLength: 1, maxLength: 8 })

  test('is one counter only for the same parts in the same order', () => {
    const spelt = (key: readonly KeyPart[]) => JSON.stringify(key.map(String))
    fc.assert(
      fc.property(parts, parts, (a, b) => {
        expect(subjectKey('login', a) === subjectKey('login', b)).toBe(spelt(a) === spelt(b))
      }),
      { numRuns: 20_000 },
    )
  })

  test('is another one when the same text is divided otherwise', () => {
    const text = fc.string({ minLength: 8, maxLength: 16, unit: fc.constantFrom(':', '1', '2', '3', '\u0000', 'a') })
    const cuts = fc.uniqueArray(fc.integer({ min: 1, max: 7 }), { maxLength: 3 })
    const divide = (whole: string, at: readonly number[]) => {
      const places = [0, ...at.toSorted((a, b) => a - b), whole.length]
      return places.slice(1).map((end, i) => whole.slice(places[i], end))
    }
    fc.assert(
      fc.property(text, cuts, cuts, (whole, a, b) => {
        const [one, other] = [divide(whole, a), divide(whole, b)]
        expect(subjectKey('login', one) === subjectKey('login', other)).toBe(String(one) === String(other))
      }),
      { numRuns: 5000 },
    )
    expect(subjectKey('login', ['a:b', 'c'])).not.toBe(subjectKey('login', ['a', 'b:c']))
  })

  test('cannot be written so that a part reaches into the next', () => {
    const keys: Key[] = [
      ['ab', 'c'],
      ['a', 'bc'],
      'abc',
      ['a', 'b', 'c'],
      '2:ab1:c',
      '\u00002:ab1:c',
      ['\u0000', '2:ab1:c'],
    ]
    expect(new Set(keys.map((key) => subjectKey('login', key))).size).toBe(keys.length)
  })

  test('is what guards tell counters apart by', () => {
    expect(keyOf(limiter, 'login', ['ada', 5])).toBe(subjectKey('login', ['ada', '5']))
    expect(() => keyOf(limiter, 'nobody', 'ada')).toThrow("keyOf: there is no rule 'nobody'")
    expect(() => keyOf({} as never, 'login', 'ada')).toThrow('keyOf: give a limiter')
  })
})
