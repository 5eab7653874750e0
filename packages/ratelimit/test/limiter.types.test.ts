// What has to compile, and what must not: read by `tsc -p .`; a wrong type is an unused @ts-expect-error there.
import type { Facts } from '@mosaajii/core'
import { describe, expectTypeOf, it } from 'vitest'
import {
  type Decision,
  decide,
  type ManualRuleName,
  memoryStore,
  presets,
  type RateLimiter,
  rateLimiter,
  type Rule,
  type RuleState,
} from '../src/index.ts'

interface Attempt {
  readonly account: string
  readonly ip: string
}

const onStoreFailure = 'deny'
const rules = {
  ip: { limit: 5, window: '1m', key: (call: { ip: string }) => call.ip, onStoreFailure },
  login: { limit: 5, window: '1m', key: (call: Attempt) => [call.account, call.ip], with: ['ip'], onStoreFailure },
  all: { limit: 5, window: 1000, key: () => 'all', cost: (call: { units: number }) => call.units, onStoreFailure },
} as const

describe('the types', () => {
  it('find out what calls are about, and what the rules are called', () => {
    const limiter = rateLimiter({ rules })
    expectTypeOf(limiter).toExtend<RateLimiter<Attempt & { units: number }, 'ip' | 'login' | 'all'>>()
    const call = async () => {
      const decision = await limiter.check(['login', 'ip'], { account: 'ada', ip: '192.0.2.7', units: 1 })
      expectTypeOf(decision.rules.login).toEqualTypeOf<RuleState>()
      expectTypeOf(decision.rules.all).toEqualTypeOf<RuleState | undefined>()
      expectTypeOf(decision.violated).toEqualTypeOf<readonly ('ip' | 'login' | 'all')[]>()
      // @ts-expect-error -- there is no such rule
      void decision.rules.nobody
      // @ts-expect-error -- there is no such rule
      await limiter.check(['nobody'], { account: 'ada', ip: '192.0.2.7', units: 1 })
      // @ts-expect-error -- a rule wants to know the units
      await limiter.peek(['login'], { account: 'ada', ip: '192.0.2.7' })
      // @ts-expect-error -- there is no such rule
      await limiter.block(['nobody'], { account: 'ada', ip: '192.0.2.7', units: 1 }, '1h')
      expectTypeOf(decide(limiter, ['ip'], { account: 'ada', ip: '', units: 1 })).toEqualTypeOf<
        Decision<'ip' | 'login' | 'all', 'ip'> | Promise<Decision<'ip' | 'login' | 'all', 'ip'>>
      >()
      await limiter.refund(decision)
    }
    expectTypeOf(call).toBeFunction()
  })

  it('take rules written in the call, with presets beside them', () => {
    const limiter = rateLimiter({
      rules: {
        ...presets.manual({ address: (call: Attempt) => call.ip, account: (call) => call.account }),
        search: { limit: 10, window: '1s', key: (call: Attempt) => call.ip, onStoreFailure: { localShare: 2 } },
      },
      store: memoryStore({ maxBytes: 16 * 2 ** 20 }),
    })
    expectTypeOf(limiter).toEqualTypeOf<RateLimiter<Attempt, ManualRuleName | 'search'>>()
  })

  it('take the subject from the application, so that key functions need no types', () => {
    const limiter = rateLimiter<Attempt>({
      rules: { login: { limit: 5, window: '1m', key: (call) => call.account, onStoreFailure } },
    })
    expectTypeOf(limiter).toEqualTypeOf<RateLimiter<Attempt>>()
    const typed = { login: { limit: 5, window: '1m', key: (call) => call.ip, onStoreFailure } } satisfies Record<
      string,
      Rule<Attempt>
    >
    expectTypeOf(rateLimiter({ rules: typed })).toEqualTypeOf<RateLimiter<Attempt, 'login'>>()
  })

  it('do not take a limiter of other subjects', () => {
    const limiter = rateLimiter({ rules: { login: { ...rules.login, with: [] } } })
    // @ts-expect-error -- requests have no account
    expectTypeOf(limiter).toExtend<RateLimiter<Facts, 'login'>>()
    const take = (taken: RateLimiter<Facts>): unknown => taken
    // @ts-expect-error -- requests have no account
    take(limiter)
    take(rateLimiter({ rules: { api: { ...rules.ip, key: (facts: Facts) => facts.address } } }))
    take(rateLimiter({ rules: { api: { ...rules.ip, key: () => 'all' } } }))
    const show = (decision: Decision): unknown => decision.rules['login']?.remaining
    expectTypeOf<Decision<'login' | 'ip', 'ip'>>().toExtend<Parameters<typeof show>[0]>()
  })

  it('ask for what has no default', () => {
    // @ts-expect-error -- what happens without the store
    const unsaid: Rule<Attempt> = { limit: 5, window: '1m', key: ({ ip }) => ip }
    // @ts-expect-error -- whom it counts
    const keyless: Rule<Attempt> = { limit: 5, window: '1m', onStoreFailure }
    // @ts-expect-error -- null is no part of a key
    const empty: Rule<Attempt> = { limit: 5, window: '1m', key: () => null, onStoreFailure }
    // @ts-expect-error -- a length of time has a unit
    const timeless: Rule<Attempt> = { limit: 5, window: '15', key: ({ ip }) => ip, onStoreFailure }
    expectTypeOf([unsaid, keyless, empty, timeless]).toExtend<Rule<Attempt>[]>()
  })
})
