import type { Duration } from '@mosaajii/core'
import { settableClock } from '@mosaajii/core/testing'
import { describe, expect, test } from 'vitest'
import { rateLimiter } from '../src/rate-limiter.ts'
import type { Rule } from '../src/rule.ts'
import { naiveStore } from './support/naive-store.ts'

const good: Rule<string> = { limit: 5, window: '15m', key: (account) => account, onStoreFailure: 'deny' }
const store = () => naiveStore({ clock: settableClock() })
const limiterOf = (rules: Record<string, Rule<string>>) => rateLimiter<string>({ rules, store: store() })
const withRule = (changes: object) => () => limiterOf({ login: { ...good, ...changes } })

const year = 366 * 86_400_000

describe('a rule', () => {
  const wrong: readonly (readonly [option: string, changes: object, says: string])[] = [
    ...[0, -1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 1_000_000_001, '5', null, undefined].map(
      (limit) => ['limit', { limit }, 'whole number from 1 to 1000000000'] as const,
    ),
    ['limit', { limit: 1025, algorithm: 'exact' }, "'strict'"],
    ...[0, -1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, '0s', year + 1, '367d', '15 m', '15', null, undefined].map(
      (window) => ['window', { window }, 'give'] as const,
    ),
    ...['ip', null, undefined, {}].map((key) => ['key', { key }, 'a function'] as const),
    ...[0, -1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, '1', null].map(
      (cost) => ['cost', { cost }, 'at least 1'] as const,
    ),
    ['cost', { cost: 6 }, 'above the limit'],
    ...['gcra', 'Exact', null, 1].map((algorithm) => ['algorithm', { algorithm }, "'exact' or 'strict'"] as const),
    ...[0, -1, 0.5, Number.NaN, 1001, '60'].map(
      (subWindows) => ['subWindows', { algorithm: 'strict', subWindows }, 'from 1 to 1000'] as const,
    ),
    ['subWindows', { subWindows: 10 }, "algorithm: 'strict'"],
    ...['yes', 1, null].map((shadow) => ['shadow', { shadow }, 'true or false'] as const),
    ...['api', [1], {}].map((names) => ['with', { with: names }, 'list of names'] as const),
    ['with', { with: ['nobody'] }, "no rule 'nobody'"],
    ...['ignore', null, undefined, true].map(
      (choice) => ['onStoreFailure', { onStoreFailure: choice }, "'deny'"] as const,
    ),
    ['onStoreFailure', { onStoreFailure: { share: 3 } }, "unknown option 'share'"],
    ...[0, -1, 0.5, Number.NaN, 6, '3', undefined].map(
      (localShare) => ['onStoreFailure.localShare', { onStoreFailure: { localShare } }, 'from 1 to 5'] as const,
    ),
  ]
  test.each(wrong)('with a wrong %s is refused: %o', (option, changes, says) => {
    const where = `rateLimiter: rules.login.${option}:`
    // An unknown option inside stands in the message with the place that has it.
    expect(withRule(changes)).toThrow(new RegExp(`^${where.replaceAll('.', String.raw`\.`)}`))
    expect(withRule(changes)).toThrow(says)
  })

  const backoff = { after: 2, base: '1s', max: '30s' }
  const wrongBackoffs: readonly (readonly [option: string, changes: object, says: string])[] = [
    ...[0, -1, 0.5, Number.NaN, 5, undefined].map((after) => ['after', { after }, 'from 1 to 4'] as const),
    ...[0, -1, Number.NaN, '1', undefined].map((base) => ['base', { base }, 'give'] as const),
    ['base', { base: '31s' }, 'at most max'],
    ...[0.5, 11, Number.NaN, '2', null].map((factor) => ['factor', { factor }, '1 to 10'] as const),
    ...[0, Number.NaN, '1', undefined].map((max) => ['max', { max }, 'give'] as const),
    ['max', { max: '16m' }, 'at most the window'],
  ]
  test.each(wrongBackoffs)('with a wrong backoff.%s is refused: %o', (option, changes, says) => {
    const wrong = withRule({ backoff: { ...backoff, ...changes } })
    expect(wrong).toThrow(`rateLimiter: rules.login.backoff.${option}: `)
    expect(wrong).toThrow(says)
  })

  test('has a backoff only where hits are kept each for itself', () => {
    expect(withRule({ backoff, algorithm: 'strict' })).toThrow('rules.login.backoff: only exact rules')
    expect(withRule({ backoff, limit: 65 })).toThrow('rules.login.backoff: only exact rules')
    expect(withRule({ backoff, limit: 1 })).toThrow('rules.login.backoff: a limit of 1')
    expect(withRule({ backoff: { ...backoff, first: 1 } })).toThrow("rules.login.backoff: unknown option 'first'")
    expect(withRule({ backoff: 'yes' })).toThrow('rules.login.backoff: give a plain object')
    expect(withRule({ backoff, limit: 65, algorithm: 'exact' })).not.toThrow()
    expect(withRule({ backoff: { ...backoff, factor: 1.5 } })).not.toThrow()
  })

  test('takes what stands at the edges', () => {
    for (const changes of [
      { limit: 1 },
      { limit: 1_000_000_000 },
      { limit: 1024, algorithm: 'exact' },
      { window: 1 },
      { window: '366d' },
      { algorithm: 'strict', subWindows: 1000 },
      { cost: 5 },
      { onStoreFailure: { localShare: 5 } },
    ]) {
      expect(withRule(changes)).not.toThrow()
    }
  })

  test('with an unknown option is refused, and with one that it only inherits is not read', () => {
    expect(withRule({ max: 5 })).toThrow("rateLimiter: rules.login: unknown option 'max'")
    const inherited = Object.assign(Object.create({ shadow: true }) as object, good) as Rule<string>
    expect(limiterOf({ login: inherited }).rules['login']?.shadow).toBe(false)
    expect(() => limiterOf({ login: 5 as never })).toThrow('rateLimiter: rules.login: give a plain object')
  })

  test.each(['', 'Api', 'api!', 'a b', 'x'.repeat(65), 'ä', 'a\u0000b'])('is not called %j', (name) => {
    expect(() => limiterOf({ [name]: good })).toThrow('rateLimiter: rules: ')
    expect(() => limiterOf({ [name]: good })).toThrow('is no name; give 1 to 64 of a-z 0-9 _ -')
  })

  test('may be called what objects have by themselves', async () => {
    const rules = Object.fromEntries(['constructor', '__proto__', 'valueof'].map((name) => [name, good]))
    const limiter = limiterOf(rules)
    const decision = await limiter.check(['constructor', '__proto__'], 'ada')
    expect(Object.keys(decision.rules)).toEqual(['constructor', '__proto__'])
    expect(Object.values(decision.rules)[1]?.remaining).toBe(4)
    expect(Object.keys(limiter.rules)).toHaveLength(3)
    expect('toString' in limiter.rules).toBe(false)
  })

  test('is worked out once, and frozen', () => {
    const options = { ...good, window: '15m' as Duration, backoff: { after: 2, base: '1s', max: '30s' } as const }
    const limiter = limiterOf({ login: options, api: { ...good, limit: 100, window: 1001, subWindows: 10 } })
    options.window = 1
    expect(limiter.rules).toEqual({
      login: {
        name: 'login',
        limit: 5,
        window: 900_000,
        algorithm: 'exact',
        quantum: 1,
        shadow: false,
        backoff: { after: 2, base: 1000, factor: 2, max: 30_000 },
      },
      api: {
        name: 'api',
        limit: 100,
        window: 1001,
        algorithm: 'strict',
        quantum: 101,
        shadow: false,
        backoff: undefined,
      },
    })
    for (const value of [limiter.rules, limiter.rules['login'], limiter.rules['login']?.backoff]) {
      expect(Object.isFrozen(value)).toBe(true)
    }
  })

  test('is exact up to a limit of 64', () => {
    const algorithm = (limit: number) => limiterOf({ login: { ...good, limit } }).rules['login']?.algorithm
    expect([64, 65].map(algorithm)).toEqual(['exact', 'strict'])
  })
})

describe('a group of rules', () => {
  const group = (size: number): Record<string, Rule<string>> => {
    const names = Array.from({ length: size }, (_, i) => `r${i}`)
    return Object.fromEntries(names.map((name, i) => [name, i === 0 ? { ...good, with: names.slice(1) } : good]))
  }

  test('has at most 16, and that is known at construction', () => {
    expect(() => limiterOf(group(16))).not.toThrow()
    expect(() => limiterOf(group(17))).toThrow('rateLimiter: rules.r0.with: ')
    expect(() => limiterOf(group(17))).toThrow('more than 16')
  })

  test('may go round in a circle', async () => {
    const limiter = limiterOf({
      a: { ...good, with: ['b', 'a'] },
      b: { ...good, with: ['c'] },
      c: { ...good, with: ['a'] },
    })
    const decision = await limiter.check(['b'], 'ada')
    expect(Object.entries(decision.rules).map(([name, state]) => [name, state?.remaining])).toEqual([
      ['b', 4],
      ['c', 4],
      ['a', 4],
    ])
  })
})

describe('a limiter', () => {
  const options = { rules: { login: good }, store: store() }
  test.each([
    ['rules', { rules: undefined }],
    ['rules', { rules: [] }],
    ['rules', { rules: {} }],
    ['store', { store: {} }],
    ['store', { store: null }],
    ['localStore', { localStore: {} }],
    ['events', { events: {} }],
    ['events', { events: null }],
    ['clock', { clock: {} }],
    ['clock', { clock: null }],
    ['eventKey', { eventKey: new Uint8Array(15) }],
    ['eventKey', { eventKey: 'sixteen letters!' }],
  ])('with a wrong %s is refused: %o', (option, changes) => {
    const make = () => rateLimiter({ ...options, ...changes } as never)
    expect(make).toThrow(TypeError)
    expect(make).toThrow(new RegExp(`^rateLimiter: ${option}:`))
  })

  test('with an unknown option is refused', () => {
    expect(() => rateLimiter({ ...options, max: 5 } as never)).toThrow("rateLimiter: unknown option 'max'")
    expect(() => rateLimiter(undefined as never)).toThrow('rateLimiter: give a plain object')
  })

  test('says what its store says against the rules', () => {
    const picky = {
      open: () => {
        throw new RangeError('memoryStore: maxBytes: give more')
      },
    }
    expect(() => rateLimiter({ ...options, store: picky })).toThrow('memoryStore: maxBytes: give more')
  })
})
