import { recordingSink, settableClock } from '@mosaajii/core/testing'
import { describe, expect, test } from 'vitest'
import type { Decision } from '../src/decision.ts'
import { RateLimitError } from '../src/errors.ts'
import { decide, rateLimiter } from '../src/rate-limiter.ts'
import type { Rule } from '../src/rule.ts'
import type { WindowStore } from '../src/window-store.ts'
import { failures, flakyStore } from './support/flaky-store.ts'
import { naiveStore } from './support/naive-store.ts'

type Account = string
const key = (account: Account): string => account

const rules = {
  denied: { limit: 10, window: '1m', key, onStoreFailure: 'deny' },
  allowed: { limit: 10, window: '1m', key, onStoreFailure: 'allow' },
  shared: { limit: 10, window: '1m', key, onStoreFailure: { localShare: 3 } },
  other: { limit: 10, window: '1m', key, onStoreFailure: { localShare: 2 } },
  shadow: { limit: 10, window: '1m', key, shadow: true, onStoreFailure: 'deny' },
} as const

function setup() {
  const clock = settableClock()
  const store = flakyStore(naiveStore({ clock }))
  const localStore = flakyStore(naiveStore({ clock }))
  const events = recordingSink()
  const all: Record<string, Rule<Account>> = rules
  return {
    clock,
    store,
    localStore,
    events,
    limiter: rateLimiter<Account>({ rules: all, store, localStore, events, clock }),
  }
}

const summary = ({ allowed, source, violated, retryAfterMs }: Decision) => ({ allowed, source, violated, retryAfterMs })
const admitted = (decisions: readonly Decision[]) => decisions.filter(({ allowed }) => allowed).length

describe.each(failures)('a store that %s', (mood) => {
  const broken = () => {
    const parts = setup()
    parts.store.mood = mood
    return parts
  }

  test('refuses where a rule denies', async () => {
    const { limiter } = broken()
    const decision = await limiter.check(['denied'], 'ada')
    expect(summary(decision)).toEqual({ allowed: false, source: 'failure', violated: [], retryAfterMs: null })
    expect(decision.rules['denied']).toMatchObject({ remaining: 0, retryAfterMs: null, resetMs: 0 })
  })

  test('lets through where all rules allow', async () => {
    const { limiter } = broken()
    const decision = await limiter.check(['allowed'], 'ada')
    expect(summary(decision)).toEqual({ allowed: true, source: 'failure', violated: [], retryAfterMs: 0 })
    expect(decision.rules['allowed']).toMatchObject({ remaining: 10, retryAfterMs: 0, resetMs: 0 })
    await limiter.refund(decision)
  })

  test('leaves a share to this process, never more, also to calls that come at once', async () => {
    const { limiter } = broken()
    const decisions = await Promise.all(Array.from({ length: 100 }, () => limiter.check(['shared'], 'ada')))
    expect(admitted(decisions)).toBe(3)
    expect(decisions.every(({ source }) => source === 'local')).toBe(true)
    expect(summary(await limiter.check(['shared'], 'ada'))).toMatchObject({
      violated: ['shared'],
      retryAfterMs: 60_000,
    })
    expect((await limiter.check(['shared'], 'bob')).rules['shared']).toMatchObject({ limit: 10, remaining: 2 })
  })

  test('takes all shares of a call or none', async () => {
    const { limiter } = broken()
    const decisions = await Promise.all(Array.from({ length: 5 }, () => limiter.check(['shared', 'other'], 'ada')))
    expect(admitted(decisions)).toBe(2)
    expect(decisions.at(-1)?.violated).toEqual(['other'])
    expect((await limiter.peek(['shared'], 'ada')).rules['shared']?.remaining).toBe(1)
  })

  test('refuses where any rule denies, and takes nothing of the shares', async () => {
    const { limiter } = broken()
    for (let i = 0; i < 5; i++) {
      const decision = await limiter.check(['shared', 'denied', 'allowed'], 'ada')
      expect(summary(decision)).toEqual({ allowed: false, source: 'failure', violated: [], retryAfterMs: null })
    }
    expect((await limiter.check(['allowed', 'shared'], 'ada')).rules['shared']?.remaining).toBe(2)
  })

  test('does not ask shadow rules what to do', async () => {
    const { limiter } = broken()
    expect(summary(await limiter.check(['shadow'], 'ada'))).toMatchObject({ allowed: true, source: 'failure' })
    const decision = await limiter.check(['shadow', 'shared'], 'ada')
    expect(summary(decision)).toMatchObject({ allowed: true, source: 'local' })
    expect(decision.rules['shadow']).toMatchObject({ remaining: 10, retryAfterMs: 0 })
  })

  test('peeks at shares without taking, and penalises them', async () => {
    const { limiter } = broken()
    for (let i = 0; i < 5; i++) expect((await limiter.peek(['shared'], 'ada')).rules['shared']?.remaining).toBe(3)
    expect((await limiter.peek(['shared', 'denied'], 'ada')).allowed).toBe(false)
    expect(summary(await limiter.penalize(['shared', 'denied'], 'ada', { cost: 5 }))).toMatchObject({
      allowed: false,
      source: 'failure',
    })
    expect((await limiter.check(['shared'], 'ada')).violated).toEqual(['shared'])
  })

  test('a refund goes to the share that was taken, also after the store came back', async () => {
    const { limiter, store, events, clock } = broken()
    const local = await limiter.check(['shared'], 'ada')
    store.mood = 'answers'
    const stored = await limiter.check(['shared'], 'ada', { cost: 4 })
    expect([local.source, stored.source]).toEqual(['local', 'store'])
    await Promise.all([limiter.refund(local), limiter.refund(local)])
    expect((await limiter.peek(['shared'], 'ada')).rules['shared']?.remaining).toBe(6)
    store.mood = mood
    expect((await limiter.peek(['shared'], 'ada')).rules['shared']?.remaining).toBe(3)
    clock.advance('2s')
    const before = events.named('ratelimit.recovered').length
    await limiter.refund(await limiter.check(['shared'], 'ada'))
    expect(events.named('ratelimit.recovered')).toHaveLength(before)
  })

  test('never says so by rejecting', async () => {
    const { limiter } = broken()
    for (const who of ['check', 'peek', 'penalize'] as const) {
      expect((await limiter[who](['denied', 'shared', 'allowed'], 'ada')).source).toBe('failure')
    }
    expect((await decide(limiter, ['denied'], 'ada')).source).toBe('failure')
  })

  test.each(['throws', 'rejects', 'babbles', 'answers later'] as const)(
    'refuses where the share cannot be counted either: its store %s',
    async (localMood) => {
      const { limiter, localStore } = broken()
      localStore.mood = localMood
      const decision = await limiter.check(['shared'], 'ada')
      expect(summary(decision)).toEqual({ allowed: false, source: 'failure', violated: [], retryAfterMs: null })
      // A rejection that nobody waits for would end the process here.
      await limiter.block(['shared'], 'ada', '1h').catch(() => undefined)
      await new Promise((resolve) => setTimeout(resolve, 5))
    },
  )
})

describe('what must be done', () => {
  const work = (parts: ReturnType<typeof setup>): Record<string, (decision: Decision) => Promise<void>> => ({
    refund: (decision) => parts.limiter.refund(decision),
    reset: () => parts.limiter.reset(['denied'], 'ada'),
    block: () => parts.limiter.block(['denied'], 'ada', '1h'),
    unblock: () => parts.limiter.unblock(['denied'], 'ada'),
  })

  test.each(['refund', 'reset', 'block', 'unblock'])('%s rejects, and the store is told of as gone', async (who) => {
    for (const mood of ['throws', 'rejects'] as const) {
      const parts = setup()
      const decision = await parts.limiter.check(['denied'], 'ada')
      parts.store.mood = mood
      const failed = work(parts)[who]?.(decision)
      await expect(failed).rejects.toBeInstanceOf(RateLimitError)
      await expect(failed).rejects.toMatchObject({ code: 'WINDOW_STORE_FAILED', status: 503, detail: {} })
      await expect(failed).rejects.toThrow(new RegExp(`^${who}: `))
      await expect(failed).rejects.not.toThrow('secret-host')
      expect(parts.events.named('ratelimit.storeFailed')).toHaveLength(1)
    }
  })

  test('a refund that failed is not tried again', async () => {
    const { limiter, store } = setup()
    const decision = await limiter.check(['denied'], 'ada')
    store.mood = 'rejects'
    await expect(limiter.refund(decision)).rejects.toMatchObject({ code: 'WINDOW_STORE_FAILED' })
    store.mood = 'answers'
    await limiter.refund(decision)
    expect((await limiter.peek(['denied'], 'ada')).rules['denied']?.remaining).toBe(9)
  })

  test('a full store says so itself, and is not gone', async () => {
    const { limiter, store, events } = setup()
    store.error = new RateLimitError('WINDOW_STORE_FULL', 'no place for another block', { status: 503 })
    store.mood = 'throws'
    await expect(limiter.block(['denied'], 'ada', '1h')).rejects.toBe(store.error)
    expect(events.named('ratelimit.storeFailed')).toHaveLength(0)
  })

  test('a reset and a block reach the share too', async () => {
    const { limiter, store } = setup()
    store.mood = 'throws'
    await limiter.check(['shared'], 'ada', { cost: 3 })
    store.mood = 'answers'
    await limiter.reset(['shared'], 'ada')
    store.mood = 'throws'
    expect((await limiter.check(['shared'], 'ada')).rules['shared']?.remaining).toBe(2)
    await expect(limiter.block(['shared'], 'ada', '1h')).rejects.toMatchObject({ code: 'WINDOW_STORE_FAILED' })
    expect((await limiter.check(['shared'], 'ada')).retryAfterMs).toBe(3_600_000)
    store.mood = 'answers'
    await limiter.unblock(['shared'], 'ada')
    store.mood = 'throws'
    expect((await limiter.check(['shared'], 'ada')).allowed).toBe(true)
  })

  test('a block that has no place in the share is still in the store', async () => {
    const { limiter, localStore } = setup()
    localStore.mood = 'throws'
    await limiter.block(['shared'], 'ada', '1h')
    expect((await limiter.check(['shared'], 'ada')).violated).toEqual(['shared'])
  })
})

describe('a store that comes and goes', () => {
  test('gives nobody a new share', async () => {
    const { limiter, store, clock } = setup()
    let local = 0
    let stored = 0
    for (let i = 0; i < 200; i++) {
      store.mood = i % 2 === 0 ? 'rejects' : 'answers later'
      const { allowed, source } = await limiter.check(['shared'], 'ada')
      if (allowed && source === 'local') local++
      if (allowed && source === 'store') stored++
      clock.advance(100)
    }
    expect([local, stored]).toEqual([3, 10])
  })

  test('is told of once an outage, with how long it took and how many calls failed', async () => {
    const { limiter, store, events, clock } = setup()
    store.mood = 'rejects'
    store.error = Object.assign(new Error('connect secret-host:6379'), { code: 'ECONNREFUSED' })
    await Promise.all(Array.from({ length: 10 }, () => limiter.check(['denied'], 'ada')))
    clock.advance(2500)
    await limiter.check(['allowed'], 'ada')
    store.mood = 'answers'
    for (let i = 0; i < 3; i++) await limiter.check(['denied'], 'ada')
    expect(events.events.map(({ name, data }) => [name, data])).toEqual([
      ['ratelimit.storeFailed', { reason: 'ECONNREFUSED' }],
      ['ratelimit.recovered', { afterMs: 2500, failures: 11 }],
    ])
  })

  test('makes no flood of events', async () => {
    const { limiter, store, events, clock } = setup()
    for (let i = 0; i < 1000; i++) {
      store.mood = i % 2 === 0 ? 'throws' : 'answers'
      await limiter.check(['allowed'], `account-${i}`)
      clock.advance(5)
    }
    expect(events.named('ratelimit.storeFailed')).toHaveLength(5)
    expect(events.named('ratelimit.recovered')).toHaveLength(5)
  })

  test('is known to be gone when it stays so after a quick return', async () => {
    const { limiter, store, events, clock } = setup()
    for (const mood of ['throws', 'answers', 'throws'] as const) {
      store.mood = mood
      await limiter.check(['allowed'], 'ada')
    }
    expect(events.events.at(-1)?.name).toBe('ratelimit.recovered')
    clock.advance(1000)
    await limiter.check(['allowed'], 'ada')
    expect(events.events.at(-1)?.name).toBe('ratelimit.storeFailed')
  })

  test.each([
    [Object.assign(new Error('10.0.0.7'), { code: 'key of ada' }), 'Error'],
    [new Error('ada'), 'Error'],
    [{ code: 7, name: '10.0.0.7:6379' }, 'unknown'],
    ['10.0.0.7', 'unknown'],
    [undefined, 'unknown'],
    [
      {
        get code(): string {
          throw new Error('no')
        },
      },
      'unknown',
    ],
  ])('says nothing of where it is or of whom it was asked', async (error, reason) => {
    const { limiter, store, events } = setup()
    store.mood = 'rejects'
    store.error = error
    await limiter.check(['denied'], 'ada')
    expect(events.events.map(({ data }) => data)).toEqual([{ reason }])
  })
})

describe('a clock that fails or goes back', () => {
  test('moves nothing on and stops nothing', async () => {
    const inner = settableClock()
    const store = flakyStore(naiveStore({ clock: inner }))
    let time = Number.NaN
    const clock = {
      now: () => {
        if (time < 0) throw new Error('no time')
        return time
      },
    }
    const limiter = rateLimiter({
      rules,
      store,
      localStore: naiveStore({ clock: inner }),
      clock,
      events: recordingSink(),
    })
    store.mood = 'throws'
    for (const now of [Number.NaN, 5, 1, -1, Number.POSITIVE_INFINITY]) {
      time = now
      expect((await limiter.check(['denied'], 'ada')).source).toBe('failure')
    }
  })
})

test('an answer that was found without the store does not mean that it is back', async () => {
  const clock = settableClock()
  const events = recordingSink()
  const inner = naiveStore({ clock })
  let isCached = false
  const store: WindowStore = {
    open: (opened) => {
      const windows = inner.open(opened)
      return {
        take: async (demands) => {
          if (!isCached) throw new Error('gone')
          const { counters } = await windows.peek(demands)
          return {
            admitted: false,
            counters: counters.map((state) => ({ ...state, admits: false })),
            source: 'denyCache',
          }
        },
        peek: (demands) => windows.peek(demands),
        penalize: (demands) => windows.penalize(demands),
        refund: (receipts) => windows.refund(receipts),
        reset: (rule, name) => windows.reset(rule, name),
        block: (rule, name, forMs) => windows.block(rule, name, forMs),
      }
    },
  }
  const limiter = rateLimiter({ rules: { denied: rules.denied }, store, events, clock })
  await limiter.check(['denied'], 'ada')
  isCached = true
  const cached = await limiter.check(['denied'], 'ada')
  expect(summary(cached)).toMatchObject({ allowed: false, source: 'denyCache', violated: ['denied'] })
  expect(events.named('ratelimit.recovered')).toHaveLength(0)
  expect(events.named('ratelimit.refused').map(({ data }) => data['source'])).toEqual(['denyCache'])
})
