// What all objects inherit is nobody's option and no part of an answer.
import type { Facts } from '@mosaajii/core'
import { settableClock } from '@mosaajii/core/testing'
import { admit, decide, limitGuard, rateLimiter, refusalOf } from '@mosaajii/ratelimit'
import { afterEach, describe, expect, test } from 'vitest'
import { naiveStore } from './support/naive-store.ts'

const everything = Object.prototype as unknown as Record<string, unknown>
const names = [
  'subject',
  'cost',
  'count',
  'partitionKey',
  'fields',
  'legacy',
  'policyNames',
  'secret',
  'source',
  'clock',
  'outer',
]
afterEach(() => {
  for (const name of names) delete everything[name]
})

const rules = {
  api: { limit: 1, window: '1m', key: ({ address }: Pick<Facts, 'address'>) => address, onStoreFailure: 'deny' },
} as const
const make = () => rateLimiter({ rules, store: naiveStore({ clock: settableClock() }) })
const facts: Facts = {
  method: 'GET',
  target: '/',
  address: '192.0.2.1',
  header: () => undefined,
  get: () => undefined,
}

describe('what every object inherits', () => {
  test('is no option of a guard', async () => {
    let drawn = 0
    everything.subject = () => ({ address: `made-up-${drawn++}` })
    everything.cost = 1e9
    everything.count = false
    everything.partitionKey = { secret: new Uint8Array(16) }
    everything.fields = false
    everything.legacy = true
    everything.policyNames = { api: 'told' }
    for (const options of [undefined, {}]) {
      const guard = limitGuard(make(), ['api'], options)
      const first = await guard.check(facts)
      expect(first.pass).toBe(true)
      expect(first.pass && first.headers).toEqual([
        ['RateLimit-Policy', '"api";q=1;w=60'],
        ['RateLimit', '"api";r=0;t=60'],
      ])
      expect((await guard.check(facts)).pass).toBe(false)
    }
    expect(drawn).toBe(0)
  })

  test('is no secret of partition keys', () => {
    everything.secret = new Uint8Array(16)
    expect(() => limitGuard(make(), ['api'], { partitionKey: {} as never })).toThrow('give 16 random bytes')
  })

  test('is no option of a call', async () => {
    everything.cost = 1e9
    const limiter = make()
    expect((await limiter.check(['api'], facts, {})).allowed).toBe(true)
    expect((await decide(limiter, ['api'], { address: '192.0.2.2' }, {})).allowed).toBe(true)
  })

  test('says nothing about who answered', async () => {
    everything.source = 'failure'
    const decision = await make().check(['api'], facts)
    expect([decision.allowed, decision.source]).toEqual([true, 'store'])
  })

  test('is no clock of a limiter', async () => {
    let reads = 0
    everything.clock = { now: () => reads++ }
    const limiter = rateLimiter({
      rules,
      store: naiveStore({ clock: settableClock() }),
      events: { write: () => undefined },
    })
    await limiter.check(['api'], facts)
    await limiter.check(['api'], facts)
    expect(reads).toBe(0)
  })

  test('is no option of a refusal', async () => {
    const limiter = make()
    const decision = await limiter.check(['api'], facts)
    everything.outer = await rateLimiter({ rules: { other: rules.api } }).check(['other'], facts)
    everything.fields = false
    everything.legacy = true
    const told = [
      ['RateLimit-Policy', '"api";q=1;w=60'],
      ['RateLimit', '"api";r=0;t=60'],
    ]
    expect(admit(decision)).toEqual(told)
    expect(admit(decision, { policyNames: {} })).toEqual(told)
    const refused = await limiter.check(['api'], facts)
    expect(refusalOf(refused, { policyNames: {} })?.problem.headers).toEqual([['Retry-After', '60'], ...told])
  })
})

describe('a refusal', () => {
  test.each([undefined, null, make(), make().check(['api'], facts)])('of %o says what to give', (value) => {
    for (const [call, who] of [
      [admit, 'admit'],
      [refusalOf, 'refusalOf'],
    ] as const) {
      expect(() => call(value as never)).toThrow(
        new TypeError(`${who}: give a decision: what await limiter.check(…) gave`),
      )
    }
  })
})
