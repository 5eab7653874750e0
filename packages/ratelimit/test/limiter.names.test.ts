// Lists of names that read otherwise each time.
import { settableClock } from '@mosaajii/core/testing'
import { limitGuard, rateLimiter } from '@mosaajii/ratelimit'
import { describe, expect, test } from 'vitest'
import { naiveStore } from './support/naive-store.ts'

type Name = 'loose' | 'tight'

const key = (): string => 'one'
const make = () =>
  rateLimiter({
    rules: {
      loose: { limit: 1000, window: '1m', key, onStoreFailure: 'deny' },
      tight: { limit: 1, window: '1m', key, onStoreFailure: 'deny' },
    },
    store: naiveStore({ clock: settableClock() }),
  })

/** A list of one name, which is one thing at first and another from a certain reading on. */
function changingNames(first: string, before: string, readings: number, after: string): readonly Name[] {
  let read = 0
  return new Proxy<readonly Name[]>(['tight'], {
    get: (list, property, self) => {
      if (property !== '0') return Reflect.get(list, property, self) as unknown
      read++
      if (read === 1) return first
      return read <= readings ? before : after
    },
  })
}

const orders = [1, 2, 3, 4, 5, 6, 7].flatMap((readings) =>
  (['nobody', 'loose', 'tight'] as const).flatMap((first) => [
    [readings, first, 'loose', 'tight'] as const,
    [readings, first, 'tight', 'loose'] as const,
  ]),
)

describe('a list of names that changes', () => {
  test.each(orders)('after %i readings never makes another list mean its rules (%s, %s, %s)', async (...order) => {
    const [readings, first, before, after] = order
    const calls = [
      (limiter: ReturnType<typeof make>, names: readonly Name[]) => limiter.check(names, undefined),
      (limiter: ReturnType<typeof make>, names: readonly Name[]) => limiter.reset(names, undefined),
      async (limiter: ReturnType<typeof make>, names: readonly Name[]) => void limitGuard(limiter, names),
    ]
    for (const call of calls) {
      const limiter = make()
      await call(limiter, changingNames(first, before, readings, after)).catch(() => undefined)
      expect(Object.keys((await limiter.peek(['tight'], undefined)).rules)).toEqual(['tight'])
      expect(Object.keys((await limiter.peek(['loose'], undefined)).rules)).toEqual(['loose'])
    }
  })

  test('is asked by one reading of it', async () => {
    const limiter = make()
    const guard = limitGuard(limiter, changingNames('tight', 'loose', 9, 'loose'))
    const facts = { method: 'GET', target: '/', address: undefined, header: () => undefined, get: () => undefined }
    const verdict = await guard.check(facts)
    expect(verdict.pass && Object.keys(verdict.data.rules)).toEqual(['tight'])
  })
})
