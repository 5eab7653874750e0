// What an adversarial review found: answers that lost a header, a cookie or their form, and callbacks that ended the process.
import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Answer, dataOf, type Guard, type HeaderPair, SecurityError } from '@mosaajii/core'
import * as onExpress from '@mosaajii/core/express'
import * as onFastify from '@mosaajii/core/fastify'
import * as onHono from '@mosaajii/core/hono'
import { clientError, expectation } from '@mosaajii/core/node'
import express from 'express'
import fastify from 'fastify'
import { Hono } from 'hono'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { frameworks } from './support/described-app.ts'
import { listen, listenerOf, type Running, send, sendRaw } from './support/http.ts'

const running: Running[] = []
afterEach(async () => {
  for (const server of running.splice(0)) await server.close()
})
async function started(server: Running): Promise<number> {
  running.push(server)
  return server.port
}
const guardOf = (as: string, headers: readonly HeaderPair[]): Guard<string, string> => ({
  as,
  check: () => ({ pass: true, data: as, headers }),
})
const untyped = (value: unknown): never => value as never

const rejections: unknown[] = []
const rejected = (reason: unknown): void => void rejections.push(reason)
beforeAll(() => process.on('unhandledRejection', rejected))
afterAll(() => process.off('unhandledRejection', rejected))

describe.each(frameworks)('on %s', (name, start) => {
  const statuses: number[] = []
  const settled = (status: number): void => void statuses.push(status)
  const app = {
    guards: [guardOf('outer', [['X-Outer', '1']])],
    routes: [
      {
        path: '/cookies',
        guards: [guardOf('session', [['Set-Cookie', 'guard=1']]), guardOf('form', [['set-cookie', 'form=2']])],
        handle: () => ({ headers: { 'Set-Cookie': 'handler=3' }, body: 'ok' }),
      },
      {
        path: '/same-cookie',
        guards: [guardOf('session', [['Set-Cookie', 'guard=1']])],
        handle: () => ({ headers: { 'Set-Cookie': 'guard=1' }, body: 'ok' }),
      },
      {
        path: '/replaced-cookie',
        guards: [guardOf('session', [['Set-Cookie', 'guard=1']]), guardOf('session', [['Set-Cookie', 'guard=2']])],
        handle: () => ({ headers: { 'Set-Cookie': 'handler=3' }, body: 'ok' }),
      },
      {
        path: '/async-writing',
        guards: [
          {
            as: 'signing',
            check: () => ({
              pass: true as const,
              data: '',
              writing: async () => Promise.reject(new Error('too late')),
            }),
          },
        ],
        handle: () => ({ body: 'ok' }),
      },
      ...['a\nb', 'caf\u20ac'].map((value, at) => ({
        path: `/bad-value/${at}`,
        guards: [
          guardOf('policy', [
            ['X-Policy', 'kept'],
            ['X-Only', 'kept'],
          ]),
          { as: 'watching', check: () => ({ pass: true as const, data: '', writing: () => undefined }) },
          {
            as: 'policy',
            check: () => ({
              pass: true as const,
              data: '',
              headers: [['X-Bad', value]] as const,
              writing: (answer: Answer) => answer.set('X-Bad-Writing', '1'),
              settled,
            }),
          },
        ],
        handle: () => ({ body: 'handled' }),
      })),
      {
        path: '/bad-name',
        guards: [guardOf('bad', [['X Bad', '1']])],
        handle: () => ({ body: 'handled' }),
      },
      {
        path: '/uncovered',
        guards: [
          guardOf('private', [['Cache-Control', 'private']]),
          guardOf('policy', [['Cache-Control', 'no-store']]),
          guardOf('policy', []),
        ],
        handle: () => ({ body: 'ok' }),
      },
    ],
  }
  let server: Running
  beforeAll(async () => {
    server = await start(app)
  })
  afterAll(() => server.close())

  it('the cookies of guards and of the handler add up', async () => {
    const cookies = async (path: string) => (await send(server.port, path)).headers['set-cookie']?.toSorted()
    expect(await cookies('/cookies')).toEqual(['form=2', 'guard=1', 'handler=3'])
    expect(await cookies('/replaced-cookie')).toEqual(['guard=2', 'handler=3'])
    if (name === 'Fastify' || name === 'Hono on Node') expect(await cookies('/same-cookie')).toEqual(['guard=1'])
  })

  it('a writing that rejects is nobody’s', async () => {
    rejections.length = 0
    expect((await send(server.port, '/async-writing')).body).toBe('ok')
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(rejections).toEqual([])
  })

  it.each(['/bad-value/0', '/bad-value/1'])(
    'a header that is none stops the request, and those of the others stay: %s',
    async (path) => {
      statuses.length = 0
      const { status, headers, body } = await send(server.port, path)
      expect([status, headers['x-outer'], headers['x-policy'], headers['x-only']]).toEqual([500, '1', 'kept', 'kept'])
      expect(body).not.toContain('handled')
      expect(headers).not.toHaveProperty('x-bad-writing')
      await expect.poll(() => statuses).toEqual([500])
    },
  )

  it('a name that is none stops the request too', async () => {
    const { status, headers, body } = await send(server.port, '/bad-name')
    expect([status, headers['x-outer'], body.includes('handled')]).toEqual([500, '1', false])
  })

  it('what a replaced guard had covered comes back', async () => {
    expect((await send(server.port, '/uncovered')).headers['cache-control']).toBe('private')
  })
})

describe('an error that resists', () => {
  const canary = 'p4ss-phrase-of-ada'
  const trap = () => {
    throw new Error(canary)
  }
  const coded = (change: object) => Object.assign(new SecurityError('A', canary), change)
  const errors: readonly (readonly [string, unknown])[] = [
    ['a detail that JSON does not have', new SecurityError('A', canary, { detail: { n: untyped(7n) } })],
    ['a detail that throws', coded({ detail: { toJSON: trap } })],
    [
      'a brand that throws',
      Object.defineProperty(new Error(canary), Symbol.for('@mosaajii/core/SecurityError'), { get: trap }),
    ],
    ['a code that throws', Object.defineProperty(coded({}), 'code', { get: trap })],
    [
      'a header that throws',
      Object.assign(new Error(canary), {
        expose: true,
        status: 418,
        headers: {
          get allow() {
            return trap()
          },
        },
      }),
    ],
    ...[101, 200, 399, 600, 1000].map((status) => [`the status ${status}`, coded({ status })] as const),
  ]
  let thrown: unknown
  const told: unknown[] = []
  const onError = (error: unknown): void => void told.push(error)
  const raise = (): never => {
    throw thrown
  }
  const starts: readonly (readonly [string, () => Promise<Running>])[] = [
    ['Express', () => listen(createServer(express().get('/', raise).use(onExpress.problems({ onError }))))],
    [
      'Fastify',
      async () => {
        const app = fastify()
        app.setErrorHandler(onFastify.problems({ onError }))
        app.get('/', raise)
        await app.listen({ port: 0, host: '127.0.0.1' })
        return { port: (app.server.address() as AddressInfo).port, close: () => app.close() }
      },
    ],
    [
      'Hono',
      () => {
        const app = new Hono()
        app.onError(onHono.problems({ onError }))
        app.get('/', raise)
        return listen(createServer(listenerOf(app.fetch)))
      },
    ],
  ]
  describe.each(starts)('on %s', (_, start) => {
    it.each(errors)('is a bare 500: %s', async (what, error) => {
      told.length = 0
      thrown = error
      const answer = await send(await started(await start()), '/')
      const status = what.includes('header') ? 418 : 500
      expect([answer.status, answer.headers['content-type']]).toEqual([
        answer.status === 418 ? status : 500,
        'application/problem+json',
      ])
      expect(JSON.parse(answer.body)).toMatchObject({ type: 'about:blank' })
      expect(JSON.stringify(answer)).not.toContain(canary)
      expect(told).toHaveLength(1)
    })
  })
})

describe('headers for answers that no guard saw', () => {
  const good = ['X-Good', '1']
  const givers: readonly (readonly [string, () => unknown, boolean])[] = [
    ['nothing', () => undefined, false],
    ['a promise', async () => [good], false],
    ['a promise that rejects', async () => Promise.reject(new Error('no')), false],
    ['an object', () => ({ 'X-Good': '1' }), false],
    ['a value that is none', () => [['X-Bad', 'caf\u20ac'], good], true],
    ['a line break', () => [['X-Bad', 'a\r\nX-Evil: 1'], good], true],
    ['a name that is none', () => [['X Bad', '1'], good], true],
    ['a text for a pair', () => ['X-Bad: 1', null, 7, good], true],
    ['a number', () => [['X-Bad', 7], good], true],
  ]
  it.each(givers)('may be %s and end nothing', async (_what, give, kept) => {
    rejections.length = 0
    const headers = untyped(give)
    const app = fastify({
      frameworkErrors: onFastify.frameworkErrors(headers),
      clientErrorHandler: clientError(headers),
    })
    await app.listen({ port: 0, host: '127.0.0.1' })
    const port = await started({ port: (app.server.address() as AddressInfo).port, close: () => app.close() })
    const url = await sendRaw(port, 'GET /%ff HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
    const garbage = await sendRaw(port, 'GARBAGE\r\n\r\n')
    const errorHandler = onHono.errorHandler(headers)
    const server = createServer({ requireHostHeader: false }, listenerOf(new Hono().fetch, { errorHandler }))
    server.on('checkExpectation', expectation(headers))
    const hono = await started(await listen(server))
    const host = await sendRaw(hono, 'GET / HTTP/1.1\r\nConnection: close\r\n\r\n')
    const expected = await sendRaw(hono, 'GET / HTTP/1.1\r\nHost: a\r\nExpect: tea\r\nConnection: close\r\n\r\n')
    for (const answer of [url, garbage, host]) expect(answer).toMatch(/^HTTP\/1.1 400 /)
    expect(expected).toMatch(/^HTTP\/1.1 417 /)
    for (const answer of [url, garbage, host, expected]) {
      expect([
        /\r\nx-good: 1\r\n/i.test(answer),
        /evil|bad/i.test(answer.replace('Bad Request', '').replace('Bad Request', '')),
      ]).toEqual([kept, false])
      expect(answer).toContain('application/problem+json')
    }
    await new Promise((resolve) => setTimeout(resolve, 10))
    expect(rejections).toEqual([])
  })

  it('an expectation reads no more of the connection than its request', async () => {
    const server = createServer((_req, res) => void res.end('next'))
    server.on(
      'checkExpectation',
      expectation(() => [['X-Good', '1']]),
    )
    const port = await started(await listen(server))
    const received = await sendRaw(
      port,
      'POST / HTTP/1.1\r\nHost: a\r\nExpect: tea\r\nContent-Length: 3\r\n\r\nabcGET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n',
    )
    expect(received).toMatch(/^HTTP\/1.1 417 Expectation Failed\r\n/)
    expect(received).toMatch(/next$|next\r\n0\r\n\r\n$/)
  })
})

describe('on Hono', () => {
  const target: Guard<'target', string> = {
    as: 'target',
    check: (facts) => ({ pass: true, data: `${facts.header('host')} ${facts.target}` }),
  }
  const app = new Hono()
  app.use(onHono.toHono(target))
  app.get('*', (c) => c.text(dataOf(c, target)))
  const ask = async (url: string, host: string) => (await app.request(url, { headers: { host } })).text()

  it('a Host with the port that its scheme has anyway is the URL’s', async () => {
    const port = await started(await listen(createServer(listenerOf(app.fetch))))
    const { body } = await send(port, '/api/stock', { headers: { host: 'Shop.example:80' } })
    expect(body).toBe('Shop.example:80 /api/stock')
    expect(await ask('http://shop.example/a', 'shop.example:80')).toBe('shop.example:80 /a')
    expect(await ask('https://shop.example/a', 'shop.example:443')).toBe('shop.example:443 /a')
    expect(await ask('https://shop.example/a', 'shop.example:80')).toBe('shop.example:80 https://shop.example/a')
    expect(await ask('http://evil.example/a', 'shop.example:80')).toBe('shop.example:80 http://evil.example/a')
    expect(await ask('http://shop.example:8080/a', 'shop.example:80')).toBe(
      'shop.example:80 http://shop.example:8080/a',
    )
  })

  it.each([
    ['before the guards of the one around it', true],
    ['where the one around it has none', false],
  ])('an application that is called with the environment keeps its headers to itself: %s', async (_what, guarded) => {
    const inner = new Hono()
    inner.use(
      onHono.toHono(
        guardOf('inner', [
          ['X-Inner', '1'],
          ['Set-Cookie', 'inner=1'],
        ]),
      ),
    )
    inner.get('/who', (c) => c.text('who'))
    const outer = new Hono()
    outer.use(async (c, next) => {
      const answer = await inner.fetch(new Request('http://a/who'), c.env)
      c.header('X-Inner-Answer', answer.headers.get('x-inner') ?? 'none')
      await next()
    })
    if (guarded) outer.use(onHono.toHono(guardOf('outer', [['X-Outer', '1']])))
    outer.get('/', (c) => c.text('outer'))
    const port = await started(await listen(createServer(listenerOf(outer.fetch))))
    for (let i = 0; i < 2; i++) {
      const { headers, body } = await send(port, '/')
      expect([body, headers['x-inner'], headers['set-cookie']]).toEqual(['outer', undefined, undefined])
      expect([headers['x-inner-answer'], headers['x-outer']]).toEqual(['1', guarded ? '1' : undefined])
    }
  })

  it('an application that is handed the request itself writes on the answer', async () => {
    const inner = new Hono()
    inner.use(onHono.toHono(guardOf('inner', [['X-Inner', '1']])))
    inner.get('*', (c) => c.text('who'))
    const outer = new Hono()
    outer.all('*', (c) => inner.fetch(c.req.raw, c.env))
    const port = await started(await listen(createServer(listenerOf(outer.fetch))))
    expect((await send(port, '/')).headers['x-inner']).toBe('1')
  })
})

it('a client that asks to go on is let go on', async () => {
  const server = createServer((_req, res) => void res.end('ok'))
  server.on('checkExpectation', expectation())
  const port = await started(await listen(server))
  const status = await new Promise((resolve, reject) => {
    const outgoing = request({
      port,
      host: '127.0.0.1',
      method: 'POST',
      headers: { expect: '100-continue' },
      agent: false,
    })
    outgoing.on('continue', () => outgoing.end('body'))
    outgoing.on('response', (response) => {
      response.resume()
      resolve(response.statusCode)
    })
    outgoing.on('error', reject)
  })
  expect(status).toBe(200)
})
