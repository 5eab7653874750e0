// Limiters in memory as `(key) => Promise<whether it was allowed>`.
import LocalStore from '@fastify/rate-limit/store/LocalStore.js'
import { MemoryStore as ExpressStore } from 'express-rate-limit'
import { MemoryStore as HonoStore } from 'hono-rate-limiter'
import { RateLimiterMemory } from 'rate-limiter-flexible'

const HOUR = 3_600_000

/** It rejects where it refuses. */
export function flexible(limit) {
  const limiter = new RateLimiterMemory({ points: limit, duration: HOUR / 1000 })
  const yes = () => true
  const no = (refusal) => {
    if (refusal instanceof Error) throw refusal
    return false
  }
  return (key) => limiter.consume(key).then(yes, no)
}

export const expressStore = (limit) => byStore(new ExpressStore(), limit)
export const honoStore = (limit) => byStore(new HonoStore(), limit)

function byStore(store, limit) {
  store.init({ windowMs: HOUR })
  return async (key) => (await store.increment(key)).totalHits <= limit
}

/** @param {number} [keys] how many its cache holds; it forgets the others */
export function fastifyStore(limit, keys) {
  const store = new LocalStore(false, false, keys)
  return (key) =>
    new Promise((resolve) => {
      store.incr(key, (_never, { current }) => resolve(current <= limit), HOUR, limit)
    })
}
