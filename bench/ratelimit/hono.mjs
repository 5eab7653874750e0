import { createAdaptorServer } from '@hono/node-server'
import { getConnInfo } from '@hono/node-server/conninfo'
import { clientAddress, nodeServer } from '@mosaajii/core/hono'
import { rateLimit } from '@mosaajii/ratelimit/hono'
import { Hono } from 'hono'
import { rateLimiter } from 'hono-rate-limiter'
import { LIMIT, ourLimiter, STOCK, WINDOW } from './adapters-limits.mjs'

function server(...middleware) {
  const app = new Hono()
  for (const each of middleware) app.use(each)
  app.get('/', (c) => c.json(STOCK))
  return createAdaptorServer({ fetch: app.fetch })
}

const ours = (options) => server(clientAddress(nodeServer()), rateLimit(ourLimiter(), ['api'], options))
const peer = (options) => {
  const keyGenerator = (c) => getConnInfo(c).remote.address
  return server(rateLimiter({ limit: LIMIT, windowMs: WINDOW, keyGenerator, ...options }))
}

export const limitServers = () => ({
  bare: server(),
  'bare again': server(),
  ours: ours(),
  // As its documentation shows it.
  peer: peer({ standardHeaders: 'draft-6' }),
  'peer, two fields': peer({ standardHeaders: 'draft-7' }),
  'ours, no fields': ours({ fields: false }),
  'peer, no fields': peer({ standardHeaders: false }),
})
