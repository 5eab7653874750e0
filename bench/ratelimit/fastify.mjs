import rateLimit from '@fastify/rate-limit'
import { rateLimit as ourRateLimit } from '@mosaajii/ratelimit/fastify'
import fastify from 'fastify'
import { LIMIT, ourLimiter, STOCK, WINDOW } from './adapters-limits.mjs'

async function server(plugin, options) {
  const app = fastify()
  if (plugin !== undefined) await app.register(plugin, options)
  app.get('/', (request, reply) => {
    reply.send(STOCK)
  })
  await app.ready()
  return app.server
}

/** The floor: a number for each address, which is never forgotten, and the same two fields. */
async function byHand(app) {
  const counts = new Map()
  app.addHook('onRequest', (request, reply, done) => {
    const count = (counts.get(request.ip) ?? 0) + 1
    counts.set(request.ip, count)
    reply.header('RateLimit-Policy', `"api";q=${LIMIT};w=${WINDOW / 1000}`)
    reply.header('RateLimit', `"api";r=${LIMIT - count};t=${WINDOW / 1000}`)
    done()
  })
}
byHand[Symbol.for('skip-override')] = true

const ours = (options) => server(ourRateLimit(ourLimiter(), ['api'], options))
const peer = (options) => server(rateLimit, { max: LIMIT, timeWindow: WINDOW, ...options })
const none = { 'x-ratelimit-limit': false, 'x-ratelimit-remaining': false, 'x-ratelimit-reset': false }

export const limitServers = async () => ({
  bare: await server(),
  'bare again': await server(),
  ours: await ours(),
  peer: await peer(),
  'by hand': await server(byHand),
  'ours, no fields': await ours({ fields: false }),
  'peer, no fields': await peer({ addHeaders: none, addHeadersOnExceeding: none }),
})
