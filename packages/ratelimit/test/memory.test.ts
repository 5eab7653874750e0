import type { SecurityError } from '@mosaajii/core'
import { settableClock } from '@mosaajii/core/testing'
import { describe, expect, it } from 'vitest'
import { rateLimiter } from '../src/rate-limiter.ts'
import { memoryStore, type MemoryStoreOptions } from '../src/stores/memory.ts'
import type { Receipt, WindowRule } from '../src/window-store.ts'
import { openMemory } from './support/open-memory.ts'
import { windowRule } from './support/rules.ts'

const day = 86_400_000

describe('memoryStore', () => {
  it('refuses wrong options and says what is right', () => {
    const wrong: [options: unknown, message: string][] = [
      [{ maxbytes: 1 }, "unknown option 'maxbytes'"],
      [null, 'give a plain object'],
      ...[0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 33, '64'].map((maxBytes): [unknown, string] => [
        { maxBytes },
        'maxBytes must be a whole number from 1 to 4294967296',
      ]),
      [{ clock: {} }, 'clock must have a method now()'],
      [{ clock: null }, 'clock must have a method now()'],
      [{ shares: [1] }, 'shares must be an object'],
      [{ shares: null }, 'shares must be an object'],
      ...[0, -1, Number.NaN, 1001, '2'].map((api): [unknown, string] => [
        { shares: { api } },
        'must be from 0.001 to 1000',
      ]),
    ]
    for (const [options, message] of wrong) {
      expect(() => memoryStore(options as MemoryStoreOptions), JSON.stringify(options)).toThrow(message)
    }
  })

  it('takes no option from a polluted prototype', () => {
    const prototype = Object.prototype as { maxBytes?: number }
    prototype.maxBytes = 1
    try {
      expect(() => memoryStore().open([windowRule()])).not.toThrow()
    } finally {
      delete prototype.maxBytes
    }
  })

  it('serves one limiter', () => {
    const store = memoryStore()
    store.open([windowRule()])
    expect(() => store.open([windowRule()])).toThrow('give each limiter a store of its own')
  })

  it('refuses rules that it cannot keep, and shares of rules that there are not', () => {
    const rules: Partial<WindowRule>[] = [
      { limit: 1025 },
      { limit: 0 },
      { limit: 1.5 },
      { window: 367 * day },
      { window: Number.NaN },
      { quantum: 2 },
      { algorithm: 'strict', quantum: 1, window: 1001 },
      { algorithm: 'strict', limit: 1_000_000_001 },
    ]
    for (const rule of rules) {
      expect(() => memoryStore().open([{ ...windowRule(), ...rule }]), JSON.stringify(rule)).toThrow('out of range')
    }
    expect(() => memoryStore({ shares: { toString: 2 } }).open([windowRule({ name: 'api' })])).toThrow(
      "shares: there is no rule 'toString'; there are api",
    )
  })

  it('says how many bytes the rules need, and that many are enough', () => {
    const rules = [windowRule({ name: 'a' }), windowRule({ name: 'b', limit: 1024 }), windowRule({ name: 'c' })]
    const options = { shares: { b: 0.5 } }
    const error = caught(() => memoryStore({ ...options, maxBytes: 1000 }).open(rules))
    const needed = Number(/raise maxBytes to at least (\d+)/.exec(error.message)?.[1])
    expect(needed).toBeGreaterThan(100_000)
    expect(() => memoryStore({ ...options, maxBytes: needed - 1 }).open(rules)).toThrow(`at least ${needed}`)
    expect(() => memoryStore({ ...options, maxBytes: needed }).open(rules)).not.toThrow()
  })

  it('divides its bytes by shares', () => {
    const rules = [windowRule({ name: 'global' }), windowRule({ name: 'api' }), windowRule({ name: 'sign-in' })]
    const store = memoryStore({ maxBytes: 8 * 2 ** 20, shares: { global: 2 } })
    expect(store.usage()).toEqual([])
    store.open(rules)
    const usage = store.usage()
    expect(usage.map(({ rule, bytes }) => [rule, bytes / 2 ** 20])).toEqual([
      ['global', 4],
      ['api', 2],
      ['sign-in', 2],
    ])
    expect(usage[0]).toMatchObject({ used: 0, counters: 0, overflowing: 0 })
  })

  it('asks of a clock that it gives a time when it opens', () => {
    for (const time of [Number.NaN, Number.POSITIVE_INFINITY, -1, 9e15]) {
      expect(() => memoryStore({ clock: { now: () => time } }).open([windowRule()])).toThrow('clock.now() must give')
    }
  })

  it('has a clock of its own that goes forward', () => {
    const rule = windowRule({ limit: 1, window: day })
    const windows = memoryStore().open([rule])
    const demand = [{ rule, key: 'a', cost: 1 }]
    expect(windows.take(demand)).toMatchObject({ admitted: true })
    expect(windows.take(demand)).toMatchObject({ admitted: false })
  })
})

describe('a counter in memory', () => {
  it('counts a hit until its window is over, and not one millisecond longer', () => {
    const { clock, take, peek } = openMemory(windowRule({ limit: 3, window: 1000 }))
    expect(take('a', 2)).toMatchObject({ admits: true, remaining: 1, retryAfterMs: 0, resetMs: 1000 })
    clock.advance(400)
    expect(take('a')).toMatchObject({ admits: true, remaining: 0, resetMs: 600 })
    expect(take('a')).toMatchObject({
      admits: false,
      remaining: 0,
      retryAfterMs: 600,
      resetMs: 600,
      receipt: undefined,
    })
    expect(take('a', 3)).toMatchObject({ retryAfterMs: 1000 })
    expect(take('a', 4)).toMatchObject({ admits: false, retryAfterMs: null })
    clock.advance(599)
    expect(peek('a')).toMatchObject({ admits: false, retryAfterMs: 1 })
    clock.advance(1)
    expect(peek('a', 2)).toMatchObject({ admits: true, remaining: 2, resetMs: 400 })
    expect(peek('b')).toMatchObject({ admits: true, remaining: 3, resetMs: 0 })
  })

  it('lets nothing through by a clock that goes back, stands, or gives no time', () => {
    const times = [1000, 999, 0, -1, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 9e15, 1999.99]
    let time = 1000
    const rule = windowRule({ limit: 1, window: 1000 })
    const windows = memoryStore({ clock: { now: () => time } }).open([rule])
    const demand = [{ rule, key: 'a', cost: 1 }]
    expect(windows.take(demand)).toMatchObject({ admitted: true })
    for (time of times) expect(windows.take(demand), String(time)).toMatchObject({ admitted: false })
    time = 2000
    expect(windows.take(demand)).toMatchObject({ admitted: true })
  })

  it('stands still while its clock throws: that is no failure of the store, and admits nothing more', async () => {
    let isBroken = false
    let time = 5000
    const now = (): number => {
      if (isBroken) throw new Error('no time')
      return time
    }
    const key = (subject: string): string => subject
    const rules = { api: { limit: 2, window: 1000, key, onStoreFailure: 'allow' } } as const
    const limiter = rateLimiter({ rules, store: memoryStore({ clock: { now } }) })
    const admitted = async (): Promise<number> => {
      const decisions = await Promise.all(Array.from({ length: 5 }, () => limiter.check(['api'], 'a')))
      for (const { source } of decisions) expect(source).toBe('store')
      return decisions.filter(({ allowed }) => allowed).length
    }
    isBroken = true
    expect(await admitted()).toBe(2)
    time = 6000
    expect(await admitted()).toBe(0)
    isBroken = false
    expect(await admitted()).toBe(2)
  })

  it('takes from all rules or from none, and a shadow stops nobody', () => {
    const clock = settableClock()
    const [wide, narrow, shadow] = [
      windowRule({ name: 'wide', limit: 10 }),
      windowRule({ name: 'narrow', limit: 2 }),
      windowRule({ name: 'shadow', limit: 1, shadow: true }),
    ] as const
    const windows = memoryStore({ clock }).open([wide, narrow, shadow])
    const all = [wide, narrow, shadow].map((rule) => ({ rule, key: 'a', cost: 1 }))
    const remaining = (): unknown => {
      const { admitted, counters } = windows.take(all) as unknown as {
        admitted: boolean
        counters: { remaining: number }[]
      }
      return [admitted, ...counters.map((counter) => counter.remaining)]
    }
    expect(remaining()).toEqual([true, 9, 1, 0])
    expect(remaining()).toEqual([true, 8, 0, 0])
    expect(remaining()).toEqual([false, 8, 0, 0])
    expect(windows.peek(all)).toMatchObject({ admitted: false, counters: [{ admits: true }, { admits: false }, {}] })
  })

  it('refuses a rule that is asked for twice in one call, or that it does not know', () => {
    const { rule, windows } = openMemory(windowRule({ limit: 1 }))
    const twice = ['a', 'b'].map((key) => ({ rule, key, cost: 1 }))
    expect(() => windows.take(twice)).toThrow("rule 'rule' is asked for twice in one call")
    expect(() => windows.take([{ rule: { ...rule }, key: 'a', cost: 1 }])).toThrow(
      'not one that the store was opened with',
    )
    expect(windows.take([{ rule, key: 'a', cost: 1 }])).toMatchObject({ admitted: true })
  })

  it('gives a hit back once it is asked to, as far as it still counts', () => {
    const { clock, take, peek, windows } = openMemory(windowRule({ limit: 3, window: 1000 }))
    const { receipt } = take('a', 2)
    clock.advance(500)
    take('a')
    void windows.refund([receipt as Receipt])
    expect(peek('a')).toMatchObject({ remaining: 2, resetMs: 1000 })
    clock.advance(500)
    void windows.refund([receipt as Receipt])
    expect(peek('a')).toMatchObject({ remaining: 2 })
    void windows.refund([{ ...(receipt as Receipt), key: 'nobody' }])
  })

  it('gives nothing back after a reset', () => {
    const { take, peek, windows, rule } = openMemory(windowRule({ limit: 3 }))
    const { receipt } = take('a', 2)
    void windows.reset(rule, 'a')
    expect(peek('a')).toMatchObject({ remaining: 3 })
    take('a', 3)
    void windows.refund([receipt as Receipt])
    expect(peek('a')).toMatchObject({ remaining: 0 })
  })

  it('still gives back after a thousand resets of others, and no more after more than it remembers', () => {
    const { take, peek, windows, rule } = openMemory(windowRule({ limit: 2 }))
    const receipts = [take('a').receipt, take('a').receipt] as Receipt[]
    for (let i = 0; i < 1024; i++) void windows.reset(rule, `b${i}`)
    void windows.refund(receipts.slice(0, 1))
    expect(peek('a')).toMatchObject({ remaining: 1 })
    void windows.reset(rule, 'c')
    void windows.refund(receipts.slice(1))
    expect(peek('a')).toMatchObject({ remaining: 1 })
  })

  it('counts a penalty above the limit, and gives nothing back that it dropped', () => {
    const { clock, take, penalize, peek, windows } = openMemory(windowRule({ limit: 5, window: 1000 }))
    const first = take('a', 5).receipt
    clock.advance(100)
    const { receipt, ...state } = penalize('a', 3)
    expect(receipt).toBeUndefined()
    expect(state).toMatchObject({ admits: false, remaining: 0, retryAfterMs: 1000, resetMs: 900 })
    void windows.refund([first as Receipt])
    expect(peek('a')).toMatchObject({ remaining: 0 })
    const whole = penalize('b', 3)
    expect(whole).toMatchObject({ admits: false, remaining: 2 })
    void windows.refund([whole.receipt as Receipt])
    expect(peek('b')).toMatchObject({ remaining: 5 })
    expect(penalize('c', 1_000_000)).toMatchObject({ remaining: 0, retryAfterMs: null, resetMs: 1000 })
  })

  it('waits longer and longer, and says how long', () => {
    const backoff = { after: 2, base: 100, factor: 3, max: 500 }
    const { clock, take } = openMemory(windowRule({ limit: 6, window: 10_000, backoff }))
    expect(take('a')).toMatchObject({ admits: true, remaining: 5 })
    expect(take('a')).toMatchObject({ admits: true, remaining: 0, resetMs: 100 })
    for (const wait of [100, 300, 500]) {
      expect(take('a')).toMatchObject({ admits: false, retryAfterMs: wait })
      clock.advance(wait - 1)
      expect(take('a')).toMatchObject({ admits: false, retryAfterMs: 1 })
      clock.advance(1)
      expect(take('a')).toMatchObject({ admits: true, remaining: 0 })
    }
  })
})

describe('a block in memory', () => {
  it('refuses until it ends, and lives through a reset', () => {
    const { clock, rule, take, peek, windows } = openMemory(windowRule({ limit: 3 }))
    void windows.block(rule, 'a', 5000)
    void windows.reset(rule, 'a')
    expect(take('a')).toMatchObject({ admits: false, remaining: 0, retryAfterMs: 5000, resetMs: 5000 })
    expect(peek('b')).toMatchObject({ admits: true })
    clock.advance(4999)
    expect(peek('a')).toMatchObject({ admits: false, retryAfterMs: 1 })
    clock.advance(1)
    expect(peek('a')).toMatchObject({ admits: true })
  })

  it('is replaced by a later one and ended by 0', () => {
    const { rule, peek, windows } = openMemory(windowRule())
    void windows.block(rule, 'a', 5000)
    void windows.block(rule, 'a', 100)
    expect(peek('a')).toMatchObject({ retryAfterMs: 100 })
    void windows.block(rule, 'a', Number.MAX_SAFE_INTEGER)
    expect(peek('a')).toMatchObject({ admits: false })
    void windows.block(rule, 'a', 0)
    void windows.block(rule, 'b', 0)
    expect(peek('a')).toMatchObject({ admits: true })
  })

  it('throws when there are too many, keeps those that it has, and takes the place of ended ones', () => {
    const { clock, rule, peek, windows } = openMemory(windowRule(), { maxBytes: 64 * 1024 })
    const block = (key: string, forMs: number): unknown => windows.block(rule, key, forMs)
    let blocked = 0
    const error = caught(() => {
      for (; blocked < 5000; blocked++) block(`k${blocked}`, blocked % 2 === 0 ? 1000 : 2000)
    })
    expect(error).toMatchObject({ code: 'WINDOW_STORE_FULL', status: 503 })
    expect(error.message).toContain(`has ${blocked} blocked counters`)
    expect(blocked).toBeGreaterThanOrEqual(16)
    for (let i = 0; i < blocked; i++) expect(peek(`k${i}`)).toMatchObject({ admits: false })
    block('k0', 3000)
    block('k1', 0)
    block('late', 1500)
    expect(() => block('later', 1500)).toThrow('blocked counters')
    clock.advance(1000)
    for (let i = 2; i < blocked; i += 2) block(`n${i}`, 500)
    for (let i = 2; i < blocked; i++) expect(peek(`k${i}`).admits, `k${i}`).toBe(i % 2 === 0)
    expect([peek('k0').admits, peek('k1').admits, peek('late').admits, peek('n2').admits]).toEqual([
      false,
      true,
      false,
      false,
    ])
    clock.advance(5000)
    for (let i = 0; i < blocked; i++) expect(peek(`k${i}`)).toMatchObject({ admits: true })
    for (let i = 0; i < blocked; i++) block(`again${i}`, 10)
  })

  it('is still there when others end', () => {
    const { rule, peek, windows } = openMemory(windowRule(), { maxBytes: 64 * 1024 })
    const keys = Array.from({ length: 32 }, (_, i) => `k${i}`)
    for (const key of keys) void windows.block(rule, key, 1000)
    for (const [i, ended] of keys.entries()) {
      void windows.block(rule, ended, 0)
      for (const key of keys) expect(peek(key).admits).toBe(keys.indexOf(key) <= i)
    }
  })

  it('works from a clock that begins at 0', () => {
    let now = 0
    const rule = windowRule()
    const windows = memoryStore({ clock: { now: () => now } }).open([rule])
    void windows.block(rule, 'a', 10)
    void windows.block(rule, 'b', 10)
    void windows.block(rule, 'a', 0)
    expect(windows.peek([{ rule, key: 'b', cost: 1 }])).toMatchObject({ admitted: false })
    now = 10
    expect(windows.peek([{ rule, key: 'b', cost: 1 }])).toMatchObject({ admitted: true })
  })
})

function caught(work: () => unknown): SecurityError {
  try {
    work()
  } catch (error) {
    return error as SecurityError
  }
  throw new Error('it should have thrown')
}
