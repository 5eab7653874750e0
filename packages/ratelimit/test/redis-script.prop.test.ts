import fc from 'fast-check'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { redisServerPath } from '../../../test/services.ts'
import { KeyNames } from '../src/redis/key-names.ts'
import { limiterRedisOptions, redisStore } from '../src/redis.ts'
import { keptAt, readCounter } from '../src/window-math.ts'
import type { WindowRule } from '../src/window-store.ts'
import { connected } from './support/redis-client.ts'
import { decodedState, encodedState } from './support/redis-state.ts'
import { type RedisServer, startRedis } from './support/redis-server.ts'
import { windowRules } from './support/rules.ts'

interface Case {
  readonly rule: WindowRule
  /** How long before now, or after it, each hit lies, in 1/64 of the window; and its units. */
  readonly hits: readonly (readonly [number, number])[]
  readonly blockedFor: number
  readonly cost: number
}

const cases: fc.Arbitrary<Case> = windowRules(1, ['short', 'usual', 'long']).chain(([rule]) => {
  if (rule === undefined) throw new Error('no rule')
  const units = fc.oneof(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: rule.limit }))
  return fc.record({
    rule: fc.constant({ ...rule, shadow: false }),
    hits: fc.array(fc.tuple(fc.integer({ min: -8, max: 80 }), units), { maxLength: 12 }),
    blockedFor: fc.oneof(fc.constant(0), fc.integer({ min: -50, max: 1000 })),
    cost: fc.oneof(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: rule.limit + 2 })),
  })
})

describe.skipIf(!redisServerPath())('the script on a real server', () => {
  let server: RedisServer
  let client: Redis
  beforeAll(async () => {
    server = await startRedis()
    client = await connected(new Redis(server.url, { ...limiterRedisOptions }))
  })
  afterAll(async () => {
    client?.disconnect()
    await server?.close()
  })

  /** Puts a counter into the server as the script keeps it. */
  async function put({ rule, hits, blockedFor }: Case, key: string): Promise<void> {
    const now = Date.now()
    const kept = new Map<number, number>()
    // A counter has a place for no more units.
    let room = 2 ** 32 - 1
    for (const [part, units] of hits) {
      const at = keptAt(rule, now - Math.floor((part * rule.window) / 64))
      const before = kept.get(at) ?? 0
      const more = Math.min(units, rule.limit - before, room)
      if (more === 0) continue
      kept.set(at, before + more)
      room -= more
    }
    const times = [...kept.keys()].sort((a, b) => a - b)
    const units = times.map((time) => kept.get(time) ?? 0)
    const state = {
      mark: 1,
      seen: now,
      largest: rule.limit,
      blockedUntil: blockedFor === 0 ? 0 : now + blockedFor,
      times,
      units,
    }
    await client.set(new KeyNames('rl', undefined).of(rule, key), encodedState(state))
  }

  test('every number agrees with the reference arithmetic', async () => {
    let calls = 0
    await fc.assert(
      fc.asyncProperty(cases, async (one) => {
        const { rule, cost } = one
        const windows = redisStore({ client, deadline: 1000 }).open([rule])
        const key = `k${calls++}`
        await put(one, key)
        const redisKey = new KeyNames('rl', undefined).of(rule, key)
        const before = decodedState(await client.getBuffer(redisKey))
        const peeked = (await windows.peek([{ rule, key, cost }])).counters[0]
        const now = peeked?.now ?? 0
        const read = readCounter(rule, before, now, cost)
        expect(peeked).toMatchObject({ ...read, admits: read.retryAfterMs === 0 })
        expect(await client.getBuffer(redisKey)).toEqual(encodedState(before))

        const taken = (await windows.take([{ rule, key, cost }])).counters[0]
        const then = taken?.now ?? 0
        const atTake = readCounter(rule, before, then, cost)
        expect(taken?.retryAfterMs).toBe(atTake.retryAfterMs)
        const [kept, expiry] = await Promise.all([client.getBuffer(redisKey), client.pexpiretime(redisKey)])
        // The shortest windows are over before they can be looked at.
        if (kept === null || expiry === -2) return
        const after = decodedState(kept)
        const left = readCounter(rule, after, then, cost)
        expect(taken).toMatchObject({ remaining: left.remaining, resetMs: left.resetMs })
        if (taken?.admits) {
          expect(taken.receipt).toMatchObject({
            at: Math.max(keptAt(rule, then), before.times.at(-1) ?? 0),
            units: cost,
          })
          expect(expiry).toBe((after.times.at(-1) ?? 0) + rule.window)
        } else {
          expect(taken?.receipt).toBeUndefined()
          expect(after).toEqual(before)
        }
      }),
      { numRuns: 1500 },
    )
  })
})
