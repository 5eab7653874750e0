// What the error of a refusal without the store says of the reason, and that neither a client nor a log gets to see more than that.
import { once } from 'node:events'
import { inspect } from 'node:util'
import { toProblem } from '@mosaajii/core'
import { settableClock } from '@mosaajii/core/testing'
import { Redis } from 'ioredis'
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { redisServerPath } from '../../../test/services.ts'
import { type RateLimiter, rateLimiter, type RateLimitRefusal, refusalOf, type WindowStore } from '../src/index.ts'
import { limiterRedisOptions, redisStore } from '../src/redis.ts'
import { flakyStore } from './support/flaky-store.ts'
import { naiveStore } from './support/naive-store.ts'
import { freePort, type RedisServer, startRedis } from './support/redis-server.ts'

const key = (name: string): string => name
const rules = {
  denied: { limit: 1, window: '1m', key, onStoreFailure: 'deny' },
  shared: { limit: 9, window: '1m', key, onStoreFailure: { localShare: 1 } },
} as const
type Limiter = RateLimiter<string, 'denied' | 'shared'>

async function refused(limiter: Limiter, name: 'denied' | 'shared' = 'denied'): Promise<RateLimitRefusal> {
  const refusal = refusalOf(await limiter.check([name], 'ada-of-till-3'))
  if (refusal === undefined) throw new Error('it was allowed')
  return refusal
}

describe('a store of one’s own', () => {
  const failing = (mood: 'throws' | 'rejects' | 'babbles', error?: unknown): Limiter => {
    const store = flakyStore(naiveStore({ clock: settableClock() }))
    Object.assign(store, { mood }, error === undefined ? {} : { error })
    return rateLimiter({ rules, store })
  }

  test.each(['throws', 'rejects'] as const)('that %s: its error is the cause', async (mood) => {
    const error = new TypeError('no route to host')
    const refusal = await refused(failing(mood, error))
    expect(refusal).toMatchObject({ code: 'LIMITER_UNAVAILABLE', status: 503 })
    expect(refusal.cause).toBe(error)
    expect(JSON.stringify([refusal, toProblem(refusal), refusal.problem])).not.toContain('no route')
  })

  test('that gives no answer is the cause itself', async () => {
    expect((await refused(failing('babbles'))).cause).toMatchObject({ message: 'the store gave no answer' })
  })

  test('of which some counters are away: why is the cause', async () => {
    const failure = new Error('one node is away')
    const lost = { admits: false, remaining: 0, retryAfterMs: null, resetMs: 0, now: 0, receipt: undefined }
    const store: WindowStore = {
      open: (opened) => ({
        ...naiveStore({ clock: settableClock() }).open(opened),
        take: (demands) => ({ admitted: false, counters: demands.map(() => ({ ...lost, failed: true })), failure }),
      }),
    }
    expect((await refused(rateLimiter({ rules, store }))).cause).toBe(failure)
  })

  test('what a limit refuses has none, by the store or by the share of this process', async () => {
    const full: Limiter = rateLimiter({ rules, store: naiveStore({ clock: settableClock() }) })
    await full.check(['denied'], 'ada-of-till-3')
    const gone = failing('throws')
    await gone.check(['shared'], 'ada-of-till-3')
    for (const refusal of [await refused(full), await refused(gone, 'shared')]) {
      expect(refusal.code).toBe('QUOTA_EXCEEDED')
      expect('cause' in refusal).toBe(false)
    }
  })
})

describe.skipIf(!redisServerPath())('redisStore with a password in the URL', () => {
  const password = 'horse-battery-staple'
  let server: RedisServer
  beforeEach(async () => {
    server = await locked()
  })
  afterEach(() => server.close())

  /** A server that asks for the password. */
  async function locked(more: readonly string[] = []): Promise<RedisServer> {
    const started = await startRedis(more)
    const admin = new Redis(started.url)
    await admin.config('SET', 'requirepass', password)
    admin.disconnect()
    return started
  }

  async function limiterAt(url: string, isReady = true): Promise<Limiter> {
    const client = new Redis(url, { ...limiterRedisOptions })
    client.on('error', () => undefined)
    onTestFinished(() => client.disconnect())
    if (isReady) await once(client, 'ready', { signal: AbortSignal.timeout(2000) })
    return rateLimiter({ rules, store: redisStore({ client, prefix: 'shop', deadline: 200 }) })
  }

  /** The causes of five refusals in a row: the first ones of what fails, the last ones of the breaker. */
  async function causesOf(limiter: Limiter): Promise<string> {
    const messages: string[] = []
    for (let i = 0; i < 5; i++) {
      const refusal = await refused(limiter)
      expect(refusal.cause).toMatchObject({ code: 'WINDOW_STORE_FAILED', reason: expect.any(String) as string })
      const { reason, message } = refusal.cause as Error & { readonly reason: string }
      messages.push(`${reason}: ${message}`)
      // All that a log could find.
      const shown = inspect(refusal, { depth: 20, showHidden: true }) + JSON.stringify(refusal)
      for (const hidden of [password, 'wrong-', 'ada-of-till-3', 'shop:denied']) expect(shown).not.toContain(hidden)
    }
    return messages.join('\n')
  }
  const urlAt = (port: number, word = password): string => `redis://:${word}@127.0.0.1:${port}`

  test('that is wrong', async () => {
    expect(await causesOf(await limiterAt(urlAt(server.port, `wrong-${password}`), false))).toMatch(
      /^NOAUTH: |^connection: /m,
    )
  })

  test('where nobody listens', async () => {
    expect(await causesOf(await limiterAt(urlAt(await freePort()), false))).toContain('connection: ')
  })

  test('on a server that hangs', async () => {
    const limiter = await limiterAt(urlAt(server.port))
    server.stop()
    const causes = await causesOf(limiter)
    expect(causes).toContain('deadline: ')
    expect(causes).toContain('breaker: ')
  })

  test('on a server that is killed', async () => {
    const limiter = await limiterAt(urlAt(server.port))
    await server.kill()
    expect(await causesOf(limiter)).toContain('connection: ')
  })

  test('on a server that knows no scripts', async () => {
    const other = await locked(['--rename-command', 'EVALSHA', ''])
    onTestFinished(() => other.close())
    expect(await causesOf(await limiterAt(urlAt(other.port)))).toContain("ERR unknown command 'evalsha'")
  })
})
