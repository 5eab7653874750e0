import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { redisServerPath } from '../../../test/services.ts'
import { limiterRedisOptions, redisStore } from '../src/redis.ts'
import { windowStoreContract } from '../src/testing.ts'
import { newTally } from './schedules.ts'
import { testContract } from './support/contract.ts'
import { connected } from './support/redis-client.ts'
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
    for (const [what, times] of Object.entries(tally)) expect(times, what).toBeGreaterThan(50)
  })
})
