// Compiled against every TypeScript, with the frameworks and ioredis installed.
import { dataOf, type Facts, type Guard } from '@mosaajii/core'
import { problems } from '@mosaajii/core/express'
import { clientAddress, nodeServer } from '@mosaajii/core/hono'
import { type Decision, limitDecision, limitGuard, rateLimiter } from '@mosaajii/ratelimit'
import * as onExpress from '@mosaajii/ratelimit/express'
import * as onFastify from '@mosaajii/ratelimit/fastify'
import * as onHono from '@mosaajii/ratelimit/hono'
import { limiterClusterOptions, limiterRedisOptions, redisStore } from '@mosaajii/ratelimit/redis'
import express, { type Express } from 'express'
import fastify, { type FastifyInstance } from 'fastify'
import { Hono } from 'hono'
import { Cluster, Redis } from 'ioredis'

const client = new Redis('redis://127.0.0.1:6379', { ...limiterRedisOptions })
const rules = {
  global: { limit: 1000, window: '15m', key: (facts: Facts) => facts.address, onStoreFailure: 'allow' },
  api: { limit: 100, window: '1m', key: (facts: Facts) => facts.address, onStoreFailure: { localShare: 10 } },
} as const
const limiter = rateLimiter({ rules, store: redisStore({ client }) })

export const guard: Guard<'rateLimit', Decision> = limitGuard(limiter, ['global'])

export function onCluster(): unknown {
  const cluster = new Cluster([{ host: '127.0.0.1', port: 7000 }], { ...limiterClusterOptions })
  return redisStore({ client: cluster, prefix: 'shop', deadline: 50, denyCache: true })
}

export function expressApp(): Express {
  const app = express().use(onExpress.rateLimit(limiter, ['global']))
  app.get('/:id', onExpress.rateLimit(limiter, ['api'], { cost: 2, legacy: true }), (req, res) => {
    const decision = dataOf(req, limitDecision)
    const id: string = req.params.id
    res.send(id + String(decision.allowed))
  })
  app.use(problems())
  return app
}

export async function fastifyApp(): Promise<FastifyInstance> {
  const app = fastify()
  await app.register(onFastify.rateLimit(limiter, ['global']))
  app.get('/', { onRequest: onFastify.rateLimitHook(limiter, ['api']) }, (request, reply) => {
    const left: number | undefined = reply.rateLimit.rules['api']?.remaining
    return { left, source: dataOf(request, limitDecision).source }
  })
  return app
}

export function honoApp(): Response | Promise<Response> {
  const app = new Hono().use(clientAddress(nodeServer()), onHono.rateLimit(limiter, ['global', 'api']))
  app.get('/', (c) => {
    const { rules: states } = c.get('rateLimit')
    const left: number = states.api.remaining
    return c.json({ left })
  })
  return app.request('/')
}
