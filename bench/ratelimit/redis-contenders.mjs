import { once } from 'node:events'
import { discardEvents } from '@mosaajii/core'
import { rateLimiter } from '@mosaajii/ratelimit'
import { limiterRedisOptions, redisStore } from '@mosaajii/ratelimit/redis'
import { Redis } from 'ioredis'
import { RateLimiterRedis } from 'rate-limiter-flexible'

const SECONDS = 60
const HUGE = 1_000_000_000

/** Where three rules are asked. */
const AT_THREE = [50]

/**
 * What is measured, each over a connection of its own.
 *
 * @param {number} port
 * @returns {Promise<{ name: string, decide: (key: string) => Promise<boolean>, refuses?: boolean, at?: number[] }[]>}
 */
export async function redisContenders(port) {
  const rule = { limit: HUGE, window: SECONDS * 1000, key: (address) => address, onStoreFailure: 'deny' }
  const tenth = { ...rule, subWindows: 10 }
  const quick = { ...tenth, window: 1000 }
  const exact = { ...rule, limit: 1024, window: 1000, algorithm: 'exact' }
  const full = { ...tenth, limit: 1, window: '1h', algorithm: 'strict' }
  const ours = (prefix, rules) => ourDecisions(port, prefix, rules)
  const peer = (prefix, count, options) => peerDecisions(port, prefix, count, options)
  return [
    { name: 'ours, strict, K = 10', decide: await ours('ten', { tenth }) },
    { name: 'ours, strict, K = 60', decide: await ours('sixty', { rule }) },
    { name: 'ours, strict, K = 10, each call in a new part', decide: await ours('quick', { quick }) },
    { name: 'ours, exact', decide: await ours('exact', { exact }) },
    { name: 'rate-limiter-flexible', decide: await peer('flexible', 1) },
    { name: 'ours, refused', decide: await ours('refused', { full }), refuses: true },
    {
      name: 'rate-limiter-flexible, refused',
      decide: await peer('flexible-refused', 1, { points: 1, duration: 3600 }),
      refuses: true,
    },
    {
      name: 'ours, three rules in one call',
      decide: await ours('three', { one: tenth, two: tenth, three: tenth }),
      at: AT_THREE,
    },
    { name: 'rate-limiter-flexible, three calls', decide: await peer('flexible-three', 3), at: AT_THREE },
  ]
}

/** On a connection that is ready, with a deadline that only a very busy machine would meet. */
export async function ourStore(port, prefix) {
  const client = new Redis({ port, host: '127.0.0.1', ...limiterRedisOptions })
  await once(client, 'ready')
  return redisStore({ client, prefix, deadline: 250 })
}

async function ourDecisions(port, prefix, rules) {
  const limiter = rateLimiter({ rules, store: await ourStore(port, prefix), events: discardEvents() })
  const names = Object.keys(rules)
  return async (key) => {
    const { allowed, source } = await limiter.check(names, key)
    if (source !== 'store') throw new Error(`Redis did not decide: ${source}`)
    return allowed
  }
}

/** Several of its limiters are asked at once, as its documentation does. */
async function peerDecisions(port, prefix, count, options) {
  const storeClient = new Redis({ port, host: '127.0.0.1' })
  await once(storeClient, 'ready')
  const limiters = Array.from({ length: count }, (_, i) => {
    const keyPrefix = `${prefix}-${i}`
    return new RateLimiterRedis({ storeClient, keyPrefix, points: HUGE, duration: SECONDS, ...options })
  })
  return async (key) => {
    try {
      if (count === 1) await limiters[0].consume(key)
      else await Promise.all(limiters.map((limiter) => limiter.consume(key)))
      return true
    } catch (refusal) {
      if (refusal instanceof Error) throw refusal
      return false
    }
  }
}
