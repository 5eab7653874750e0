import { describe, expect, it } from 'vitest'
import { CounterTable } from '../src/memory/counter-table.ts'
import { leastBytes, tableSize } from '../src/memory/table-size.ts'
import type { MemoryStore } from '../src/stores/memory.ts'
import type { Receipt, WindowRule } from '../src/window-store.ts'
import { openMemory, type OpenMemory } from './support/open-memory.ts'
import { windowRule } from './support/rules.ts'

const small = { maxBytes: 64 * 1024 }
const minute = windowRule({ limit: 5, window: 60_000 })

function usageOf(store: MemoryStore): ReturnType<MemoryStore['usage']>[number] {
  const [usage] = store.usage()
  if (usage === undefined) throw new Error('the store has no rule')
  return usage
}

describe('the space of counters', () => {
  it('is one block for one hit, two for ten, and at most eleven for a full counter wherever its queue begins', () => {
    const exact = openMemory(windowRule({ limit: 64, window: 64_000 }))
    exact.take('a')
    expect(usageOf(exact.store).used).toBe(1)
    for (let i = 1; i < 10; i++) exact.take('a')
    expect(usageOf(exact.store).used).toBe(2)
    for (let i = 10; i < 64; i++) exact.take('a')
    expect(usageOf(exact.store).used).toBe(10)
    for (let i = 0; i < 400; i++) {
      exact.clock.advance(1000)
      exact.take('a')
      expect(usageOf(exact.store).used).toBeLessThanOrEqual(11)
    }
    const strict = openMemory(windowRule({ limit: 600, window: 60_000, algorithm: 'strict' }))
    for (let i = 0; i < 400; i++) {
      expect(strict.take('a', 9)).toMatchObject({ admits: true })
      expect(usageOf(strict.store).used).toBeLessThanOrEqual(11)
      strict.clock.advance(1000)
    }
    strict.clock.advance(60_000)
    strict.peek('a')
    expect(usageOf(strict.store).used).toBe(1)
  })

  it('is given back by and by when counters expire', () => {
    const { clock, store, take } = openMemory(minute, small)
    for (let window = 0; window < 20; window++) {
      for (let i = 0; i < 250; i++) expect(take(`${window} ${i}`, 5)).toMatchObject({ admits: true })
      clock.advance(60_000)
    }
    expect(usageOf(store).overflowing).toBe(0)
  })

  it('is never more than the bytes of the rule, and all of it is divided', () => {
    const rules = [
      minute,
      windowRule({ limit: 1024, window: 1000 }),
      windowRule({ limit: 1, window: 1 }),
      windowRule({ limit: 1_000_000_000, window: 1000, algorithm: 'strict', subWindows: 1000 }),
    ]
    for (const rule of rules) {
      const least = leastBytes(rule)
      for (const bytes of [least, least + 1, 2 * least, 10 * least + 7, 64 * 2 ** 20]) {
        const size = tableSize(rule, bytes)
        const { blocks, heads, overflows, blocked } = size
        const whole = 32 * (blocks + 1) + 4 * (heads + overflows) + 32 * blocked + 8192 + 16
        expect(whole).toBeLessThanOrEqual(bytes)
        expect(whole).toBeGreaterThan(bytes - 64)
        expect(size.overflows).toBeGreaterThanOrEqual(16)
        expect(size.reserved).toBeLessThan(size.blocks * 0.6)
        expect(Number.isInteger(Math.log2(blocked))).toBe(true)
      }
    }
  })
})

describe('a counter', () => {
  it('is that of all 64 bits of a fingerprint', () => {
    const rule = windowRule({ limit: 1 })
    const table = new CounterTable(rule, tableSize(rule, leastBytes(rule)), 0)
    const fingerprints: [low: number, high: number][] = [
      [7, 8],
      [7, 9],
      [8, 8],
      [7, -8],
      [-7, 8],
      [-1, -1],
      [0, 0],
    ]
    for (const [low, high] of fingerprints) {
      table.look(low, high, 0)
      expect(table.weigh(1), `${low} ${high}`).toBe(true)
      table.take({ rule, key: '', cost: 1 })
      table.look(low, high, 0)
      expect(table.weigh(1)).toBe(false)
      table.block(10)
    }
    table.reset()
    for (const [low, high] of [...fingerprints.map(([low, high]) => [high, low - 20] as const), [8, 9] as const]) {
      table.look(low, high, 0)
      expect(table.weigh(1), `${low} ${high}`).toBe(true)
    }
  })
})

describe('a flood of keys', () => {
  it('leaves the counters that are there as they are, and lets them go on', () => {
    const { clock, store, take, peek } = openMemory(windowRule({ limit: 20, window: 60_000 }), small)
    for (const victim of ['v1', 'v2', 'v3']) expect(take(victim, 10)).toMatchObject({ admits: true, remaining: 10 })
    for (let i = 0; i < 100_000; i++) {
      take(`junk${i}`)
      if (i % 1000 === 0) clock.advance(10)
    }
    const usage = usageOf(store)
    expect(usage.used).toBeLessThanOrEqual(usage.blocks)
    expect(usage.overflowing).toBeGreaterThan(0)
    for (const victim of ['v1', 'v2', 'v3']) {
      expect(peek(victim)).toMatchObject({ remaining: 10 })
      expect(take(victim, 10)).toMatchObject({ admits: true, remaining: 0 })
      expect(take(victim)).toMatchObject({ admits: false })
    }
  })

  it('cannot touch the counters of another rule', () => {
    const global = windowRule({ name: 'global', limit: 1 })
    const { clock, store, windows, rule, take } = openMemory(minute, small)
    expect(usageOf(store).rule).toBe(rule.name)
    expect(() => windows.take([{ rule: global, key: 'a', cost: 1 }])).toThrow('not one that the store')
    clock.advance(1)
    expect(take('a')).toMatchObject({ admits: true })
  })

  it('makes newcomers share counters that refuse, and never admits one of them too often', () => {
    const { clock, store, take } = openMemory(minute, small)
    const admitted = new Map<string, number[]>()
    for (let i = 0; i < 30_000; i++) {
      const key = `k${(i * 7919) % 3000}`
      const { admits, now } = take(key)
      if (admits) admitted.set(key, [...(admitted.get(key) ?? []), now])
      if (i % 3 === 0) clock.advance(1)
    }
    expect(usageOf(store).overflowing).toBeGreaterThan(0)
    for (const times of admitted.values()) {
      for (const [i, time] of times.entries()) {
        const sixth = times[i + 5]
        if (sixth !== undefined) expect(sixth - time).toBeGreaterThanOrEqual(60_000)
      }
    }
  })

  it('lets no key that shared a counter begin anew while that holds hits, though there is room again', () => {
    const memory = openMemory(minute, small)
    const { clock, store, take } = memory
    fill(store, take)
    clock.advance(30_000)
    const late = inOverflow(store, take)
    clock.advance(30_000)
    makeRoom(memory)
    expect(take(late)).toMatchObject({ admits: false, retryAfterMs: 30_000 })
    clock.advance(30_000)
    expect(take(late, 5)).toMatchObject({ admits: true })
  })

  it('lets keys count apart when there is room again, each from what their shared counter held', () => {
    const { late, other, clock, take, peek, used } = sharing(minute, [2])
    const before = used()
    expect(peek(late)).toMatchObject({ remaining: 2 })
    expect(used()).toBe(before)
    expect(take(other)).toMatchObject({ admits: true, remaining: 1, resetMs: 30_000 })
    expect(take(late)).toMatchObject({ admits: true, remaining: 1, resetMs: 30_000 })
    expect(take(late)).toMatchObject({ admits: true, remaining: 0 })
    expect(take(late)).toMatchObject({ admits: false, retryAfterMs: 30_000 })
    expect(take(other)).toMatchObject({ admits: true, remaining: 0 })
    clock.advance(30_000)
    expect(take(late, 3)).toMatchObject({ admits: true, remaining: 0, resetMs: 30_000 })
    expect(take(late)).toMatchObject({ admits: false })
  })

  it.each([windowRule({ limit: 40, window: 60_000 }), windowRule({ limit: 40, window: 60_000, algorithm: 'strict' })])(
    'copies each hit with its time: $algorithm',
    (rule) => {
      const { late, clock, take, peek } = sharing(rule, [1, 4, 9, 1, 9])
      expect(take(late)).toMatchObject({ admits: true, remaining: 14, resetMs: 26_000 })
      const remaining = [26_000, 1000, 1000, 1000, 1000].map((ms) => {
        clock.advance(ms)
        return peek(late).remaining
      })
      expect(remaining).toEqual([15, 19, 28, 29, 39])
    },
  )

  it('empties shared counters within a window, though keys go on to come', () => {
    const { clock, store, take } = openMemory(minute, small)
    for (let i = 0; i < 3000; i++) take(`flood${i}`)
    expect(usageOf(store).overflowing).toBeGreaterThan(10)
    const refused = [0, 1, 2, 3].map((window) => {
      let count = 0
      for (let i = 0; i < 500; i++) {
        clock.advance(120)
        if (!take(`honest${window} ${i}`).admits) count++
      }
      return count
    })
    expect(refused[0]).toBeGreaterThan(100)
    expect(refused.slice(2)).toEqual([0, 0])
    expect(usageOf(store).overflowing).toBe(0)
  })

  it('takes no room of counted keys for copies, which may be long', () => {
    const rule = windowRule({ limit: 1024, window: 60_000 })
    const maxBytes = leastBytes(rule)
    const { clock, store, take } = openMemory(rule, { maxBytes })
    fill(store, take)
    clock.advance(30_000)
    for (let i = 0; i < 500; i++) take(`late${i}`, 300)
    clock.advance(30_000)
    for (let i = 0; i < 3000; i++) take(`late${i}`)
    expect(usageOf(store).overflowing).toBeGreaterThan(0)
    clock.advance(60_000)
    expect(usageOf(store).overflowing).toBe(0)
    // The shared counters have a block each. The others were not looked at since, and have all of their blocks.
    const { used, counters } = usageOf(store)
    const { blocks, reserved, overflows } = tableSize(rule, maxBytes)
    expect(used).toBeGreaterThan(10 * counters)
    expect(used - overflows).toBeLessThanOrEqual(Math.floor((blocks - reserved) * 0.75))
  })

  it('gives back to the shared counter what was taken there, and to a copy what was taken after it', () => {
    const { late, other, receipt, take, peek, refund } = sharing(minute, [2])
    const { receipt: after } = take(late)
    refund(receipt)
    // Its copy holds what was given back to the other counter.
    expect(peek(late)).toMatchObject({ remaining: 1 })
    expect(peek(other)).toMatchObject({ remaining: 3 })
    refund(after)
    expect(peek(late)).toMatchObject({ remaining: 2 })
    expect(peek(other)).toMatchObject({ remaining: 3 })
  })

  it('counts a penalty in a copy, and leaves those who share the counter alone', () => {
    const { late, other, receipt, take, peek, penalize, refund } = sharing(minute, [2])
    expect(penalize(late, 4)).toMatchObject({ admits: false, remaining: 0, receipt: undefined })
    expect(peek(late).resetMs).toBe(30_000)
    expect(peek(other)).toMatchObject({ remaining: 2 })
    refund(receipt)
    expect(peek(other)).toMatchObject({ remaining: 2 })
    expect(take(other, 2)).toMatchObject({ admits: true })
  })

  it('forgets a copy with a reset, and gives nothing back of what was taken before', () => {
    const { rule, late, other, receipt, take, peek, windows, refund } = sharing(minute, [2])
    take(late)
    void windows.reset(rule, late)
    expect(peek(late)).toMatchObject({ remaining: 5 })
    refund(receipt)
    expect(peek(other)).toMatchObject({ remaining: 2 })
  })

  it('gives back what was taken from a shared counter, and forgets it by no reset', () => {
    const { store, take, peek, windows, rule, penalize } = openMemory(minute, small)
    fill(store, take)
    const late = inOverflow(store, take, 3)
    const { receipt } = take(late, 2)
    expect(take(late)).toMatchObject({ admits: false, remaining: 0 })
    void windows.refund([receipt as Receipt])
    expect(peek(late)).toMatchObject({ remaining: 2 })
    void windows.reset(rule, late)
    expect(peek(late)).toMatchObject({ remaining: 2 })
    const again = take(late).receipt as Receipt
    penalize(late, 4)
    void windows.refund([again])
    expect(peek(late)).toMatchObject({ remaining: 0 })
  })

  it('blocks keys all the same', () => {
    const { store, take, peek, windows, rule } = openMemory(minute, small)
    fill(store, take)
    void windows.block(rule, 'late', 1000)
    expect(take('late')).toMatchObject({ admits: false, retryAfterMs: 1000 })
    expect(peek('late')).toMatchObject({ remaining: 0 })
  })
})

describe('a counter that finds no block', () => {
  it.each([undefined, { after: 1, base: 1, factor: 1, max: 1 }])(
    'refuses what it cannot note down if it is exact, until its own hits expire; its backoff: %o',
    (backoff) => {
      const { clock, store, take, peek, penalize } = openMemory(
        windowRule({ limit: 40, window: 60_000, backoff }),
        small,
      )
      const hungry = exhaust((key) => {
        clock.advance(1)
        return take(key)
      })
      clock.advance(1)
      const usage = usageOf(store)
      const held = peek(hungry)
      expect(held).toMatchObject({ admits: false, remaining: 0 })
      expect(held.retryAfterMs).toBeGreaterThan(0)
      expect(usage.used).toBeLessThanOrEqual(usage.blocks)
      expect(() => penalize(hungry)).toThrow(expect.objectContaining({ code: 'WINDOW_STORE_FULL', status: 503 }))
      clock.advance(held.retryAfterMs ?? 0)
      expect(take(hungry)).toMatchObject({ admits: true })
    },
  )

  it('counts on if it is strict, and forgets none of its hits too early', () => {
    const rule = windowRule({ limit: 10_000, window: 60_000, algorithm: 'strict' })
    const { clock, store, take, peek } = openMemory(rule, small)
    for (let i = 0; i < 900; i++) take(`k${i}`)
    for (let round = 0; round < 59; round++) {
      clock.advance(1000)
      for (let i = 0; i < 200; i++) expect(take(`k${i}`)).toMatchObject({ admits: true, remaining: 10_000 - 2 - round })
    }
    const { used, blocks, overflowing } = usageOf(store)
    expect(used).toBeLessThanOrEqual(blocks)
    expect(overflowing).toBeLessThanOrEqual(16)
    clock.advance(1000)
    // The first hit of each is over a minute old now, those that were merged with later ones count still.
    for (let i = 0; i < 200; i++) expect(peek(`k${i}`).remaining).toBeLessThanOrEqual(10_000 - 59)
    clock.advance(60_000)
    for (let i = 0; i < 200; i++) expect(peek(`k${i}`)).toMatchObject({ remaining: 10_000 })
  })
})

type Take = ReturnType<typeof openMemory>['take']

/** Fills the room of newcomers, until the first of them must share. */
function fill(store: MemoryStore, take: Take): void {
  for (let i = 0; usageOf(store).overflowing === 0; i++) take(`fill${i}`)
}

/** A newcomer that found no room, and shares an overflow counter that nobody used before. Takes from it. */
function inOverflow(store: MemoryStore, take: Take, cost = 5, limit = 5): string {
  for (let i = 0; i < 10_000; i++) {
    const before = usageOf(store).overflowing
    const { admits, remaining } = take(`late${i}`, cost)
    if (admits && remaining === limit - cost && usageOf(store).overflowing > before) return `late${i}`
  }
  throw new Error('no newcomer came to an empty overflow counter')
}

/** Has the first keys swept away, which have expired. Those who come meanwhile join no counter that holds hits. */
function makeRoom({ rule, store, take, peek }: OpenMemory): void {
  for (let i = 0; i < 500; i++) if (peek(`new${i}`).remaining === rule.limit) take(`new${i}`)
  expect(usageOf(store).counters).toBeLessThan(usageOf(store).blocks / 2)
}

/**
 * A minute in which the table was full for newcomers has just passed. Within it `late` took in a shared counter, a second apart and the last of
 * these and one unit more 30 seconds ago; `other` would share that counter, and took nothing.
 */
function sharing(rule: WindowRule, costs: readonly number[]) {
  const memory = openMemory(rule, small)
  const { clock, store, take, peek, windows } = memory
  fill(store, take)
  clock.advance(31_000 - 1000 * costs.length)
  const late = inOverflow(store, take, costs[0], rule.limit)
  for (const cost of costs.slice(1)) {
    clock.advance(1000)
    take(late, cost)
  }
  const { remaining, receipt } = take(late)
  clock.advance(30_000)
  makeRoom(memory)
  const other = Array.from({ length: 1000 }, (_, i) => `other${i}`).find((key) => peek(key).remaining === remaining)
  const refund = (receipt: Receipt | undefined): unknown => windows.refund(receipt === undefined ? [] : [receipt])
  return { ...memory, late, other: other ?? '', receipt, refund, used: () => usageOf(store).used }
}

/** Takes for known keys until no block is left. Returns a key that was refused for that. */
function exhaust(take: Take): string {
  for (let i = 0; i < 3000; i++) take(`k${i % 300}`)
  for (let round = 0; round < 40; round++) {
    for (let i = 0; i < 300; i++) {
      const { admits } = take(`k${i}`)
      if (!admits && round < 25) return `k${i}`
    }
  }
  throw new Error('there were blocks for all')
}
