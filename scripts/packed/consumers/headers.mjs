// Runs in an application with the optional peers, on every runtime: the headers of a Hono application, of Express and of Fastify.
import assert from 'node:assert/strict'
import { dataOf } from '@mosaajii/core'
import { notFound, problems } from '@mosaajii/core/hono'
import { recordingSink } from '@mosaajii/core/testing'
import { checkFetchMetadata, compileHeaders, cspNonce, nonceSource, presets } from '@mosaajii/headers'
import * as onExpress from '@mosaajii/headers/express'
import * as onFastify from '@mosaajii/headers/fastify'
import { reportEndpoint, securityHeaders } from '@mosaajii/headers/hono'
import express from 'express'
import fastify from 'fastify'
import { Hono } from 'hono'

const strict = compileHeaders(presets.strict)
const nonces = new Set(Array.from({ length: 2000 }, nonceSource()))
assert.equal(nonces.size, 2000)
for (const nonce of nonces) assert.match(nonce, /^[A-Za-z0-9+/]{24}$/)
assert.equal(checkFetchMetadata(new Headers({ 'sec-fetch-site': 'cross-site' }), { method: 'POST' }).allowed, false)

await onHono()
await overHttp('express', expressServer)
await overHttp('fastify', fastifyServer)
console.log('headers on hono, express and fastify')

async function onHono() {
  const events = recordingSink()
  const app = new Hono()
  app.use(securityHeaders(presets.strict))
  app.onError(problems())
  app.notFound(notFound())
  app.get('/', (c) => c.html(dataOf(c, cspNonce)))
  app.get('/stock', securityHeaders(presets.api), (c) => c.json({ stock: 7 }))
  app.get('/thrown', () => {
    throw new Error('not for clients')
  })
  app.post('/csp-reports', reportEndpoint({ events }))

  const pages = [await app.request('/'), await app.request('/')]
  const shown = await Promise.all(pages.map((page) => page.text()))
  assert.notEqual(shown[0], shown[1])
  pages.forEach((page, i) => expectHeaders(page.headers, shown[i]))
  expectHeaders((await app.request('/nothing')).headers)
  const thrown = await app.request('/thrown')
  expectHeaders(thrown.headers)
  assert.doesNotMatch(await thrown.text(), /not for clients/)
  const stock = await app.request('/stock')
  assert.equal(stock.headers.get('content-security-policy'), "default-src 'none'; frame-ancestors 'none'")
  assert.equal(stock.headers.get('permissions-policy'), null)

  const report = { 'csp-report': { 'effective-directive': 'img-src', 'blocked-uri': 'https://a.example/?secret' } }
  const headers = { 'content-type': 'application/csp-report' }
  const answer = await app.request('/csp-reports', { method: 'POST', headers, body: JSON.stringify(report) })
  assert.equal(answer.status, 204)
  assert.equal(events.named('csp.violation')[0]?.data.blocked, 'https://a.example/')
  const large = await app.request('/csp-reports', { method: 'POST', headers, body: 'x'.repeat(70_000) })
  assert.equal(large.status, 413)
}

/** A nonce, where the page says which. */
function expectHeaders(headers, shown) {
  const nonce = /'nonce-([^']+)'/.exec(headers.get('content-security-policy') ?? '')?.[1]
  assert.match(nonce ?? '', /^[A-Za-z0-9+/]{24}$/)
  if (shown !== undefined) assert.equal(nonce, shown)
  for (const [name, value] of strict.static) assert.equal(headers.get(name), value, name)
  assert.equal(headers.get('x-powered-by'), null)
}

async function overHttp(name, start) {
  const { port, close } = await start()
  try {
    const answer = await fetch(`http://127.0.0.1:${port}/`)
    expectHeaders(answer.headers, await answer.text())
    assert.equal(answer.headers.get('cache-control'), 'no-store', name)
  } finally {
    await close()
  }
}

async function expressServer() {
  const app = express()
  app.use(onExpress.securityHeaders(presets.strict))
  app.get('/', (_req, res) => res.send(res.locals.cspNonce))
  const server = app.listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  return { port: server.address().port, close: () => new Promise((resolve) => server.close(resolve)) }
}

async function fastifyServer() {
  const app = fastify({ forceCloseConnections: true })
  await app.register(onFastify.securityHeaders(presets.strict))
  app.get('/', (_request, reply) => reply.type('text/html').send(reply.cspNonce))
  await app.listen({ port: 0, host: '127.0.0.1' })
  return { port: app.server.address().port, close: () => app.close() }
}
