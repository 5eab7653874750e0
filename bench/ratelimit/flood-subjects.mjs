import { discardEvents } from '@mosaajii/core'
import { memoryStore, rateLimiter } from '@mosaajii/ratelimit'
import { expressStore, fastifyStore, flexible, honoStore } from './contenders.mjs'

const ours = (megabytes) => (limit) => {
  const store = memoryStore({ maxBytes: megabytes * 1024 * 1024 })
  const rules = { sign: { limit, window: '1h', key: (address) => address, onStoreFailure: 'deny' } }
  const limiter = rateLimiter({ rules, store, events: discardEvents() })
  const names = ['sign']
  return async (key) => (await limiter.check(names, key)).allowed
}

/** Ours by its memory; the peers as they are by default. Each is handed a limit. */
export const floodSubjects = {
  'ours, 64 MiB': ours(64),
  'ours, 16 MiB': ours(16),
  'rate-limiter-flexible': flexible,
  'express-rate-limit': expressStore,
  '@fastify/rate-limit': (limit) => fastifyStore(limit),
  'hono-rate-limiter': honoStore,
}
