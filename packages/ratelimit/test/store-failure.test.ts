import { once } from 'node:events'
import { recordingSink } from '@mosaajii/core/testing'
import { Redis, ReplyError as AnyReplyError } from 'ioredis'
import { afterAll, beforeAll, describe, expect, it, onTestFinished, test } from 'vitest'
import { redisServerPath } from '../../../test/services.ts'
import { RateLimitError, rateLimiter } from '../src/index.ts'
import { limiterRedisOptions, redisStore } from '../src/redis.ts'
import { Connection } from '../src/redis/connection.ts'
import { Script } from '../src/redis/script.ts'
import { storeFailure } from '../src/store-failure.ts'
import { freePort, type RedisServer, startRedis } from './support/redis-server.ts'

/** Without types in ioredis. */
const ReplyError = AnyReplyError as new (message: string) => Error

/** What a client's call fails with, as the client has it. */
const replied = (message: string): Error => new ReplyError(message)
class MaxRetriesPerRequestError extends Error {
  override readonly name = 'MaxRetriesPerRequestError'
}

/** The errors of two calls in a row whose command does that. */
async function errorsOf(command: () => Promise<unknown>): Promise<readonly unknown[]> {
  const nodes = { of: () => '', lookAgain: () => undefined }
  const client = { evalshaBuffer: command, evalBuffer: command, exists: command }
  const connection = new Connection(client, { deadline: 10, failures: 1, probeEvery: 10_000 }, nodes)
  const call = () => connection.call((deadline) => connection.run(new Script('return 1'), 1, ['k'], deadline))
  return [await call().catch((error: unknown) => error), await call().catch((error: unknown) => error)]
}

test.each([
  [replied("NOPERM this user has no permissions to run the 'evalsha' command"), 'NOPERM'],
  [replied("ERR The user executing the script can't run this command or subcommand script: 85ec"), 'NOPERM'],
  [replied("ERR ACL failure in script: User limits has no permissions to run the 'set' command"), 'NOPERM'],
  [replied("OOM command not allowed when used memory > 'maxmemory'."), 'OOM'],
  [replied('MOVED 7 10.0.0.7:6379'), 'MOVED'],
  [replied('ERR unknown command'), 'ERR'],
  [replied('ADA is no word of Redis'), 'WINDOW_STORE_FAILED'],
  [replied('constructor'), 'WINDOW_STORE_FAILED'],
  [new TypeError('NOPERM of a mistake'), 'WINDOW_STORE_FAILED'],
  ['no error at all', 'WINDOW_STORE_FAILED'],
  // Whatever a client says when there is no reply.
  [new Error("Stream isn't writeable and enableOfflineQueue options is false"), 'connection'],
  [new Error('Connection is closed.'), 'connection'],
  [new Error('in words of a later version'), 'connection'],
  [Object.assign(new Error('connect'), { code: 'ECONNREFUSED' }), 'connection'],
  [new MaxRetriesPerRequestError('too many'), 'connection'],
])('%s: is told as %s', async (thrown, reason) => {
  // oxlint-disable-next-line typescript/prefer-promise-reject-errors -- likewise
  const [error] = await errorsOf(() => Promise.reject(thrown))
  expect(error).toMatchObject({ code: 'WINDOW_STORE_FAILED', status: 503 })
  expect(storeFailure(error)).toBe(reason)
})

test('what does not answer is told as deadline, and then as breaker', async () => {
  const errors = await errorsOf(() => new Promise<never>(() => undefined))
  expect(errors.map(storeFailure)).toEqual(['deadline', 'breaker'])
})

test('the reason is a field of the error, in whatever words its message is', () => {
  const failed = (message: string): RateLimitError =>
    new RateLimitError('WINDOW_STORE_FAILED', message, { status: 503 })
  expect(storeFailure(Object.assign(failed('in other words'), { reason: 'deadline' }))).toBe('deadline')
  for (const message of ['redisStore: NOPERM no', 'redisStore: Redis did not answer within 25 ms', 'NOPERM']) {
    expect(storeFailure(failed(message))).toBe('WINDOW_STORE_FAILED')
  }
  for (const reason of ['10.0.0.7:6379 is gone', '', 7, 'a'.repeat(65)]) {
    expect(storeFailure(Object.assign(failed('x'), { reason }))).toBe('WINDOW_STORE_FAILED')
  }
  expect(storeFailure(Object.assign(new Error('x'), { code: 'ada', reason: 'deadline' }))).toBe('ada')
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
