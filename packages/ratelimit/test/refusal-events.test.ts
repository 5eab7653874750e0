import { recordingSink, settableClock } from '@mosaajii/core/testing'
import { describe, expect, test } from 'vitest'
import { ratelimitEvents } from '../src/events.ts'
import { rateLimiter } from '../src/rate-limiter.ts'
import { naiveStore } from './support/naive-store.ts'

const key = (account: string): string => account
const rules = {
  login: { limit: 1, window: '1h', key, onStoreFailure: 'deny' },
  wide: { limit: 1, window: '1h', key, onStoreFailure: 'deny' },
  tried: { limit: 1, window: '1h', key, shadow: true, onStoreFailure: 'deny' },
} as const

function setup(options: { eventKey?: Uint8Array } = {}) {
  const clock = settableClock()
  const events = recordingSink()
  const limiter = rateLimiter({ rules, store: naiveStore({ clock }), events, clock, ...options })
  const told = () => events.named('ratelimit.refused').map(({ data }) => data)
  const suppressed = () => told().reduce((sum, data) => sum + Number(data['suppressed']), 0)
  /** Uses the account up, so that whatever comes now is refused. */
  const exhausted = async (account: string) => limiter.penalize(['login', 'wide', 'tried'], account)
  return { clock, events, limiter, told, suppressed, exhausted }
}

describe('a refusal', () => {
  test('is told with the rule, a hash of the subject, and who decided', async () => {
    const { limiter, told, exhausted, events, clock } = setup()
    await exhausted('ada')
    await limiter.check(['login'], 'ada')
    const subject = expect.stringMatching(/^[0-9a-f]{16}$/) as unknown
    expect(told()).toEqual([{ rule: 'login', subject, source: 'store', shadow: false, suppressed: 0 }])
    expect(events.events[0]?.time).toBe(clock.now())
    expect(Object.keys(told()[0] ?? {}).sort()).toEqual(Object.keys(ratelimitEvents['ratelimit.refused'].fields).sort())
  })

  test('is told of each rule that refused, shadow rules too, and of no other', async () => {
    const { limiter, told, exhausted } = setup()
    await exhausted('ada')
    await limiter.check(['wide', 'tried'], 'ada')
    expect(told().map(({ rule, shadow }) => [rule, shadow])).toEqual([
      ['wide', false],
      ['tried', true],
    ])
  })

  test('of a shadow rule is told though the call passes', async () => {
    const { limiter, told } = setup()
    await limiter.check(['tried'], 'ada')
    expect(told()).toEqual([])
    expect((await limiter.check(['tried'], 'ada')).allowed).toBe(true)
    expect(told().map(({ rule, shadow }) => [rule, shadow])).toEqual([['tried', true]])
  })

  test('by a rule on trial neither hides a real one nor is counted with it', async () => {
    const { limiter, told, exhausted, clock } = setup()
    for (let i = 0; i < 200; i++) {
      await exhausted(`${i}`)
      await limiter.check(['tried'], `${i}`)
    }
    expect(told()).toHaveLength(50)
    await limiter.check(['login'], '0')
    expect(told().at(-1)).toMatchObject({ rule: 'login', shadow: false, suppressed: 0 })
    for (let i = 0; i < 7; i++) await limiter.check(['login'], '0')
    clock.advance(10_000)
    await limiter.check(['tried'], '0')
    await limiter.check(['login'], '0')
    expect(told().slice(-2)).toMatchObject([
      { rule: 'tried', suppressed: 150 },
      { rule: 'login', suppressed: 7 },
    ])
  })

  test('is not told of what only looks or is not checked', async () => {
    const { limiter, told, exhausted } = setup()
    await exhausted('ada')
    await limiter.peek(['login'], 'ada')
    await limiter.check(['login'], 'bob')
    expect(told()).toEqual([])
  })

  test('has no subject in it', async () => {
    const { limiter, events, exhausted } = setup()
    for (const account of ['ada@shop.example', '192.0.2.7']) {
      await exhausted(account)
      await limiter.check(['login'], account)
    }
    expect(JSON.stringify(events.events)).not.toMatch(/shop|@|0\.2\.7/)
  })

  test('has one hash for one subject, whichever rule, under a key', async () => {
    const subjects = async (eventKey?: Uint8Array) => {
      const { limiter, told, exhausted } = setup(eventKey ? { eventKey } : {})
      for (const account of ['ada', 'bob']) {
        await exhausted(account)
        await limiter.check(['login', 'wide'], account)
      }
      return told().map(({ subject }) => subject)
    }
    const [first, second, third] = await subjects()
    expect(second).toBe(first)
    expect(third).not.toBe(first)
    expect(await subjects()).not.toContain(first)
    const eventKey = Uint8Array.from({ length: 16 }, (_, i) => i)
    const known = await subjects(eventKey)
    expect(await subjects(eventKey)).toEqual(known)
    expect(known).not.toContain(first)
  })
})

describe('a flood of refusals', () => {
  test('of one counter is told once in ten seconds, and what was not told is counted', async () => {
    const { limiter, told, exhausted, clock } = setup()
    await exhausted('ada')
    for (let i = 0; i < 1000; i++) {
      await limiter.check(['login'], 'ada')
      clock.advance(25)
    }
    expect(told().map(({ suppressed }) => suppressed)).toEqual([0, 399, 399])
  })

  test('of one counter does not hide another one', async () => {
    const { limiter, told, exhausted } = setup()
    for (const account of ['ada', 'bob']) await exhausted(account)
    for (let i = 0; i < 1000; i++) await limiter.check(['login'], 'ada')
    await limiter.check(['login'], 'bob')
    expect(told().map(({ suppressed }) => suppressed)).toEqual([0, 999])
  })

  test('of many counters is told of fifty at once, then of ten a second', async () => {
    const { limiter, told, exhausted, clock, suppressed } = setup()
    for (let i = 0; i < 2000; i++) await exhausted(`account-${i}`)
    for (let i = 0; i < 1000; i++) await limiter.check(['login'], `account-${i}`)
    expect(told()).toHaveLength(50)
    for (let i = 1000; i < 2000; i++) {
      clock.advance(2)
      await limiter.check(['login'], `account-${i}`)
    }
    expect(told().length).toBeGreaterThanOrEqual(69)
    expect(told().length).toBeLessThanOrEqual(70)
    expect(suppressed()).toBeGreaterThan(1800)
  })

  test('tells of no counter twice within ten seconds, however many there are', async () => {
    const { limiter, events, exhausted, clock } = setup()
    for (let i = 0; i < 300; i++) await exhausted(`account-${i}`)
    for (let i = 0; i < 10_000; i++) {
      await limiter.check(['login'], `account-${(i * 7919) % 300}`)
      clock.advance(3)
    }
    const last = new Map<unknown, number>()
    for (const { time, data } of events.named('ratelimit.refused')) {
      expect(time - (last.get(data['subject']) ?? 0)).toBeGreaterThanOrEqual(10_000)
      last.set(data['subject'], time)
    }
    expect(last.size).toBeGreaterThan(100)
  })

  test('is no larger when the clock is set back', async () => {
    const { limiter, told, exhausted, clock } = setup()
    await exhausted('ada')
    const start = clock.now()
    for (let i = 0; i < 100; i++) {
      clock.set(start - i * 60_000)
      await limiter.check(['login'], 'ada')
    }
    expect(told()).toHaveLength(1)
    await exhausted('bob')
    await limiter.check(['login'], 'bob')
    expect(told()).toHaveLength(2)
  })
})

test.each([Number.POSITIVE_INFINITY, Number.NaN])('a clock that says %s lifts no budget', async (odd) => {
  const store = naiveStore({ clock: settableClock() })
  const events = recordingSink()
  let time = 0
  const limiter = rateLimiter({ rules, store, events, clock: { now: () => time } })
  for (let i = 0; i < 500; i++) {
    await limiter.penalize(['login'], `account-${i}`)
    time = i % 3 === 0 ? odd : 0
    await limiter.check(['login'], `account-${i}`)
  }
  expect(events.named('ratelimit.refused')).toHaveLength(50)
})

test('a sink that fails changes no decision', async () => {
  const clock = settableClock()
  const write = () => {
    throw new Error('disk full')
  }
  const limiter = rateLimiter({ rules, store: naiveStore({ clock }), events: { write }, clock })
  await limiter.check(['login'], 'ada')
  expect((await limiter.check(['login'], 'ada')).violated).toEqual(['login'])
})
