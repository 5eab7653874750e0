// Where frameworks answer in ways of their own: the guard's header must be on every one of these answers, and nothing foreign in their bodies.
import { createServer, type RequestListener } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { Readable } from 'node:stream'
import { type Guard, type HeaderPair, SecurityError } from '@mosaajii/core'
import * as onExpress from '@mosaajii/core/express'
import * as onFastify from '@mosaajii/core/fastify'
import * as onHono from '@mosaajii/core/hono'
import { clientError } from '@mosaajii/core/node'
import express from 'express'
import fastify from 'fastify'
import { Hono } from 'hono'
import { HTTPException } from 'hono/http-exception'
import { streamText } from 'hono/streaming'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { listen, listenerOf, type Received, type Running, send, sendRaw } from './support/http.ts'

const secret = 'p4ss-phrase-of-ada'
const pairs: readonly HeaderPair[] = [['X-Guarded', 'yes']]
const guard: Guard<'plain', true> = { as: 'plain', check: () => ({ pass: true, data: true, headers: pairs }) }
const options = { requireHostHeader: false, maxHeaderSize: 4096 }

function serve(listener: RequestListener): Promise<Running> {
  const server = createServer(options, listener)
  server.on(
    'clientError',
    clientError(() => pairs),
  )
  return listen(server)
}

/** As an HTTP library's error for an upstream call: its status is not the client's affair. */
const upstream = () =>
  Object.assign(new Error(secret), { status: 404, statusCode: 404, headers: { 'retry-after': '7' } })
const exposed = () =>
  Object.assign(new Error(secret), {
    status: 429,
    expose: true,
    headers: { 'Retry-After': 7, 'X-Inner': secret, 'Set-Cookie': secret, Allow: 'a\r\nX-Evil: 1' },
  })

const startExpress = (): Promise<Running> => {
  const app = express()
  app.use(onExpress.toExpress(guard))
  app.use(express.json({ limit: 1000 }))
  app.get('/thrown', () => {
    throw new Error(secret)
  })
  app.get('/rejected', () => Promise.reject(new Error(secret)))
  app.get('/upstream', () => Promise.reject(upstream()))
  app.get('/exposed', () => Promise.reject(exposed()))
  app.post('/json', (req, res) => void res.json(req.body))
  app.get('/redirect', (_req, res) => res.redirect('/elsewhere'))
  app.get('/body', (_req, res) => void res.send('a body'))
  app.get('/etag', (_req, res) => void res.set('ETag', '"1"').send('a body'))
  app.get('/items/:id', (req, res) => void res.send(req.params.id))
  app.get('/stream', (_req, res) => void Readable.from(['one ', 'two']).pipe(res))
  app.get('/half', (_req, res, next) => {
    res.write('half')
    setTimeout(() => next(new Error(secret)), 20)
  })
  app.get('/abandoned', (_req, res) => {
    res.set({ 'Content-Encoding': 'gzip', ETag: '"1"', 'Content-Disposition': 'attachment', 'Content-Length': '7' })
    res.set({
      'Last-Modified': 'x',
      'Content-Range': 'bytes 0-1/2',
      'Content-Language': 'sw',
      'Cache-Control': 'public',
    })
    res.statusMessage = secret
    throw new SecurityError('ORDER_LOCKED', secret, { status: 409 })
  })
  app.use(onExpress.notFound())
  app.use(onExpress.problems())
  return serve(app)
}

const startFastify = async (): Promise<Running> => {
  const app = fastify({
    http: options,
    bodyLimit: 1000,
    routerOptions: { maxParamLength: 20 },
    frameworkErrors: onFastify.frameworkErrors(() => pairs),
    clientErrorHandler: clientError(() => pairs),
  })
  app.setErrorHandler(onFastify.problems())
  app.setNotFoundHandler(onFastify.notFound())
  await app.register(onFastify.toPlugin(guard))
  app.get('/thrown', () => {
    throw new Error(secret)
  })
  app.get('/rejected', () => Promise.reject(new Error(secret)))
  app.get('/upstream', () => Promise.reject(upstream()))
  app.get('/exposed', () => Promise.reject(exposed()))
  app.post('/json', (request) => request.body)
  app.get('/redirect', (_request, reply) => reply.redirect('/elsewhere'))
  app.get('/body', () => 'a body')
  app.get('/etag', (_request, reply) => reply.header('ETag', '"1"').code(304).send())
  app.get<{ Params: { id: string } }>('/items/:id', (request) => request.params.id)
  app.get('/stream', (_request, reply) => reply.send(Readable.from(['one ', 'two'])))
  app.get('/half', (_request, reply) => {
    const body = new Readable({ read: () => undefined })
    body.push('half')
    setTimeout(() => body.destroy(new Error(secret)), 20)
    return reply.send(body)
  })
  app.get('/abandoned', (_request, reply) => {
    reply.headers({
      'Content-Encoding': 'gzip',
      ETag: '"1"',
      'Content-Disposition': 'attachment',
      'Content-Length': '7',
    })
    reply.headers({ 'Last-Modified': 'x', 'Content-Range': 'bytes 0-1/2', 'Content-Language': 'sw' })
    reply.header('Cache-Control', 'public')
    reply.raw.statusMessage = secret
    throw new SecurityError('ORDER_LOCKED', secret, { status: 409 })
  })
  app.get('/hijacked', (_request, reply) => {
    reply.hijack()
    reply.raw.end('taken over')
  })
  app.get<{ Querystring: { id: number } }>(
    '/validated',
    { schema: { querystring: { type: 'object', required: ['id'], properties: { id: { type: 'number' } } } } },
    (request) => request.query,
  )
  await app.listen({ port: 0, host: '127.0.0.1' })
  return { port: (app.server.address() as AddressInfo).port, close: () => app.close() }
}

const honoApp = (): Hono => {
  const app = new Hono()
  app.onError(onHono.problems())
  app.notFound(onHono.notFound())
  app.use(onHono.toHono(guard))
  app.get('/thrown', () => {
    throw new Error(secret)
  })
  app.get('/rejected', () => Promise.reject(new Error(secret)))
  app.get('/upstream', () => Promise.reject(upstream()))
  app.get('/exposed', () => {
    const headers = { 'Retry-After': '7', 'X-Inner': secret, 'Set-Cookie': secret }
    throw new HTTPException(429, { message: secret, res: new Response(secret, { headers }) })
  })
  app.post('/json', async (c) => c.json(await c.req.json()))
  app.post('/json-twice', async (c) => {
    await c.req.text()
    return c.json(await c.req.json())
  })
  app.post('/other-json', async (c) => {
    await c.req.json()
    return c.json(JSON.parse(`{${secret}`))
  })
  app.get('/redirect', (c) => c.redirect('/elsewhere'))
  app.get('/immutable-redirect', (c) => Response.redirect(new URL('/elsewhere', c.req.url), 302))
  app.get('/body', (c) => c.text('a body'))
  app.get('/etag', (c) => c.body(null, 304, { ETag: '"1"' }))
  app.get('/items/:id', (c) => c.text(c.req.param('id')))
  app.get('/stream', (c) =>
    streamText(c, async (stream) => {
      await stream.write('one ')
      await stream.write('two')
    }),
  )
  app.get('/abandoned', (c) => {
    for (const [name, value] of [
      ['Content-Encoding', 'gzip'],
      ['ETag', '"1"'],
      ['Content-Disposition', 'attachment'],
      ['Content-Length', '7'],
      ['Last-Modified', 'x'],
      ['Content-Range', 'bytes 0-1/2'],
      ['Content-Language', 'sw'],
      ['Cache-Control', 'public'],
    ] as const) {
      c.header(name, value)
    }
    throw new SecurityError('ORDER_LOCKED', secret, { status: 409 })
  })
  app.get('/thrown-after', async (c, next) => {
    await next()
    expect(c.res.status).toBe(200)
    throw new Error(secret)
  })
  app.get('/thrown-after', (c) =>
    c.text('a body', 200, { ETag: '"1"', 'Content-Encoding': 'gzip', 'Cache-Control': 'public' }),
  )
  app.get('/no-error', () => {
    // oxlint-disable-next-line typescript/only-throw-error -- Hono lets go of what is no Error
    throw secret
  })
  return app
}

const errorHandler = onHono.errorHandler(() => pairs)
const startHono = (): Promise<Running> => serve(listenerOf(honoApp().fetch, { errorHandler }))
const startHonoAlone = (): Promise<Running> => {
  const { fetch } = honoApp()
  return serve(listenerOf((request) => fetch(request), { errorHandler }))
}

const frameworks = [
  ['Express', startExpress],
  ['Fastify', startFastify],
  ['Hono on Node', startHono],
  ['Hono by Response alone', startHonoAlone],
] as const

const json = (body: string) => ({ method: 'POST', headers: { 'content-type': 'application/json' }, body })

describe.each(frameworks)('on %s the headers of a guard are on', (name, start) => {
  const isHono = name.startsWith('Hono')
  let server: Running
  beforeAll(async () => {
    server = await start()
  })
  afterAll(() => server.close())

  function expectProblem(answer: Received, status: number): void {
    expect(answer.status).toBe(status)
    expect(answer.headers).toMatchObject({ 'x-guarded': 'yes', 'content-type': 'application/problem+json' })
    expect(answer.headers['cache-control']).toBe('no-store')
    expect(JSON.stringify(answer)).not.toContain(secret)
    expect(JSON.parse(answer.body)).toMatchObject({ status })
  }

  it('a 404', async () => {
    expectProblem(await send(server.port, '/none'), 404)
    expectProblem(await send(server.port, '/none', { method: 'PUT', body: 'x'.repeat(5000) }), 404)
    expect((await send(server.port, '/none', { method: 'HEAD' })).headers['x-guarded']).toBe('yes')
  })

  it('what a handler throws or rejects with, as a bare 500', async () => {
    for (const path of ['/thrown', '/rejected', '/upstream']) {
      const answer = await send(server.port, path)
      expectProblem(answer, 500)
      expect(answer.headers).not.toHaveProperty('retry-after')
    }
    const head = await send(server.port, '/thrown', { method: 'HEAD' })
    expect([head.status, head.body, head.headers['x-guarded']]).toEqual([500, '', 'yes'])
  })

  it('a 4xx of the framework or a library of it, with those of its headers that tell what to do', async () => {
    const answer = await send(server.port, '/exposed')
    expectProblem(answer, 429)
    expect(answer.headers['retry-after']).toBe('7')
    for (const gone of ['x-inner', 'set-cookie', 'allow', 'x-evil']) expect(answer.headers).not.toHaveProperty(gone)
  })

  it('bad JSON, as a 400', async () => {
    expectProblem(await send(server.port, '/json', json(`{"a": ${secret}`)), 400)
    expect((await send(server.port, '/json', json('{"a": 1}'))).body).toBe('{"a":1}')
  })

  it.skipIf(isHono)('a body that is too long, as a 413', async () => {
    expectProblem(await send(server.port, '/json', json(`"${'x'.repeat(2000)}"`)), 413)
  })

  it('a redirect', async () => {
    const answer = await send(server.port, '/redirect')
    expect([answer.status, answer.headers['x-guarded'], answer.headers.location]).toEqual([302, 'yes', '/elsewhere'])
  })

  it('HEAD', async () => {
    const answer = await send(server.port, '/body', { method: 'HEAD' })
    expect([answer.status, answer.headers['x-guarded'], answer.body]).toEqual([200, 'yes', ''])
  })

  it('a 304', async () => {
    const answer = await send(server.port, '/etag', { headers: { 'if-none-match': '"1"' } })
    expect([answer.status, answer.headers['x-guarded'], answer.headers.etag]).toEqual([304, 'yes', '"1"'])
  })

  it('a stream', async () => {
    const answer = await send(server.port, '/stream')
    expect([answer.status, answer.headers['x-guarded'], answer.body]).toEqual([200, 'yes', 'one two'])
  })

  it('a malformed URL', async () => {
    const answer = await send(server.port, '/%E0%A4%A')
    expect(answer.headers['x-guarded']).toBe('yes')
    expect(answer.status).toBe(name === 'Fastify' ? 400 : 404)
    expect(answer.headers['content-type']).toBe('application/problem+json')
  })

  it('a bad path parameter', async () => {
    const answer = await send(server.port, '/items/%E0%A4%A')
    expect(answer.headers['x-guarded']).toBe('yes')
    // Hono hands what does not decode to the handler as it is.
    if (isHono) expect([answer.status, answer.body]).toEqual([200, '%E0%A4%A'])
    else expectProblem(answer, 400)
  })

  it('a request without Host, on a server that takes one', async () => {
    const answer = await sendRaw(server.port, 'GET /body HTTP/1.1\r\nConnection: close\r\n\r\n')
    expect(answer).toMatch(isHono ? /^HTTP\/1.1 400 / : /^HTTP\/1.1 200 /)
    expect(answer.toLowerCase()).toContain('x-guarded: yes')
  })

  it('a bad Host', async () => {
    const answer = await sendRaw(server.port, 'GET /body HTTP/1.1\r\nHost: a b/\\c\r\nConnection: close\r\n\r\n')
    expect(answer).toMatch(isHono ? /^HTTP\/1.1 400 / : /^HTTP\/1.1 200 /)
    expect(answer.toLowerCase()).toContain('x-guarded: yes')
  })

  it('what is no HTTP', async () => {
    const answer = await sendRaw(server.port, 'GET / HTTP/1.1\r\nHost: a\r\nBad header\r\n\r\n')
    expect(answer).toMatch(/^HTTP\/1.1 400 Bad Request\r\n/)
    expect(answer).toContain('\r\nX-Guarded: yes\r\ncontent-type: application/problem+json\r\n')
    const body = answer.slice(answer.indexOf('\r\n\r\n') + 4)
    expect(JSON.parse(body)).toEqual({ type: 'about:blank', title: 'Bad Request', status: 400 })
    expect(answer).toContain(`content-length: ${body.length}\r\n`)
  })

  it('headers that are too long, as a 431', async () => {
    const answer = await sendRaw(server.port, `GET / HTTP/1.1\r\nHost: a\r\nX-Long: ${'x'.repeat(5000)}\r\n\r\n`)
    expect(answer).toMatch(/^HTTP\/1.1 431 Request Header Fields Too Large\r\nX-Guarded: yes\r\n/)
  })

  it('a problem, which keeps nothing that spoke of the answer before', async () => {
    const answer = await send(server.port, '/abandoned')
    expectProblem(answer, 409)
    for (const gone of [
      'content-encoding',
      'etag',
      'content-disposition',
      'last-modified',
      'content-range',
      'content-language',
    ]) {
      expect(answer.headers).not.toHaveProperty(gone)
    }
    expect(answer.headers['content-length']).toBe(String(answer.body.length))
  })

  it.skipIf(isHono)(
    'an answer that fails half way: the connection ends, and nothing of the error is in it',
    async () => {
      const answer = await sendRaw(server.port, 'GET /half HTTP/1.1\r\nHost: a\r\n\r\n')
      expect(answer).toContain('half')
      expect(answer.toLowerCase()).toContain('x-guarded: yes')
      expect(answer).not.toContain(secret)
      expect(answer).not.toContain('problem')
      // The last chunk is missing: a client can tell that the body is not whole.
      expect(answer).not.toMatch(/0\r\n\r\n$/)
    },
  )

  it.runIf(name === 'Fastify')('a hijacked answer, a failed validation, and too long a parameter', async () => {
    const hijacked = await send(server.port, '/hijacked')
    expect([hijacked.body, hijacked.headers['x-guarded']]).toEqual(['taken over', 'yes'])
    expectProblem(await send(server.port, `/validated?id=${secret}`), 400)
    expectProblem(await send(server.port, `/items/${'x'.repeat(30)}`), 414)
    expectProblem(await send(server.port, '/json', { ...json('<a/>'), headers: { 'content-type': 'text/xml' } }), 415)
  })

  it.runIf(isHono)(
    'an error after the answer was made, a redirect that cannot be changed, and JSON of two kinds',
    async () => {
      const after = await send(server.port, '/thrown-after')
      expectProblem(after, 500)
      for (const gone of ['etag', 'content-encoding']) expect(after.headers).not.toHaveProperty(gone)
      const redirect = await send(server.port, '/immutable-redirect')
      expect([redirect.status, redirect.headers['x-guarded']]).toEqual([302, 'yes'])
      expectProblem(await send(server.port, '/json-twice', json('{')), 400)
      expectProblem(await send(server.port, '/other-json', json('{}')), 500)
      expectProblem(await send(server.port, '/no-error'), 500)
    },
  )

  it('the next request of a connection whose body was given up', async () => {
    const long = `POST /json HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 50000\r\n\r\n`
    const answer = await new Promise<string>((resolve, reject) => {
      let text = ''
      const socket = connect(server.port, '127.0.0.1', () => {
        socket.write(long)
        setTimeout(() => socket.write('x'.repeat(50000)), 30)
        setTimeout(() => socket.write('GET /body HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'), 60)
      })
      socket.on('data', (chunk: Buffer) => {
        text += chunk.toString()
      })
      socket.on('close', () => resolve(text))
      socket.on('error', reject)
    })
    expect(answer).toMatch(isHono ? /^HTTP\/1.1 400 / : /^HTTP\/1.1 413 /)
    // Fastify closes the connection after a 413; the others go on with it.
    if (name !== 'Fastify') expect(answer).toContain('a body')
  })
})
