// What is refused when a guard is made, and what its types allow.
import type { Facts, Guard } from '@mosaajii/core'
import { settableClock } from '@mosaajii/core/testing'
import { admit, type Decision, limitGuard, type RateLimiter, rateLimiter } from '@mosaajii/ratelimit'
import * as onExpress from '@mosaajii/ratelimit/express'
import * as onFastify from '@mosaajii/ratelimit/fastify'
import * as onHono from '@mosaajii/ratelimit/hono'
import { describe, expect, expectTypeOf, test } from 'vitest'
import { naiveStore } from '../support/naive-store.ts'

interface Till {
  readonly till: string
}

const facts = (address?: string): Facts => ({
  method: 'GET',
  target: '/',
  address,
  header: () => undefined,
  get: () => undefined,
})
const store = () => naiveStore({ clock: settableClock() })
const limiter = rateLimiter({
  rules: {
    api: { limit: 2, window: '1m', key: ({ address }: Pick<Facts, 'address'>) => address, onStoreFailure: 'deny' },
    global: { limit: 9, window: '1m', key: ({ address }: Facts) => address, onStoreFailure: 'deny' },
  },
  store: store(),
})
const tills = rateLimiter({
  rules: { till: { limit: 2, window: '1m', key: ({ till }: Till) => till, onStoreFailure: 'deny' } },
  store: store(),
})
const loose = limitGuard as (...args: unknown[]) => Guard<'rateLimit', Decision>

describe('limitGuard', () => {
  test.each([
    ['no limiter', [{}, ['api']], /limitGuard: give a limiter/],
    ['a look-alike', [{ ...limiter, check: () => undefined }, ['api']], /limitGuard: give a limiter/],
    ['no names', [limiter, []], /limitGuard: give 1 to 16 names/],
    ['one name without a list', [limiter, 'api'], /limitGuard: give a list/],
    ['an unknown name', [limiter, ['apl']], /no rule 'apl'; there are api, global/],
    ['a name twice', [limiter, ['api', 'api']], /twice/],
    ['an unknown option', [limiter, ['api'], { policyName: {} }], /unknown option 'policyName'/],
    ['options that are none', [limiter, ['api'], 'legacy'], /plain object/],
    ['a subject that is no function', [limiter, ['api'], { subject: 'address' }], /subject: give a function/],
    ['a cost of zero', [limiter, ['api'], { cost: 0 }], /cost: give a whole number/],
    ['a cost of a half', [limiter, ['api'], { cost: 0.5 }], /cost: give a whole number/],
    ['a cost of NaN', [limiter, ['api'], { cost: Number.NaN }], /cost: give a whole number/],
    ['a cost as text', [limiter, ['api'], { cost: '1' }], /cost: give a whole number/],
    ['a count of 0', [limiter, ['api'], { count: 0 }], /limitGuard: count: give true or false/],
    ['fields of no', [limiter, ['api'], { fields: 'no' }], /fields: give true or false/],
    ['legacy of 1', [limiter, ['api'], { legacy: 1 }], /legacy: give true or false/],
    ['a name for no rule', [limiter, ['api'], { policyNames: { apl: 'x' } }], /policyNames: unknown option 'apl'/],
    ['a name that is none', [limiter, ['api'], { policyNames: { api: 'a\nb' } }], /printable ASCII/],
    ['a name that is no text', [limiter, ['api'], { policyNames: { api: 7 } }], /printable ASCII/],
    ['one name for two', [limiter, ['api'], { policyNames: { api: 'x', global: 'x' } }], /one name/],
    ['the name of another rule', [limiter, ['api'], { policyNames: { api: 'global' } }], /one name/],
    [
      'a secret that is too short',
      [limiter, ['api'], { partitionKey: { secret: new Uint8Array(15) } }],
      /16 random bytes/,
    ],
    ['a secret as text', [limiter, ['api'], { partitionKey: { secret: 'x'.repeat(16) } }], /16 random bytes/],
    ['a partition key without a secret', [limiter, ['api'], { partitionKey: {} }], /16 random bytes/],
    ['an unknown option of it', [limiter, ['api'], { partitionKey: { key: 1 } }], /partitionKey: unknown option/],
  ])('refuses %s', (_, args, message) => {
    expect(() => loose(...args)).toThrow(message)
  })

  test.each([
    ['limitGuard', limitGuard],
    ['rateLimit', onExpress.rateLimit],
    ['rateLimit', onFastify.rateLimit],
    ['rateLimitHook', onFastify.rateLimitHook],
    ['rateLimit', onHono.rateLimit],
  ])('says %s where that was called', (name, called) => {
    const make = called as (...args: unknown[]) => unknown
    const wrong: readonly unknown[][] = [
      [{}, ['api']],
      [limiter, 'api'],
      [limiter, ['apl']],
      [limiter, ['api'], { subject: 'address' }],
      [limiter, ['api'], { cost: 0 }],
      [limiter, ['api'], { legacy: 1 }],
      [limiter, ['api'], { policyNames: { apl: 'x' } }],
      [limiter, ['api'], { partitionKey: {} }],
      [limiter, ['api'], { skip: () => false }],
    ]
    for (const args of wrong) expect(() => make(...args)).toThrow(new RegExp(`^${name}: `))
    const later = { subject: () => Promise.resolve({}), cost: () => Promise.resolve(1) as never }
    for (const [option, value] of Object.entries(later)) {
      const made = make(limiter, ['api'], { [option]: value }) as { guard?: Guard<string, unknown> }
      const guard = made.guard ?? (made as Guard<string, unknown>)
      expect(() => guard.check(facts('192.0.2.9'))).toThrow(new RegExp(`^${name}: ${option}: it is a promise`))
    }
  })

  test('keeps its names, whatever becomes of the list', async () => {
    const names: ('api' | 'global')[] = ['api']
    const guard = limitGuard(limiter, names)
    names[0] = 'global'
    const verdict = await guard.check(facts('192.0.2.1'))
    expect(Object.keys(verdict.pass ? verdict.data.rules : {})).toEqual(['api'])
  })

  test('answers at once on a store that answers at once', () => {
    expect(limitGuard(limiter, ['api']).check(facts('192.0.2.2'))).not.toBeInstanceOf(Promise)
  })

  test('only looks where it is not to count', async () => {
    const looked = rateLimiter({
      rules: { api: { limit: 3, window: '1m', key: (of: Facts) => of.address, onStoreFailure: 'deny' } },
      store: store(),
    })
    const guard = limitGuard(looked, ['api'], { count: false, cost: ({ method }) => (method === 'PUT' ? 2 : 1) })
    const [ada, bob] = [facts('192.0.2.1'), facts('192.0.2.2')]
    for (let i = 0; i < 9; i++) expect(await guard.check(ada)).toMatchObject({ pass: true, data: { allowed: true } })
    expect(await guard.check(ada)).toMatchObject({
      headers: [
        ['RateLimit-Policy', '"api";q=3;w=60'],
        ['RateLimit', '"api";r=3'],
      ],
    })
    await looked.penalize(['api'], ada, { cost: 2 })
    expect(await guard.check(ada)).toMatchObject({ pass: true })
    expect(await guard.check({ ...ada, method: 'PUT' })).toMatchObject({ pass: false, error: { status: 429 } })
    await looked.penalize(['api'], ada)
    expect(await guard.check(ada)).toMatchObject({ pass: false, error: { status: 429, code: 'QUOTA_EXCEEDED' } })
    await looked.block(['api'], bob, '1m')
    expect(await guard.check(bob)).toMatchObject({ pass: false, error: { status: 429 } })
    await looked.unblock(['api'], bob)
    expect((await looked.peek(['api'], bob)).rules.api.remaining).toBe(3)
  })

  test('asks about the subject', async () => {
    const guard = limitGuard(tills, ['till'], { subject: ({ method }) => ({ till: method }) })
    const [first, second, third] = [facts(), facts(), facts()].map((each) => guard.check(each))
    expect([await first, await second, await third]).toMatchObject([{ pass: true }, { pass: true }, { pass: false }])
  })

  test('has types that know the rules and the subject', () => {
    expectTypeOf(limitGuard(limiter, ['api'])).toExtend<Guard<'rateLimit', Decision<'api' | 'global', 'api'>>>()
    // @ts-expect-error -- there is no such rule
    expect(() => limitGuard(limiter, ['apl'])).toThrow(TypeError)
    // @ts-expect-error -- the facts of a request have no till
    const forgotten = limitGuard(tills, ['till'])
    expect(() => forgotten.check(facts())).toThrow(expect.objectContaining({ code: 'RATE_KEY_MISSING' }))
    // @ts-expect-error -- that is no subject of this limiter
    limitGuard(tills, ['till'], { subject: () => ({ tiller: '1' }) })
    expectTypeOf(onExpress.rateLimit(limiter, ['api']).guard).toExtend<Guard<'rateLimit', Decision>>()
    expectTypeOf(onFastify.rateLimit(limiter, ['api']).guard).toExtend<Guard<'rateLimit', Decision>>()
    expectTypeOf(onFastify.rateLimitHook(limiter, ['api']).guard).toExtend<Guard<'rateLimit', Decision>>()
    expectTypeOf(onHono.rateLimit(limiter, ['api']).guard).toExtend<Guard<'rateLimit', Decision>>()
    expectTypeOf(limiter).toExtend<RateLimiter<Facts>>()
  })
})

test('admit keeps apart two limiters that have a rule of one name', async () => {
  const other = rateLimiter({
    rules: { api: { limit: 77, window: '2m', key: () => 'all', onStoreFailure: 'deny' } },
    store: store(),
  })
  const [mine, theirs] = [await limiter.check(['api'], facts('192.0.2.3')), await other.check(['api'], undefined)]
  expect(admit(mine)).toContainEqual(['RateLimit-Policy', '"api";q=2;w=60'])
  expect(admit(theirs)).toContainEqual(['RateLimit-Policy', '"api";q=77;w=120'])
  expect(admit(mine)).toContainEqual(['RateLimit-Policy', '"api";q=2;w=60'])
})

test('admit tells each policy once, also of decisions that are around themselves', async () => {
  const one = await limiter.check(['api'], facts('192.0.2.4'))
  const other = await limiter.check(['global'], facts('192.0.2.4'))
  const policies = (decision: Decision, outer: Decision) =>
    admit(decision, { outer }).find(([name]) => name === 'RateLimit-Policy')?.[1]
  admit(one)
  expect(policies(one, one)).toBe('"api";q=2;w=60')
  expect(policies(other, one)).toBe('"api";q=2;w=60, "global";q=9;w=60')
  expect(policies(one, other)).toBe('"global";q=9;w=60, "api";q=2;w=60')
  expect(policies(other, other)).toBe('"api";q=2;w=60, "global";q=9;w=60')
})

test('what somebody writes into the fields of one answer is not told in the next', async () => {
  const told = async () => admit(await limiter.check(['global'], facts('192.0.2.5')))
  for (const pair of await told()) Object.assign(pair, { 1: 'forged' })
  expect(await told()).toContainEqual(['RateLimit-Policy', '"global";q=9;w=60'])
})

test('admit takes a decision that somebody made for a test', () => {
  const state = { limit: 5, window: 60_000, remaining: 0, retryAfterMs: 1500, resetMs: 1500, shadow: false }
  const rules = { api: state, tried: { ...state, shadow: true } }
  const made = { allowed: false, source: 'store', violated: ['api'], retryAfterMs: 1500, rules } as const
  const headers = [
    ['Retry-After', '2'],
    ['RateLimit-Policy', '"api";q=5;w=60'],
    ['RateLimit', '"api";r=0;t=2'],
  ]
  expect(() => admit(made)).toThrow(
    expect.objectContaining({ problem: expect.objectContaining({ headers }) as unknown }),
  )
})
