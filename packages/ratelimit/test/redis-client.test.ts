import { Cluster, Redis } from 'ioredis'
import { expect, it } from 'vitest'
import { redisStore } from '../src/redis.ts'

it('a client as ioredis makes it is refused, with how to make one', () => {
  const whole = 'All settings at once: new Redis(url, { ...limiterRedisOptions })'
  expect(() => redisStore({ client: new Redis({ lazyConnect: true }) })).toThrow(whole)
})

it('so is that of a cluster', () => {
  const whole = 'All settings at once: new Cluster(nodes, { ...limiterClusterOptions })'
  expect(() => redisStore({ client: new Cluster([], { lazyConnect: true }) })).toThrow(whole)
})
