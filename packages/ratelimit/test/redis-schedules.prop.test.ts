import { Cluster, Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { redisServerPath } from '../../../test/services.ts'
import { limiterClusterOptions, limiterRedisOptions, redisStore } from '../src/redis.ts'
import { windowStoreContract } from '../src/testing.ts'
import { newTally } from './schedules.ts'
import { testContract } from './support/contract.ts'
import { connected } from './support/redis-client.ts'
import { type RedisCluster, startCluster } from './support/redis-cluster.ts'
import { type RedisServer, startRedis } from './support/redis-server.ts'
import { playOnRedis } from './support/redis-stage.ts'

describe.skipIf(!redisServerPath())('on one Redis', () => {
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

  describe('the contract', () => {
    testContract(windowStoreContract({ make: () => redisStore({ client, deadline: 10_000 }) }))
  })

  // More: `npm run fuzz -- ratelimit --redis=redis://…`.
  test('every answer in 320 schedules is what the definitions say', { timeout: 120_000 }, async () => {
    const seed = globalThis.crypto.getRandomValues(new Int32Array(1))[0] ?? 0
    const tally = newTally()
    await playOnRedis(client, 'schedules', 320, seed, tally)
    for (const [what, times] of Object.entries(tally)) expect(times, what).toBeGreaterThan(10)
  })
})

describe.skipIf(!redisServerPath())('on a Redis Cluster', () => {
  let cluster: RedisCluster
  let client: Cluster
  beforeAll(async () => {
    cluster = await startCluster()
    const nodes = cluster.servers.map(({ port }) => ({ host: '127.0.0.1', port }))
    client = await connected(new Cluster(nodes, { ...limiterClusterOptions }))
  })
  afterAll(async () => {
    client?.disconnect()
    await cluster?.close()
  })

  // Calls at once on several slots may refuse one another: what is promised of them has a test of its own.
  const atSameTime = 'takes concurrent calls one after the other'
  describe('the contract', () => {
    const cases = windowStoreContract({ make: () => redisStore({ client, deadline: 10_000 }) })
    testContract(cases.filter(({ name }) => name !== atSameTime))
  })

  test('every answer in 160 schedules of calls to several slots is what the definitions say', {
    timeout: 120_000,
  }, async () => {
    const tally = newTally()
    const seed = globalThis.crypto.getRandomValues(new Int32Array(1))[0] ?? 0
    await playOnRedis(client, 'schedules', 160, seed, tally)
    for (const [what, times] of Object.entries(tally)) expect(times, what).toBeGreaterThan(0)
  })
})
