import { settableClock } from '@mosaajii/core/testing'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { memoryStore } from '../src/stores/memory.ts'
import type { OpenWindows, StoreAnswer, WindowRule } from '../src/window-store.ts'
import { NaiveWindows } from './support/naive-store.ts'
import { windowRule } from './support/rules.ts'

const stores: Readonly<Record<string, (rule: WindowRule, clock: { now(): number }) => OpenWindows>> = {
  'a store over plain arrays': (_, clock) => new NaiveWindows(clock),
  'the store in memory': (rule, clock) => memoryStore({ clock, maxBytes: 2 ** 20 }).open([rule]),
}

interface Traffic {
  readonly limit: number
  readonly window: number
  readonly subWindows: number
  readonly calls: readonly (readonly [wait: number, cost: number])[]
}

const traffic: fc.Arbitrary<Traffic> = fc
  .record({
    limit: fc.integer({ min: 1, max: 60 }),
    window: fc.oneof(fc.integer({ min: 1, max: 500 }), fc.constantFrom(1000, 60_000, 900_000)),
    subWindows: fc.oneof(fc.constantFrom(10, 60), fc.integer({ min: 1, max: 1000 })),
  })
  .chain((shape) => {
    const wait = fc.oneof(fc.nat(3), fc.nat(Math.ceil(shape.window / 8)), fc.nat(shape.window + 2))
    const cost = fc.oneof({ weight: 3, arbitrary: fc.constant(1) }, fc.integer({ min: 1, max: shape.limit }))
    const calls = fc.array(fc.tuple(wait, cost), { minLength: 1, maxLength: 80, size: 'max' })
    return calls.map((calls) => ({ ...shape, calls }))
  })

describe.each(Object.entries(stores))('strict, on %s', (_, open) => {
  const take = (windows: OpenWindows, rule: WindowRule, cost: number): boolean =>
    (windows.take([{ rule, key: 'a', cost }]) as StoreAnswer).admitted

  test('refuses only what an exact limiter of window * (1 + 1/K) + 1 ms would refuse that admitted the same', () => {
    fc.assert(
      fc.property(traffic, ({ limit, window, subWindows, calls }) => {
        const clock = settableClock()
        const rule = windowRule({ algorithm: 'strict', limit, window, subWindows })
        const windows = open(rule, clock)
        const admitted: { readonly time: number; readonly cost: number }[] = []
        const sumAfter = (after: number): number =>
          admitted.reduce((sum, { time, cost }) => (time > after ? sum + cost : sum), 0)
        for (const [wait, cost] of calls) {
          clock.set(clock.now() + wait)
          const time = clock.now()
          if (take(windows, rule, cost)) {
            admitted.push({ time, cost })
            expect(sumAfter(time - window)).toBeLessThanOrEqual(limit)
          } else {
            expect(sumAfter(time - (window * (1 + 1 / subWindows) + 1)) + cost).toBeGreaterThan(limit)
          }
        }
      }),
      { numRuns: 1000 },
    )
  })

  test('lets steady traffic of 95 % of the limit pass', () => {
    const rates = fc.record({
      limit: fc.constantFrom(60, 100, 300, 1000),
      window: fc.constantFrom(1000, 60_000, 900_000),
      phase: fc.nat(20_000),
    })
    fc.assert(
      fc.property(rates, ({ limit, window, phase }) => {
        const clock = settableClock()
        const start = clock.now() + phase
        const rule = windowRule({ algorithm: 'strict', limit, window })
        const windows = open(rule, clock)
        for (let call = 0; call < 3 * limit; call++) {
          clock.set(start + Math.floor((call * window) / (limit * 0.95)))
          expect(take(windows, rule, 1)).toBe(true)
        }
      }),
      { numRuns: 40 },
    )
  })
})
