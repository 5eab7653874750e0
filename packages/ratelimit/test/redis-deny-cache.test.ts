import { describe, expect, it } from 'vitest'
import { DenyCache } from '../src/redis/deny-cache.ts'
import type { Demand, OpenWindows, StoreAnswer } from '../src/window-store.ts'
import { NaiveWindows } from './support/naive-store.ts'
import { windowRule } from './support/rules.ts'

const rule = windowRule({ name: 'api', limit: 3, window: 5000 })
const wide = windowRule({ name: 'global', limit: 100, window: 5000 })
const shadow = windowRule({ name: 'shadow', limit: 1, window: 5000, shadow: true })

/** A store behind the cache, a clock of both, and how often the store was asked. */
function setup() {
  let now = 1_000_000
  const windows = new NaiveWindows({ now: () => now })
  let asked = 0
  const counted: OpenWindows = {
    take: (demands) => {
      asked++
      return windows.take(demands)
    },
    peek: (demands) => windows.peek(demands),
    penalize: (demands) => windows.penalize(demands),
    refund: (receipts) => windows.refund(receipts),
    reset: (one, key) => windows.reset(one, key),
    block: (one, key, forMs) => windows.block(one, key, forMs),
  }
  return {
    windows,
    cache: new DenyCache(counted, () => now),
    pass: (ms: number) => {
      now += ms
    },
    asked: () => asked,
  }
}

const demand = (cost = 1, key = 'k', one = rule): Demand => ({ rule: one, key, cost })

describe('the deny cache', () => {
  it('says no again without asking, for a second at most', async () => {
    const { cache, pass, asked } = setup()
    await cache.take([demand(3)])
    expect(await cache.take([demand()])).toMatchObject({ admitted: false, counters: [{ retryAfterMs: 5000 }] })
    pass(999)
    const again = await cache.take([demand()])
    expect(again).toMatchObject({ admitted: false, source: 'denyCache' })
    expect(again.counters[0]).toMatchObject({ admits: false, remaining: 0, retryAfterMs: 4001, resetMs: 4001 })
    expect(asked()).toBe(2)
    pass(1)
    expect((await cache.take([demand()])).source).toBeUndefined()
    expect(asked()).toBe(3)
  })

  it('never refuses what the store would admit', async () => {
    const { cache, pass, windows } = setup()
    await cache.take([demand(3)])
    pass(4700)
    for (let ms = 0; ms < 400; ms++) {
      const would = windows.peek([demand()]).admitted
      expect((await cache.take([demand()])).admitted).toBe(would)
      if (would) break
      pass(1)
    }
  })

  it('asks for a smaller cost than was refused', async () => {
    const { cache } = setup()
    await cache.take([demand(2)])
    expect((await cache.take([demand(2)])).admitted).toBe(false)
    expect(await cache.take([demand(3)])).toMatchObject({ source: 'denyCache' })
    expect(await cache.take([demand(1)])).toMatchObject({ admitted: true })
  })

  it('keeps to one counter: another key, and another rule that was only asked along', async () => {
    const { cache } = setup()
    const both = [demand(1, 'k', wide), demand(3)]
    await cache.take(both)
    await cache.take(both)
    expect(await cache.take(both)).toMatchObject({
      source: 'denyCache',
      counters: [{ admits: true, remaining: 99, retryAfterMs: 0 }, { admits: false }],
    })
    expect(await cache.take([demand(1, 'other', wide), demand(3)])).toMatchObject({
      source: 'denyCache',
      counters: [{ admits: true, remaining: 0 }, { admits: false }],
    })
    expect(await cache.take([demand(1, 'k', wide)])).toMatchObject({ admitted: true })
    expect(await cache.take([demand(1, 'other')])).toMatchObject({ admitted: true })
  })

  it('does not remember what a shadow would refuse', async () => {
    const { cache } = setup()
    await cache.take([demand(1, 'k', shadow)])
    await cache.take([demand(1, 'k', shadow)])
    expect(await cache.take([demand(1, 'k', shadow)])).toMatchObject({ admitted: true })
  })

  it.each(['refund', 'reset', 'block'] as const)('sees a %s of this process at once', async (what) => {
    const { cache } = setup()
    const { counters } = await cache.take([demand(3)])
    if (what === 'block') await cache.block(rule, 'k', 100)
    await cache.take([demand()])
    expect(await cache.take([demand()])).toMatchObject({ source: 'denyCache' })
    if (what === 'refund') await cache.refund(counters.flatMap(({ receipt }) => receipt ?? []))
    if (what !== 'refund') await cache.reset(rule, 'k')
    if (what === 'block') await cache.block(rule, 'k', 0)
    expect(await cache.take([demand()])).toMatchObject({ admitted: true })
  })

  it('does not remember a refusal that arrives after what was given back', async () => {
    const { windows } = setup()
    let deliver: (answer: StoreAnswer) => void = () => undefined
    const slow: OpenWindows = {
      take: () => new Promise((resolve) => (deliver = resolve)),
      peek: (demands) => windows.peek(demands),
      penalize: (demands) => windows.penalize(demands),
      refund: () => undefined,
      reset: () => undefined,
      block: () => undefined,
    }
    const cache = new DenyCache(slow, () => 0)
    windows.penalize([demand(3)])
    const refused = cache.take([demand()])
    await cache.reset(rule, 'k')
    deliver(windows.peek([demand()]))
    expect((await refused).admitted).toBe(false)
    const next = cache.take([demand()])
    deliver({ admitted: true, counters: [] })
    expect((await next).source).toBeUndefined()
  })

  it('keeps ten thousand refusals and no more', async () => {
    const { cache, asked } = setup()
    for (let i = 0; i < 10_001; i++) await cache.take([demand(4, `k${i}`)])
    const before = asked()
    await cache.take([demand(4, 'k10000')])
    await cache.take([demand(4, 'k1')])
    expect(asked()).toBe(before)
    await cache.take([demand(4, 'k0')])
    expect(asked()).toBe(before + 1)
  })
})
