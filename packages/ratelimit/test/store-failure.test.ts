import { once } from 'node:events'
import { recordingSink } from '@mosaajii/core/testing'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, it, onTestFinished, test } from 'vitest'
import { redisServerPath } from '../../../test/services.ts'
import { RateLimitError, rateLimiter } from '../src/index.ts'
import { limiterRedisOptions, redisStore } from '../src/redis.ts'
import { storeFailure } from '../src/store-failure.ts'
import { freePort, type RedisServer, startRedis } from './support/redis-server.ts'

const failed = (message: string): RateLimitError => new RateLimitError('WINDOW_STORE_FAILED', message, { status: 503 })

test.each([
  ["redisStore: NOPERM this user has no permissions to run the 'evalsha' command", 'NOPERM'],
  ["redisStore: ERR The user executing the script can't run this command or subcommand script: 85ec", 'NOPERM'],
  ["redisStore: ERR ACL failure in script: User limits has no permissions to run the 'set' command", 'NOPERM'],
  ["redisStore: OOM command not allowed when used memory > 'maxmemory'.", 'OOM'],
  ['redisStore: MOVED 7 10.0.0.7:6379', 'MOVED'],
  ['redisStore: ERR unknown command', 'ERR'],
  ['redisStore: Redis did not answer within 25 ms', 'deadline'],
  ['redisStore: Redis does not answer; it is asked again from time to time', 'breaker'],
  ["redisStore: Stream isn't writeable and enableOfflineQueue options is false", 'connection'],
  ['redisStore: Connection is closed.', 'connection'],
  ['redisStore: connect ECONNREFUSED 10.0.0.7:6379', 'connection'],
  ['redisStore: ADA is no word of Redis', 'WINDOW_STORE_FAILED'],
  ['redisStore: constructor', 'WINDOW_STORE_FAILED'],
  ['NOPERM by another store', 'WINDOW_STORE_FAILED'],
])('%s: is told as %s', (message, reason) => {
  expect(storeFailure(failed(message))).toBe(reason)
})

test('only the failures of a store are looked at that closely', () => {
  expect(storeFailure(Object.assign(new Error('redisStore: NOPERM'), { code: 'ada' }))).toBe('ada')
  expect(storeFailure(new Error('redisStore: NOPERM'))).toBe('Error')
})

describe.skipIf(!redisServerPath())('on a real server', () => {
  /** What docs/scale.md gives to the user of the limits. */
  const least = ['+evalsha', '+eval', '+get', '+set', '+del', '+time', '+exists', '+info', '~rl:*']
  let server: RedisServer
  let admin: Redis
  beforeAll(async () => {
    server = await startRedis()
    admin = new Redis(server.url)
  })
  afterAll(async () => {
    admin.disconnect()
    await server.close()
  })

  /** A limiter whose user may do so much. */
  async function limiterOf(rights: readonly string[], port = server.port) {
    await admin.call('ACL', 'SETUSER', 'limits', 'reset', 'on', '>secret-word', ...rights)
    const client = new Redis(`redis://limits:secret-word@127.0.0.1:${port}`, { ...limiterRedisOptions })
    client.on('error', () => undefined)
    onTestFinished(() => client.disconnect())
    if (port === server.port) await once(client, 'ready', { signal: AbortSignal.timeout(2000) })
    const events = recordingSink()
    const key = (name: string): string => name
    const rules = { api: { limit: 5, window: '1m', key, onStoreFailure: 'deny' } } as const
    return { limiter: rateLimiter({ rules, store: redisStore({ client, deadline: 1000 }), events }), events }
  }

  it('the least rights are enough for every call', async () => {
    await admin.call('SCRIPT', 'FLUSH')
    const { limiter, events } = await limiterOf(least)
    const decision = await limiter.check(['api'], 'ada')
    expect(decision).toMatchObject({ allowed: true, source: 'store' })
    await limiter.refund(decision)
    await limiter.penalize(['api'], 'ada')
    await limiter.peek(['api'], 'ada')
    await limiter.reset(['api'], 'ada')
    await limiter.block(['api'], 'ada', '1m')
    await limiter.unblock(['api'], 'ada')
    expect(events.events).toEqual([])
  })

  it.each(['+evalsha', '+get', '+set', '+time', '~rl:*'])('without %s the event says NOPERM', async (right) => {
    await admin.flushall()
    const { limiter, events } = await limiterOf(least.filter((each) => each !== right))
    expect(await limiter.check(['api'], 'ada')).toMatchObject({ allowed: false, source: 'failure' })
    expect(events.events.map(({ data }) => data)).toEqual([{ reason: 'NOPERM' }])
  })

  it('where nobody listens, or not yet, it says connection', async () => {
    const { limiter, events } = await limiterOf(least, await freePort())
    expect(await limiter.check(['api'], 'ada')).toMatchObject({ allowed: false, source: 'failure' })
    expect(events.events.map(({ data }) => data)).toEqual([{ reason: 'connection' }])
  })

  it('a full server says OOM', async () => {
    const { limiter, events } = await limiterOf(least)
    await admin.config('SET', 'maxmemory', '1')
    onTestFinished(async () => void (await admin.config('SET', 'maxmemory', '0')))
    expect(await limiter.check(['api'], 'bob')).toMatchObject({ allowed: false, source: 'failure' })
    expect(events.events.map(({ data }) => data)).toEqual([{ reason: 'OOM' }])
  })
})
