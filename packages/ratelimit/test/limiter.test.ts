import { settableClock } from '@mosaajii/core/testing'
import { describe, expect, test } from 'vitest'
import type { Decision } from '../src/decision.ts'
import { decide, rateLimiter } from '../src/rate-limiter.ts'
import type { Rule } from '../src/rule.ts'
import { flakyStore } from './support/flaky-store.ts'
import { naiveStore } from './support/naive-store.ts'

interface Attempt {
  readonly account: string
  readonly ip: string
}
const ada: Attempt = { account: 'ada', ip: '192.0.2.7' }
const bob: Attempt = { account: 'bob', ip: '192.0.2.7' }

const rules = {
  login: { limit: 3, window: '1m', key: (a: Attempt) => [a.account, a.ip], onStoreFailure: 'deny' },
  account: { limit: 10, window: '1m', key: (a: Attempt) => a.account, onStoreFailure: 'deny' },
  ip: { limit: 5, window: '1m', key: (a: Attempt) => a.ip, onStoreFailure: 'deny' },
} as const

function setup(changes: Record<string, Partial<Rule<Attempt>>> = {}) {
  const clock = settableClock()
  const store = flakyStore(naiveStore({ clock }))
  const all: Record<string, Rule<Attempt>> = Object.fromEntries(
    Object.entries<Rule<Attempt>>(rules).map(([name, rule]) => [name, { ...rule, ...changes[name] }]),
  )
  return { clock, store, limiter: rateLimiter<Attempt>({ rules: all, store }) }
}

const remaining = (decision: Decision) =>
  Object.fromEntries(Object.entries(decision.rules).map(([name, state]) => [name, state?.remaining]))

describe('a check', () => {
  test('counts by all rules, each by its own key', async () => {
    const { limiter } = setup()
    const first = await limiter.check(['login', 'account', 'ip'], ada)
    expect(JSON.parse(JSON.stringify(first))).toEqual({
      allowed: true,
      source: 'store',
      violated: [],
      retryAfterMs: 0,
      rules: {
        login: { limit: 3, window: 60_000, remaining: 2, retryAfterMs: 0, resetMs: 60_000, shadow: false },
        account: { limit: 10, window: 60_000, remaining: 9, retryAfterMs: 0, resetMs: 60_000, shadow: false },
        ip: { limit: 5, window: 60_000, remaining: 4, retryAfterMs: 0, resetMs: 60_000, shadow: false },
      },
    })
    expect(remaining(await limiter.check(['ip', 'account'], bob))).toEqual({ ip: 3, account: 9 })
  })

  test('counts by all of its rules or by none, and never makes a wait longer', async () => {
    const { limiter, clock } = setup()
    for (let i = 0; i < 3; i++) {
      expect((await limiter.check(['login'], ada)).allowed).toBe(true)
      clock.advance(1000)
    }
    for (let i = 0; i < 20; i++) {
      const refused = await limiter.check(['ip', 'login', 'account'], ada)
      expect(refused.allowed).toBe(false)
      expect(refused.violated).toEqual(['login'])
      expect(refused.retryAfterMs).toBe(57_000 - i)
      expect(remaining(refused)).toEqual({ login: 0, ip: 5, account: 10 })
      clock.advance(1)
    }
  })

  test('names all rules that refuse, in the order of the call, and the longest of their waits', async () => {
    const { limiter, clock } = setup()
    await limiter.check(['login'], ada, { cost: 3 })
    clock.advance(10_000)
    await limiter.check(['ip'], ada, { cost: 5 })
    const refused = await limiter.check(['ip', 'account', 'login'], ada)
    expect(refused.violated).toEqual(['ip', 'login'])
    expect(refused.retryAfterMs).toBe(60_000)
    expect([refused.rules['login']?.retryAfterMs, refused.rules['account']?.retryAfterMs]).toEqual([50_000, 0])
  })

  test('that costs more than a limit never passes', async () => {
    const { limiter } = setup()
    const refused = await limiter.check(['login', 'account'], ada, { cost: 4 })
    expect(refused.allowed).toBe(false)
    expect([refused.retryAfterMs, refused.rules['login']?.retryAfterMs]).toEqual([null, null])
    expect(refused.rules['account']?.retryAfterMs).toBe(0)
  })

  test('costs what the call says, or what the rule says, which goes before it', async () => {
    const { limiter } = setup({ account: { cost: 2 }, ip: { cost: ({ account }) => account.length } })
    const decision = await limiter.check(['login', 'account', 'ip'], ada, { cost: 1 })
    expect(remaining(decision)).toEqual({ login: 2, account: 8, ip: 2 })
    expect(remaining(await limiter.peek(['login', 'account'], bob, { cost: 3 }))).toEqual({ login: 3, account: 10 })
  })

  test('asks the store once, whatever the number of rules', async () => {
    const { limiter, store } = setup()
    await limiter.check(['login', 'account', 'ip'], ada)
    expect(store.calls).toBe(1)
  })

  test('answers at once through decide() where the store does, and later where it does not', async () => {
    const { limiter, store } = setup()
    const now = decide(limiter, ['login'], ada)
    expect(now instanceof Promise).toBe(false)
    store.mood = 'answers later'
    const later = decide(limiter, ['login'], ada)
    expect(later).toBeInstanceOf(Promise)
    expect((await later).rules['login']?.remaining).toBe(1)
    expect(() => decide({ ...limiter }, ['login'], ada)).toThrow('decide: give a limiter')
  })

  test('takes a thenable of any kind for an answer', async () => {
    const inner = naiveStore({ clock: settableClock() })
    const store: typeof inner = {
      open: (opened) => {
        const windows = inner.open(opened)
        const take = (demands: never) => ({
          then: (done: (value: unknown) => void) => done(windows.take(demands)),
        })
        return { ...windows, take: take as never }
      },
    }
    const limiter = rateLimiter({ rules, store })
    expect(decide(limiter, ['login'], ada)).toBeInstanceOf(Promise)
    expect((await limiter.check(['login'], ada)).rules.login.remaining).toBe(1)
  })
})

describe('wrong calls', () => {
  const { limiter, store } = setup()
  // Known lists must not help to read wrong ones.
  void limiter.peek(['login', 'ip'], ada)
  const calls: Record<string, (names: never) => Promise<unknown>> = {
    check: (names) => limiter.check(names, ada),
    peek: (names) => limiter.peek(names, ada),
    penalize: (names) => limiter.penalize(names, ada),
    reset: (names) => limiter.reset(names, ada),
    block: (names) => limiter.block(names, ada, '1h'),
    unblock: (names) => limiter.unblock(names, ada),
  }

  describe.each(Object.keys(calls))('%s', (who) => {
    const names: readonly (readonly [string, unknown, string])[] = [
      ['no list', 'login', 'give a list of names'],
      ['nothing', undefined, 'give a list of names'],
      ['an empty list', [], 'give 1 to 16 names'],
      ['too many', Array.from({ length: 17 }, (_, i) => `r${i}`), 'give 1 to 16 names'],
      ['a name twice', ['login', 'ip', 'login'], "'login' is there twice"],
      ['an unknown name', ['login', 'nobody'], "there is no rule 'nobody'; there are login, account, ip"],
      ['two names in one', ['login,ip'], "there is no rule 'login,ip'"],
      ['a name of an object', ['constructor'], "there is no rule 'constructor'"],
      ['no name', [5], "there is no rule '5'"],
    ]
    test.each(names)('refuses %s', async (_, value, says) => {
      const before = store.calls
      await expect(calls[who]?.(value as never)).rejects.toThrow(`${who}: ${says}`)
      expect(store.calls).toBe(before)
    })
  })

  const costs = [0, -1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53, '1', null]
  test.each(costs)('a cost of %s is refused', async (cost) => {
    const before = store.calls
    for (const who of ['check', 'peek', 'penalize'] as const) {
      const call = limiter[who](['login'], ada, { cost } as never)
      await expect(call).rejects.toThrow(`${who}: cost: give a whole number that is at least 1`)
    }
    expect(() => decide(limiter, ['login'], ada, { cost } as never)).toThrow('check: cost')
    expect(store.calls).toBe(before)
  })

  test.each(costs)("a rule's own cost of %s is refused, and nothing is counted", async (cost) => {
    const { limiter, store } = setup({ ip: { cost: () => cost as number } })
    const call = limiter.check(['login', 'ip'], ada)
    await expect(call).rejects.toThrow("rule 'ip': cost: give a whole number that is at least 1")
    expect(store.calls).toBe(0)
  })

  test('unknown options are refused', async () => {
    await expect(limiter.check(['login'], ada, { costs: 1 } as never)).rejects.toThrow("check: unknown option 'costs'")
    await expect(limiter.check(['login'], ada, 5 as never)).rejects.toThrow(
      'check: give options as an object, for example { cost: 3 }',
    )
  })

  test.each([0, -1, Number.NaN, 0.5, '1', null, undefined, '367d'])('a block for %s is refused', async (time) => {
    await expect(limiter.block(['login'], ada, time as never)).rejects.toThrow('block: give')
  })

  test('a list that is changed later is looked at again', async () => {
    const { limiter } = setup()
    const names = ['login']
    expect(Object.keys((await limiter.check(names, ada)).rules)).toEqual(['login'])
    names[0] = 'ip'
    expect(Object.keys((await limiter.check(names, ada)).rules)).toEqual(['ip'])
    names[0] = 'nobody'
    await expect(limiter.check(names, ada)).rejects.toThrow('nobody')
  })

  test('what a key function throws goes through, and nothing is counted', async () => {
    const error = new Error('the framework does not say')
    const { limiter, store } = setup({
      ip: {
        key: () => {
          throw error
        },
      },
    })
    await expect(limiter.check(['login', 'ip'], ada)).rejects.toBe(error)
    expect(store.calls).toBe(0)
  })
})

describe('with', () => {
  const grouped = () => setup({ login: { with: ['account', 'ip'] } })

  test('brings rules along in checks, peeks and penalties', async () => {
    const { limiter } = grouped()
    expect(remaining(await limiter.check(['login'], ada))).toEqual({ login: 2, account: 9, ip: 4 })
    expect(remaining(await limiter.penalize(['login'], ada))).toEqual({ login: 1, account: 8, ip: 3 })
    expect(remaining(await limiter.peek(['login'], ada))).toEqual({ login: 1, account: 8, ip: 3 })
  })

  test('counts a rule once that is also named', async () => {
    const { limiter } = grouped()
    expect(remaining(await limiter.check(['ip', 'login'], ada))).toEqual({ ip: 4, login: 2, account: 9 })
  })

  test('refuses by the rules that came along', async () => {
    const { limiter } = grouped()
    await limiter.penalize(['ip'], ada, { cost: 5 })
    const refused = await limiter.check(['login'], ada)
    expect([refused.allowed, refused.violated]).toEqual([false, ['ip']])
  })

  test('leaves the rules along with it alone in resets and blocks', async () => {
    const { limiter } = grouped()
    await limiter.check(['login'], ada)
    await limiter.reset(['login'], ada)
    expect(remaining(await limiter.peek(['login'], ada))).toEqual({ login: 3, account: 9, ip: 4 })
    await limiter.block(['login'], ada, '1h')
    expect((await limiter.check(['login'], ada)).violated).toEqual(['login'])
    expect((await limiter.check(['account', 'ip'], ada)).allowed).toBe(true)
  })
})

describe('shadow', () => {
  test('counts and refuses nobody', async () => {
    const { limiter } = setup({ login: { shadow: true } })
    for (let i = 0; i < 5; i++) {
      const decision = await limiter.check(['login', 'ip'], ada)
      expect([decision.allowed, decision.violated, decision.retryAfterMs]).toEqual([true, [], 0])
      expect(decision.rules['login']).toMatchObject({ shadow: true, remaining: Math.max(0, 2 - i) })
    }
    const refused = await limiter.check(['login', 'ip'], ada)
    expect([refused.allowed, refused.violated]).toEqual([false, ['ip']])
  })

  test('has no say in when to come back', async () => {
    const { limiter } = setup({ login: { shadow: true, limit: 1 } })
    await limiter.check(['ip'], ada, { cost: 4 })
    const refused = await limiter.check(['login', 'ip'], ada, { cost: 2 })
    expect(refused.rules['login']?.retryAfterMs).toBe(null)
    expect(refused.retryAfterMs).toBe(60_000)
  })
})

describe('a penalty', () => {
  test('counts above the limit, and is then not given back', async () => {
    const { limiter } = setup()
    const penalty = await limiter.penalize(['login'], ada, { cost: 50 })
    expect([penalty.allowed, penalty.violated]).toEqual([false, ['login']])
    await limiter.refund(penalty)
    expect((await limiter.check(['login'], ada)).allowed).toBe(false)
  })

  test('below the limit can be given back', async () => {
    const { limiter } = setup()
    await limiter.refund(await limiter.penalize(['login'], ada, { cost: 2 }))
    expect((await limiter.check(['login'], ada)).rules['login']?.remaining).toBe(2)
  })

  test('says what a peek says after it', async () => {
    const { limiter } = setup()
    const penalty = await limiter.penalize(['login', 'ip'], ada)
    expect(JSON.parse(JSON.stringify(penalty))).toEqual(
      JSON.parse(JSON.stringify(await limiter.peek(['login', 'ip'], ada))),
    )
    expect(penalty.allowed).toBe(true)
  })
})

describe('a refund', () => {
  test('gives back what a decision took, once', async () => {
    const { limiter } = setup()
    const decision = await limiter.check(['login', 'ip'], ada, { cost: 2 })
    await limiter.check(['login', 'ip'], ada)
    await limiter.refund(decision)
    expect(remaining(await limiter.peek(['login', 'ip'], ada))).toEqual({ login: 2, ip: 4 })
    await limiter.refund(decision)
    expect(remaining(await limiter.peek(['login', 'ip'], ada))).toEqual({ login: 2, ip: 4 })
  })

  test.each(['answers', 'answers later'] as const)(
    'happens once when asked for at the same time: a store that %s',
    async (mood) => {
      const { limiter, store } = setup()
      const decision = await limiter.check(['login'], ada)
      await limiter.check(['login'], ada, { cost: 2 })
      store.mood = mood
      const before = store.calls
      await Promise.all(Array.from({ length: 10 }, () => limiter.refund(decision)))
      expect(store.calls - before).toBe(1)
      expect((await limiter.peek(['login'], ada)).rules['login']?.remaining).toBe(1)
    },
  )

  test('gives nothing back for a refusal, a peek, or after a reset', async () => {
    const { limiter, store } = setup()
    const first = await limiter.check(['login'], ada, { cost: 2 })
    const peeked = await limiter.peek(['login'], ada)
    const refused = await limiter.check(['login'], ada, { cost: 2 })
    const before = store.calls
    await limiter.refund(peeked)
    await limiter.refund(refused)
    expect(store.calls).toBe(before)
    await limiter.reset(['login'], ada)
    await limiter.check(['login'], ada)
    await limiter.refund(first)
    expect((await limiter.peek(['login'], ada)).rules['login']?.remaining).toBe(2)
  })

  test('takes decisions of this limiter and nothing else', async () => {
    const { limiter } = setup()
    const other = await setup().limiter.check(['login'], ada)
    const own = await limiter.check(['login'], ada)
    for (const foreign of [other, { ...own }, Object.create(own), {}, null, undefined, 5]) {
      await expect(limiter.refund(foreign as never)).rejects.toThrow(
        'refund: give a decision that this limiter made: what await',
      )
    }
  })
})

describe('reset and block', () => {
  test('a reset forgets hits, not blocks', async () => {
    const { limiter, clock } = setup()
    await limiter.check(['login', 'ip'], ada, { cost: 3 })
    await limiter.block(['ip'], ada, '1h')
    await limiter.reset(['login', 'ip'], ada)
    expect((await limiter.check(['login'], ada)).rules['login']?.remaining).toBe(2)
    const blocked = await limiter.check(['ip'], ada)
    expect([blocked.allowed, blocked.violated, blocked.retryAfterMs]).toEqual([false, ['ip'], 3_600_000])
    clock.advance('1h')
    expect((await limiter.check(['ip'], ada)).rules['ip']?.remaining).toBe(4)
  })

  test('a block is for its subject alone, and ends when it is told to', async () => {
    const { limiter } = setup()
    await limiter.block(['login', 'account'], ada, '1h')
    expect((await limiter.check(['login'], bob)).allowed).toBe(true)
    expect((await limiter.check(['login'], ada)).allowed).toBe(false)
    await limiter.unblock(['login'], ada)
    expect((await limiter.check(['login'], ada)).allowed).toBe(true)
    expect((await limiter.check(['account'], ada)).allowed).toBe(false)
  })
})

describe('a decision', () => {
  test('shows in a log what it says, and nothing of its subject', async () => {
    const { limiter } = setup()
    const text = JSON.stringify(await limiter.check(['login', 'ip'], ada))
    expect(Object.keys(JSON.parse(text) as object)).toEqual(['allowed', 'source', 'violated', 'retryAfterMs', 'rules'])
    expect(text).not.toMatch(/ada|192\.0/)
  })

  test('says the same however often it is asked', async () => {
    const { limiter, clock } = setup()
    const decision = await limiter.check(['login'], ada)
    const { rules } = decision
    clock.advance('5m')
    await limiter.check(['login'], ada)
    expect(decision.rules).toBe(rules)
    expect(Object.isFrozen(rules) && Object.isFrozen(rules['login'])).toBe(true)
  })
})
