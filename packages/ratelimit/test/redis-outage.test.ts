import { Redis } from 'ioredis'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { redisServerPath } from '../../../test/services.ts'
import { rateLimiter } from '../src/index.ts'
import { limiterRedisOptions, redisStore } from '../src/redis.ts'
import { connected } from './support/redis-client.ts'
import { type Load, loadOn, percentile } from './support/redis-load.ts'
import { freePort, type RedisServer, startRedis } from './support/redis-server.ts'
import { windowRule } from './support/rules.ts'

const rule = windowRule({ name: 'api', limit: 1_000_000, window: 60_000, algorithm: 'strict' })
const demandsOf = (call: number) => [{ rule, key: `k${call % 100}`, cost: 1 }]

/** What a call may cost while the server is gone, and a test machine may add when it is busy. */
const longest = 50
const slack = 60

describe.skipIf(!redisServerPath())('a server that goes away under load', () => {
  let server: RedisServer
  let clients: Redis[] = []
  let load: Load | undefined
  beforeEach(async () => {
    server = await startRedis()
  })
  afterEach(async () => {
    await load?.stop()
    for (const client of clients) client.disconnect()
    clients = []
    load = undefined
    await server.close()
  })

  async function clientOf(url = server.url): Promise<Redis> {
    const client = new Redis(url, { ...limiterRedisOptions })
    clients.push(client)
    return connected(client)
  }

  /** Checks what an outage cost, and how soon calls passed again. */
  function judge(calls: Load['calls'], goneAt: number, backAt: number): void {
    const during = calls.filter(({ ended, begun }) => ended > goneAt && begun < backAt)
    const failures = during.filter(({ outcome }) => outcome === 'failed').toSorted((a, b) => a.ended - b.ended)
    expect(failures.length).toBeGreaterThan(100)
    const third = failures[2]?.ended ?? 0
    const waits = during
      .filter(({ begun }) => begun <= third)
      .map(({ begun, ended }) => ended - Math.max(begun, goneAt))
    expect(percentile(waits, 90)).toBeLessThan(longest)
    expect(Math.max(...waits)).toBeLessThan(longest + slack)
    const later = failures.filter(({ begun }) => begun > third).map(({ begun, ended }) => ended - begun)
    expect(percentile(later, 98)).toBeLessThan(1)
    const again = calls.find(({ begun, outcome }) => begun > backAt && outcome === 'admitted')
    console.log(
      `longest ${Math.max(...waits).toFixed(1)} ms, then 98 % below ${percentile(later, 98).toFixed(3)} ms, back after ${((again?.begun ?? Number.NaN) - backAt).toFixed(0)} ms`,
    )
    expect((again?.begun ?? Number.POSITIVE_INFINITY) - backAt).toBeLessThan(500 + slack)
  }

  test('SIGSTOP: a server that hangs costs little, and is back soon after it goes on', async () => {
    load = loadOn(redisStore({ client: await clientOf() }).open([rule]), demandsOf, 50)
    await sleep(300)
    const goneAt = performance.now()
    server.stop()
    await sleep(800)
    const backAt = performance.now()
    server.continue()
    await sleep(700)
    await load.stop()
    judge(load.calls, goneAt, backAt)
  })

  test('SIGKILL and a restart: the same', async () => {
    load = loadOn(redisStore({ client: await clientOf() }).open([rule]), demandsOf, 50)
    await sleep(300)
    const goneAt = performance.now()
    await server.kill()
    await sleep(500)
    await server.restart()
    const backAt = performance.now()
    await sleep(800)
    await load.stop()
    judge(load.calls, goneAt, backAt)
  })

  test('a hang longer than the socket timeout ends no differently', async () => {
    load = loadOn(redisStore({ client: await clientOf() }).open([rule]), demandsOf, 20)
    await sleep(200)
    const goneAt = performance.now()
    server.stop()
    await sleep(2500)
    const backAt = performance.now()
    server.continue()
    await sleep(800)
    await load.stop()
    judge(load.calls, goneAt, backAt)
  })

  test('local shares add up to no more than they should, however often the server comes and goes', async () => {
    const rules = {
      api: { limit: 40, window: 60_000, key: () => 'k', algorithm: 'exact', onStoreFailure: { localShare: 5 } },
    } as const
    const processes = [await clientOf(), await clientOf()].map((client) =>
      rateLimiter({ rules, store: redisStore({ client }) }),
    )
    const sources: string[] = []
    let isOver = false
    const work = processes.map(async (limiter) => {
      while (!isOver) {
        const { allowed, source } = await limiter.check(['api'], {})
        if (allowed) sources.push(source)
        await sleep(2)
      }
    })
    for (let outage = 0; outage < 3; outage++) {
      await sleep(20)
      server.stop()
      await sleep(200)
      server.continue()
      await sleep(250)
    }
    isOver = true
    await Promise.all(work)
    const local = sources.filter((source) => source === 'local').length
    console.log(`limit 40, two shares of 5: ${sources.length} admitted, ${local} of them locally`)
    expect(local).toBeGreaterThan(0)
    expect(local).toBeLessThanOrEqual(10)
    expect(sources.length - local).toBeLessThanOrEqual(40)
  })

  test('a wrong port fails at once', async () => {
    const client = new Redis(`redis://127.0.0.1:${await freePort()}`, { ...limiterRedisOptions })
    clients.push(client.on('error', () => undefined))
    const windows = redisStore({ client }).open([rule])
    load = loadOn(windows, demandsOf, 20)
    await sleep(300)
    await load.stop()
    expect(load.calls.every(({ outcome }) => outcome === 'failed')).toBe(true)
    expect(
      percentile(
        load.calls.map(({ begun, ended }) => ended - begun),
        90,
      ),
    ).toBeLessThan(2)
  })
})
