import { settableClock } from '@mosaajii/core/testing'
import { describe, expect, test } from 'vitest'
import { memoryStore, rateLimiter } from '../src/index.ts'
import { failures, flakyStore } from './support/flaky-store.ts'

const key = (account: string): string => account
const rules = {
  login: { limit: 5, window: '1m', key, onStoreFailure: { localShare: 3 } },
  api: { limit: 1000, window: '1m', key, onStoreFailure: { localShare: 100 } },
  batch: { limit: 1_000_000_000, window: '366d', key, onStoreFailure: { localShare: 1_000_000_000 } },
  log: { limit: 1024, window: '366d', algorithm: 'exact', key, onStoreFailure: { localShare: 1024 } },
} as const

describe('what a limiter does by default', () => {
  test('is to count in memory, by the time that it is given', async () => {
    const clock = settableClock()
    const limiter = rateLimiter({ rules, clock })
    for (let i = 0; i < 5; i++)
      expect((await limiter.check(['login', 'api', 'batch', 'log'], 'ada')).allowed).toBe(true)
    const refused = await limiter.check(['login', 'api'], 'ada')
    expect([refused.violated, refused.retryAfterMs]).toEqual([['login'], 60_000])
    clock.advance('1m')
    expect((await limiter.check(['login', 'api'], 'ada')).allowed).toBe(true)
  })

  test('is to count without a clock too', async () => {
    const limiter = rateLimiter({ rules })
    const decisions = await Promise.all(Array.from({ length: 20 }, () => limiter.check(['login'], 'ada')))
    expect(decisions.filter(({ allowed }) => allowed)).toHaveLength(5)
  })

  test('is to know when a window ends without being asked to wait', async () => {
    const rule = { limit: 1, window: 40, key, onStoreFailure: 'deny' } as const
    const limiter = rateLimiter({ rules: { rule } })
    expect((await limiter.check(['rule'], 'ada')).allowed).toBe(true)
    const refused = await limiter.check(['rule'], 'ada')
    expect(refused.allowed).toBe(false)
    await new Promise((resolve) => setTimeout(resolve, Number(refused.retryAfterMs) + 5))
    expect((await limiter.check(['rule'], 'ada')).allowed).toBe(true)
  })

  test.each(failures)('is to count shares in memory where a store %s', async (mood) => {
    const clock = settableClock()
    const store = flakyStore(memoryStore({ clock }))
    const limiter = rateLimiter({ rules, store, clock })
    const burst = async () => {
      const decisions = await Promise.all(Array.from({ length: 50 }, () => limiter.check(['login', 'api'], 'ada')))
      return decisions.filter(({ allowed }) => allowed).length
    }
    store.mood = mood
    expect(await burst()).toBe(3)
    store.mood = 'answers later'
    expect(await burst()).toBe(5)
    store.mood = mood
    clock.advance(59_999)
    expect(await burst()).toBe(0)
    clock.advance(1)
    expect(await burst()).toBe(3)
  })

  test('is no store for two limiters', () => {
    const store = memoryStore()
    rateLimiter({ rules, store })
    expect(() => rateLimiter({ rules, store })).toThrow('give each limiter a store of its own')
    expect(() => rateLimiter({ rules, store: memoryStore(), localStore: store })).toThrow('a store of its own')
  })

  test('understands more lists of names than it remembers', async () => {
    const names = Array.from({ length: 12 }, (_, i) => `r${i}`)
    const rule = { limit: 1_000_000, window: '1m', key, onStoreFailure: 'deny' } as const
    const limiter = rateLimiter({ rules: Object.fromEntries(names.map((name) => [name, rule])) })
    // More lists than are kept; each of them still means its own rules.
    for (let i = 0; i < 6000; i++) {
      const list = names.filter((_, bit) => ((i + 1) >> bit) & 1).toReversed()
      const listed = list.length === 0 ? ['r0'] : list
      expect(Object.keys((await limiter.peek(listed, 'ada')).rules)).toEqual(listed)
    }
  })
})
