import { createServer } from 'node:http'
import { rateLimit as ourRateLimit } from '@mosaajii/ratelimit/express'
import express from 'express'
import { rateLimit } from 'express-rate-limit'
import { Redis } from 'ioredis'
import { RedisStore } from 'rate-limit-redis'
import { LIMIT, ourLimiter, STOCK, WINDOW } from './adapters-limits.mjs'
import { ourStore } from './redis-contenders.mjs'

function server(...middleware) {
  // No hash of the answer: it is the same for all, and more than what is compared.
  const app = express().disable('etag')
  for (const each of middleware) app.use(each)
  app.get('/', (req, res) => res.json(STOCK))
  return createServer(app)
}

const ours = (options) => server(ourRateLimit(ourLimiter(), ['api'], options))
const peer = (options) => server(rateLimit({ limit: LIMIT, windowMs: WINDOW, ...options }))
const noFields = { legacyHeaders: false, standardHeaders: false }

export const limitServers = () => ({
  bare: server(),
  'bare again': server(),
  ours: ours(),
  // As its documentation shows it.
  peer: peer({ legacyHeaders: false, standardHeaders: 'draft-8' }),
  'peer, two fields': peer({ legacyHeaders: false, standardHeaders: 'draft-7' }),
  'ours, no fields': ours({ fields: false }),
  'peer, no fields': peer(noFields),
})

/** The same on a Redis, each over a connection of its own. */
export async function redisServers(port) {
  const store = await ourStore(port, 'bench-express')
  const theirs = new Redis({ port, host: '127.0.0.1' })
  const theirStore = new RedisStore({ prefix: 'bench-peer:', sendCommand: (...command) => theirs.call(...command) })
  return {
    bare: server(),
    'bare again': server(),
    ours: server(ourRateLimit(ourLimiter(store), ['api'])),
    peer: peer({ legacyHeaders: false, standardHeaders: 'draft-8', store: theirStore }),
  }
}
