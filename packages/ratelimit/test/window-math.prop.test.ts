import fc from 'fast-check'
import { expect, test } from 'vitest'
import { backoffGap, keptAt, readCounter } from '../src/window-math.ts'
import type { WindowRule } from '../src/window-store.ts'
import { NaiveCounter } from './support/naive-counter.ts'
import { windowRule, windowRules } from './support/rules.ts'

interface Reading {
  readonly rule: WindowRule
  readonly start: number
  /** The time since the hit before, and what was counted then. */
  readonly hits: readonly (readonly [number, number])[]
  readonly blockedFor: number
  /** The time from the last hit to the question. */
  readonly later: number
  readonly cost: number
}

/** Counters as they may be found: above the limit, blocked, in part expired. */
const reading = (lengths: readonly ('short' | 'usual' | 'long')[]): fc.Arbitrary<Reading> =>
  windowRules(1, lengths).chain(([rule = windowRule()]) => {
    const wait = fc.oneof(fc.nat(5), fc.nat(Math.ceil(rule.window / 2)))
    const units = fc.oneof(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: rule.limit }))
    return fc.record({
      rule: fc.constant(rule),
      start: fc.constantFrom(0, 1, 4_294_967_290, 1_790_000_000_123),
      hits: fc.array(fc.tuple(wait, units), { maxLength: 12 }),
      blockedFor: fc.oneof(fc.constant(0), fc.nat(80)),
      later: fc.oneof(fc.nat(3), fc.nat(rule.window + 5)),
      cost: fc.oneof(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: rule.limit + 2 })),
    })
  })

/** Reads one counter in both ways. */
function readBoth({ rule, start, hits, blockedFor, later, cost }: Reading) {
  const counter = new NaiveCounter(rule)
  const kept = new Map<number, number>()
  let now = start
  for (const [wait, units] of hits) {
    now += wait
    counter.count(units, now)
    kept.set(keptAt(rule, now), (kept.get(keptAt(rule, now)) ?? 0) + units)
  }
  counter.blockedUntil = now + blockedFor
  now += later
  const view = { times: [...kept.keys()], units: [...kept.values()], blockedUntil: counter.blockedUntil }
  const naive = {
    remaining: counter.remaining(now),
    retryAfterMs: counter.retryAfterMs(cost, now),
    resetMs: counter.resetMs(now),
  }
  return { read: readCounter(rule, view, now, cost), naive, counter, now }
}

test('what is read of a counter is what the definitions say', () => {
  fc.assert(
    fc.property(reading(['short', 'usual', 'long']), (one) => {
      const { read, naive } = readBoth(one)
      expect(read).toEqual(naive)
    }),
    { numRuns: 5000 },
  )
})

test('the first millisecond at which a cost passes, and more remains, is the first of all milliseconds', () => {
  fc.assert(
    fc.property(reading(['short']), (one) => {
      const { read, counter, now } = readBoth(one)
      const all = Array.from({ length: 300 }, (_, i) => now + i)
      const passes = all.find((time) => counter.admits(one.cost, time))
      expect(read.retryAfterMs).toBe(passes === undefined ? null : passes - now)
      const grows = all.find((time) => counter.remaining(time) > read.remaining)
      expect(read.resetMs).toBe(grows === undefined ? 0 : grows - now)
    }),
    { numRuns: 1500 },
  )
})

test('a hit is kept as if it came at the next multiple of the quantum, to the millisecond', () => {
  fc.assert(
    fc.property(windowRules(1, ['short', 'usual', 'long']), fc.maxSafeNat(), ([rule = windowRule()], any) => {
      // Up to the year 36,812.
      const now = any % 2 ** 50
      const kept = keptAt(rule, now)
      expect(kept).toBe(NaiveCounter.keptAt(rule, now))
      expect(kept % rule.quantum).toBe(0)
      expect(kept - now).toBeGreaterThanOrEqual(0)
      expect(kept - now).toBeLessThan(rule.quantum)
    }),
    { numRuns: 5000 },
  )
})

test('a rounded hit that lies ahead makes nobody wait', () => {
  const rule = windowRule({ algorithm: 'strict', limit: 5, window: 60_000 })
  const view = { times: [2000], units: [1], blockedUntil: 0 }
  expect(readCounter(rule, view, 1001, 4)).toEqual({ remaining: 4, retryAfterMs: 0, resetMs: 60_999 })
})

test('a wait that ends between two milliseconds ends at the later', () => {
  const rule = windowRule({ limit: 5, backoff: { after: 1, base: 5, factor: 1.5, max: 1000 } })
  const view = { times: [0, 100], units: [1, 1], blockedUntil: 0 }
  expect(readCounter(rule, view, 100, 1).retryAfterMs).toBe(8)
})

test('a wait is worked out step by step, in whichever order the steps are asked for', () => {
  const backoff = fc
    .tuple(
      fc.integer({ min: 1, max: 20 }),
      fc.integer({ min: 1, max: 1000 }),
      fc.constantFrom(1, 1.001, 1.5, 7 / 3, 10),
    )
    .chain(([after, base, factor]) =>
      fc.integer({ min: base, max: 2 ** 35 }).map((max) => ({ after, base, factor, max })),
    )
  fc.assert(
    fc.property(backoff, fc.array(fc.nat(1100), { maxLength: 20 }), (backoff, asked) => {
      for (const live of asked) {
        let gap = live < backoff.after ? 0 : backoff.base
        for (let unit = backoff.after; unit < live && gap < backoff.max; unit++) gap *= backoff.factor
        expect(backoffGap(backoff, live)).toBe(Math.ceil(Math.min(gap, backoff.max)))
      }
    }),
    { numRuns: 1000 },
  )
})

test.each([1, 1.001])(
  'a full counter with a growing wait is read in few steps, also a blocked one: factor %d',
  (by) => {
    let steps = 0
    const backoff = {
      after: 1,
      base: 1,
      max: 60_000,
      get factor() {
        steps++
        return by
      },
    }
    const rule = windowRule({ limit: 1024, window: 3_600_000, backoff })
    const times = Array.from({ length: 1024 }, (_, i) => i)
    const view = { times, units: times.map(() => 1), blockedUntil: 0 }
    expect(readCounter(rule, view, 1100, 1024).retryAfterMs).toBe(3_600_000 - 1100 + 1023)
    expect(readCounter(rule, { ...view, blockedUntil: 7_200_000 }, 1100, 1)).toMatchObject({ retryAfterMs: 7_198_900 })
    expect(steps).toBeLessThan(3000)
  },
)
