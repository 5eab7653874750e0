// One small shop on each framework, with the headers of this package and the error handlers of core, over a real server.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import fastifyStatic from '@fastify/static'
import { getRequestListener, type HttpBindings } from '@hono/node-server'
import { serveStatic } from '@hono/node-server/serve-static'
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import { type EventSink, discardEvents } from '@mosaajii/core'
import * as coreExpress from '@mosaajii/core/express'
import * as coreFastify from '@mosaajii/core/fastify'
import * as coreHono from '@mosaajii/core/hono'
import { clientError } from '@mosaajii/core/node'
import { compileHeaders, presets } from '@mosaajii/headers'
import { allowedHosts } from '@mosaajii/headers/allowed-hosts'
import * as onExpress from '@mosaajii/headers/express'
import * as onFastify from '@mosaajii/headers/fastify'
import * as onHono from '@mosaajii/headers/hono'
import express from 'express'
import fastify from 'fastify'
import { Hono } from 'hono'
import { stream } from 'hono/streaming'

/** A shop that listens on loopback. */
export interface RunningShop {
  readonly port: number
  close(): Promise<void>
}

export const frameworks = ['express', 'fastify', 'hono'] as const
export type Framework = (typeof frameworks)[number]

export const strict = compileHeaders(presets.strict)
export const api = compileHeaders(presets.api)
/** It stands in every error that the handlers throw, and must not reach a client. */
export const secret = 'p4ss-phrase-of-ada'

const hosts = { hosts: ['shop.example', 'localhost:*'] }
const etag = '"shelf-1"'
const page = (nonce: string): string => `<!doctype html><script nonce="${nonce}">start()</script>`
const loose = { requireHostHeader: false, maxHeaderSize: 4096 }
const limits = { perMinute: 6000, burst: 10_000, maxBytes: 2000 }

/** Starts the shop on one framework. */
export async function startShop(framework: Framework, events: EventSink = discardEvents()): Promise<RunningShop> {
  const folder = staticFolder()
  const { server, end } = await shops[framework](folder, events)
  server.on(
    'clientError',
    clientError(() => strict.pairs()),
  )
  if (!server.listening) await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      server.closeAllConnections()
      await end()
      rmSync(folder, { recursive: true })
    },
  }
}

interface Started {
  readonly server: Server
  end(): Promise<void>
}

const shops: Record<Framework, (folder: string, events: EventSink) => Started | Promise<Started>> = {
  express: (folder, events) => started(expressShop(folder, events)),
  hono: (folder, events) => started(honoShop(folder, events)),
  fastify: async (folder, events) => {
    const app = fastifyShop(folder, events)
    await app.listen({ port: 0, host: '127.0.0.1' })
    return { server: app.server, end: () => app.close() }
  },
}

function started(listener: RequestListener): Started {
  const server = createServer(loose, listener)
  return { server, end: () => new Promise((resolve) => void server.close(() => resolve())) }
}

function staticFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'mosaajii-headers-'))
  mkdirSync(join(folder, 'docs'))
  writeFileSync(join(folder, 'a.txt'), 'a file')
  return folder
}

function fail(): never {
  throw new Error(secret)
}

function expressShop(folder: string, events: EventSink): RequestListener {
  const app = express()
  app.use(onExpress.securityHeaders(strict))
  app.use(coreExpress.toExpress(allowedHosts(hosts)))
  app.post('/csp-reports', onExpress.reportEndpoint({ events, ...limits }))
  app.post('/parsed-reports', express.json({ type: () => true }), onExpress.reportEndpoint({ events, ...limits }))
  app.post('/raw-reports', express.raw({ type: () => true }), onExpress.reportEndpoint({ events, ...limits }))
  app.use('/static', express.static(folder, { redirect: false }))
  app.use(express.json({ limit: 1000 }))
  app.get('/', (_req, res) => res.send(page(String(res.locals['cspNonce']))))
  app.get('/thrown', fail)
  app.get('/rejected', async () => fail())
  app.post('/json', (req, res) => res.json(req.body))
  app.get('/redirect', (_req, res) => res.redirect('/'))
  app.get('/items/:id', (req, res) => res.send(req.params.id))
  app.get('/cached', (_req, res) => res.set('ETag', etag).send('the shelf'))
  app.get('/stream', (_req, res) => void Readable.from(['one ', 'two ', 'three']).pipe(res.type('html')))
  app.get('/hijacked', (_req, res) => {
    res.writeHead(200, { 'Content-Type': 'text/plain', Server: 'inner/1.0' })
    res.end('by hand')
  })
  app.get('/own', (_req, res) => {
    res.set({ 'X-Frame-Options': 'SAMEORIGIN', 'Cache-Control': 'max-age=60', 'X-Powered-By': 'us', Server: 'us' })
    res.type('html').send('own')
  })
  app.get('/text', (_req, res) => res.type('text').send('text'))
  app.get('/api/stock', onExpress.securityHeaders(api), (_req, res) => res.json({ stock: 7 }))
  app.get('/api/thrown', onExpress.securityHeaders(api), fail)
  app.get('/api/nonce', onExpress.securityHeaders(strict), (_req, res) =>
    res.send(page(String(res.locals['cspNonce']))),
  )
  app.use(coreExpress.notFound())
  app.use(coreExpress.problems())
  return app
}

function fastifyShop(folder: string, events: EventSink) {
  const app = fastify({
    http: loose,
    frameworkErrors: coreFastify.frameworkErrors(() => strict.pairs()),
    clientErrorHandler: clientError(() => strict.pairs()),
    forceCloseConnections: true,
    bodyLimit: 1000,
  })
  app.register(onFastify.securityHeaders(strict))
  app.register(coreFastify.toPlugin(allowedHosts(hosts)))
  app.setErrorHandler(coreFastify.problems())
  app.setNotFoundHandler(coreFastify.notFound())
  app.register(onFastify.reportEndpoint({ events, ...limits }))
  app.register(fastifyStatic, { root: folder, prefix: '/static/' })
  app.get('/', (_request, reply) => reply.type('text/html').send(page(reply.cspNonce)))
  app.get('/thrown', fail)
  app.get('/rejected', async () => fail())
  app.post('/json', (request, reply) => reply.send(request.body))
  app.get('/redirect', (_request, reply) => reply.redirect('/'))
  app.get<{ Params: { id: string } }>('/items/:id', (request, reply) => reply.send(request.params.id))
  app.get('/cached', (request, reply) => {
    reply.header('ETag', etag)
    return request.headers['if-none-match'] === etag ? reply.code(304).send() : reply.send('the shelf')
  })
  app.get('/stream', (_request, reply) => reply.type('text/html').send(Readable.from(['one ', 'two ', 'three'])))
  app.get('/hijacked', (_request, reply) => {
    reply.hijack()
    reply.raw.writeHead(200, { 'Content-Type': 'text/plain', Server: 'inner/1.0' })
    reply.raw.end('by hand')
  })
  app.get('/own', (_request, reply) => {
    reply.headers({
      'X-Frame-Options': 'SAMEORIGIN',
      'Cache-Control': 'max-age=60',
      'X-Powered-By': 'us',
      Server: 'us',
    })
    return reply.type('text/html').send('own')
  })
  app.get('/text', (_request, reply) => reply.type('text/plain').send('text'))
  const onRequest = onFastify.securityHeadersHook(api)
  app.get('/api/stock', { onRequest }, (_request, reply) => reply.send({ stock: 7 }))
  app.get('/api/thrown', { onRequest }, fail)
  app.get('/api/nonce', { onRequest: onFastify.securityHeadersHook(strict) }, (_request, reply) =>
    reply.type('text/html').send(page(reply.cspNonce)),
  )
  return app
}

function honoShop(folder: string, events: EventSink): RequestListener {
  const base = new Hono<{ Bindings: HttpBindings }>()
  const app = base.use(onHono.securityHeaders(strict))
  base.use(coreHono.toHono(allowedHosts(hosts)))
  base.onError(coreHono.problems())
  base.notFound(coreHono.notFound())
  base.post('/csp-reports', onHono.reportEndpoint({ events, ...limits }))
  const parsesFirst = async (c: { req: { text(): Promise<string> } }, next: () => Promise<void>) => {
    await c.req.text()
    await next()
  }
  base.post('/parsed-reports', parsesFirst, onHono.reportEndpoint({ events, ...limits }))
  base.use('/static/*', serveStatic({ root: folder, rewriteRequestPath: (path) => path.replace(/^\/static/, '') }))
  app.get('/', (c) => c.html(page(c.get('cspNonce'))))
  app.get('/thrown', fail)
  app.get('/rejected', async () => fail())
  app.post('/json', async (c) => c.json(await c.req.json<object>()))
  app.get('/redirect', (c) => c.redirect('/'))
  app.get('/items/:id', (c) => c.text(c.req.param('id')))
  app.get('/cached', (c) => {
    c.header('ETag', etag)
    return c.req.header('if-none-match') === etag ? c.body(null, 304) : c.text('the shelf')
  })
  app.get('/stream', (c) => {
    c.header('Content-Type', 'text/html')
    return stream(c, async (output) => {
      for (const word of ['one ', 'two ', 'three']) await output.write(word)
    })
  })
  app.get('/hijacked', (c) => {
    c.env.outgoing.writeHead(200, { 'Content-Type': 'text/plain', Server: 'inner/1.0' })
    c.env.outgoing.end('by hand')
    return RESPONSE_ALREADY_SENT
  })
  app.get('/own', (c) => {
    c.header('X-Frame-Options', 'SAMEORIGIN')
    c.header('Cache-Control', 'max-age=60')
    c.header('X-Powered-By', 'us')
    c.header('Server', 'us')
    return c.html('own')
  })
  app.get('/text', (c) => c.text('text'))
  app.get('/api/stock', onHono.securityHeaders(api), (c) => c.json({ stock: 7 }))
  app.get('/api/thrown', onHono.securityHeaders(api), fail)
  app.get('/api/nonce', onHono.securityHeaders(strict), (c) => c.html(page(c.get('cspNonce'))))
  const listener = getRequestListener(app.fetch, { errorHandler: coreHono.errorHandler(() => strict.pairs()) })
  return (incoming, outgoing) => void listener(incoming, outgoing)
}
