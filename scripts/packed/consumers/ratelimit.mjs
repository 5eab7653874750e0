// Runs in an application with the optional peers, on every runtime: limits of a Hono application, of Express and of Fastify, and what becomes of calls when
// Redis is not there.
import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import { dataOf } from '@mosaajii/core'
import * as coreExpress from '@mosaajii/core/express'
import * as coreFastify from '@mosaajii/core/fastify'
import { problems } from '@mosaajii/core/hono'
import { limitDecision, memoryStore, rateLimiter } from '@mosaajii/ratelimit'
import * as onExpress from '@mosaajii/ratelimit/express'
import * as onFastify from '@mosaajii/ratelimit/fastify'
import * as onHono from '@mosaajii/ratelimit/hono'
import { limiterRedisOptions, redisStore } from '@mosaajii/ratelimit/redis'
import express from 'express'
import fastify from 'fastify'
import { Hono } from 'hono'
import { Redis } from 'ioredis'

const rule = { limit: 2, window: '1m', key: (facts) => facts.header('x-till'), onStoreFailure: 'deny' }
const limiter = () => rateLimiter({ rules: { api: rule }, store: memoryStore() })

await onHonoApp()
await overHttp('express', expressServer)
await overHttp('fastify', fastifyServer)
await withoutRedis()
console.log('limits on hono, express and fastify, and without Redis')

async function onHonoApp() {
  const app = new Hono().use(onHono.rateLimit(limiter(), ['api']))
  app.onError(problems())
  app.get('/', (c) => c.json({ left: dataOf(c, limitDecision).rules.api.remaining }))
  await expectLimit('hono', (path, options) => app.request(path, options))
}

/** Two pass, the third is refused, a 404 counts too, and another till is not touched. */
async function expectLimit(name, request) {
  const ask = (till, path = '/') => request(path, { headers: { 'x-till': till } })
  const first = await ask('1')
  assert.deepEqual(await first.json(), { left: 1 }, name)
  assert.equal(first.headers.get('ratelimit-policy'), '"api";q=2;w=60')
  assert.match(first.headers.get('ratelimit'), /^"api";r=1;t=\d+$/)
  assert.equal((await ask('1', '/nothing')).status, 404)
  const refused = await ask('1')
  assert.equal(refused.status, 429)
  assert.match(refused.headers.get('retry-after'), /^\d+$/)
  assert.equal(refused.headers.get('content-type'), 'application/problem+json')
  assert.equal((await ask('2')).status, 200)
}

async function overHttp(name, start) {
  const { port, close } = await start()
  try {
    await expectLimit(name, (path, options) => fetch(`http://127.0.0.1:${port}${path}`, options))
  } finally {
    await close()
  }
}

async function expressServer() {
  const app = express().use(onExpress.rateLimit(limiter(), ['api']))
  app.get('/', (req, res) => res.json({ left: dataOf(req, limitDecision).rules.api.remaining }))
  app.use(coreExpress.problems())
  const server = app.listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  return { port: server.address().port, close: () => new Promise((resolve) => server.close(resolve)) }
}

async function fastifyServer() {
  const app = fastify({ forceCloseConnections: true })
  app.setErrorHandler(coreFastify.problems())
  await app.register(onFastify.rateLimit(limiter(), ['api']))
  app.get('/', (request, reply) => reply.send({ left: reply.rateLimit.rules.api.remaining }))
  await app.listen({ port: 0, host: '127.0.0.1' })
  return { port: app.server.address().port, close: () => app.close() }
}

/** Nothing listens. One rule denies then, the other has a share of its own. */
async function withoutRedis() {
  const client = new Redis({ port: await closedPort(), host: '127.0.0.1', ...limiterRedisOptions })
  client.on('error', () => undefined)
  const key = (till) => till
  const rules = {
    closed: { limit: 2, window: '1m', key, onStoreFailure: 'deny' },
    shared: { limit: 9, window: '1m', key, onStoreFailure: { localShare: 1 } },
  }
  const remote = rateLimiter({ rules, store: redisStore({ client }) })
  const [closed, ...shared] = [
    await remote.check(['closed'], 'till-7'),
    await remote.check(['shared'], 'till-7'),
    await remote.check(['shared'], 'till-7'),
  ]
  client.disconnect()
  assert.deepEqual([closed.allowed, closed.source], [false, 'failure'])
  assert.deepEqual(
    shared.map(({ allowed, source }) => [allowed, source]),
    [
      [true, 'local'],
      [false, 'local'],
    ],
  )
}

async function closedPort() {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address()
  await new Promise((resolve) => server.close(resolve))
  return port
}
