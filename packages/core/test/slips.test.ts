// What is easily written wrong stops the request, and says what to write instead.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Guard } from '@mosaajii/core'
import * as onExpress from '@mosaajii/core/express'
import * as onFastify from '@mosaajii/core/fastify'
import * as onHono from '@mosaajii/core/hono'
import express from 'express'
import fastify, { type FastifyInstance } from 'fastify'
import { Hono } from 'hono'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { frameworks } from './support/described-app.ts'
import { listen, listenerOf, type Received, type Running, send } from './support/http.ts'

const error = new Error('no')
const good = [['X-Till', '3']]
const verdicts: readonly (readonly [what: string, verdict: unknown])[] = [
  ['nothing', undefined],
  ['null', null],
  ['true', true],
  ['a text', 'pass'],
  ['an empty object', {}],
  ["pass: 'no'", { pass: 'no', data: 1 }],
  ['pass: 1', { pass: 1, data: 1 }],
  ['pass: 0', { pass: 0, error }],
  ['pass: an object', { pass: {}, data: 1 }],
  ['pass: a promise, for want of an await', { pass: Promise.resolve(false), data: 1 }],
  ['a refusal without an error', { pass: false }],
  ['a refusal with a text', { pass: false, error: 'no' }],
  ['headers in an object', { pass: true, data: 1, headers: { 'X-Till': '3' } }],
  ['headers in a Map', { pass: true, data: 1, headers: new Map([['X-Till', '3']]) }],
  ['headers that are null', { pass: true, data: 1, headers: null }],
  [
    'headers of which one is missing',
    { pass: true, data: 1, headers: Object.assign(Array(2), { 1: ['X-Till', '3'] }) },
  ],
  ['a header that is a text', { pass: true, data: 1, headers: [...good, 'X-Till: 3'] }],
  ['a header of two letters', { pass: true, data: 1, headers: ['ab'] }],
  ['a header without a value', { pass: true, data: 1, headers: [...good, ['X-Till']] }],
  ['a header that is a number', { pass: true, data: 1, headers: [...good, ['X-Till', 3]] }],
  ['a header with two values', { pass: true, data: 1, headers: [['X-Till', '3', '4']] }],
  ['a refusal with headers in an object', { pass: false, error, headers: { 'X-Till': '3' } }],
]
const said = "the guard 'till' must answer { pass: true, data } or { pass: false, error }"

describe.each(frameworks)('on %s', (_, start) => {
  let server: Running
  let verdict: unknown
  const told: unknown[] = []
  const guard = { as: 'till', check: () => verdict } as unknown as Guard<'till', unknown>
  beforeAll(async () => {
    const outer: Guard<'outer', true> = {
      as: 'outer',
      check: () => ({ pass: true, data: true, headers: [['X-Outer', '1']] }),
    }
    const spelt: Guard<'spelt', string> = {
      as: 'spelt',
      check: (facts) => ({
        pass: true,
        data: ['x-till', 'X-Till', 'X-TILL', 'Host', 'X-None', 'Constructor'].map((one) => facts.header(one)).join(),
      }),
    }
    server = await start({
      guards: [outer],
      routes: [
        { path: '/', guards: [guard], handle: () => ({ body: 'handled' }) },
        { path: '/spelt', guards: [spelt], handle: (exchange) => ({ body: exchange.data(spelt) }) },
      ],
      onError: (thrown) => void told.push(thrown),
    })
  })
  afterAll(() => server.close())

  it.each(verdicts)('a guard that answers with %s stops the request and is named', async (_what, answered) => {
    told.length = 0
    for (verdict of [answered, Promise.resolve(answered)]) {
      const answer = await send(server.port, '/')
      expect([answer.status, answer.headers['x-outer'], answer.headers['x-till']]).toEqual([500, '1', undefined])
      expect(answer.body).not.toContain('handled')
    }
    const messages = told.map((one) => one instanceof Error && one.message)
    expect(messages).toEqual([expect.stringContaining(said), expect.stringContaining(said)])
  })

  it('a guard that throws what is no error is named', async () => {
    told.length = 0
    // oxlint-disable-next-line typescript/prefer-promise-reject-errors -- that is the point
    const rejected = Promise.reject('no')
    // Known before a request asks for it: till then nobody handles it.
    rejected.catch(() => undefined)
    verdict = rejected
    expect((await send(server.port, '/')).status).toBe(500)
    expect(told).toMatchObject([{ message: "the guard 'till' threw something that is no Error", cause: 'no' }])
  })

  it('a guard finds a header by any spelling of its name', async () => {
    const { body } = await send(server.port, '/spelt', { headers: { 'x-TILL': '3', host: 'shop.example' } })
    expect(body).toBe('3,3,3,shop.example,,')
  })

  it('a header that has the name of a property of every object is found', async () => {
    const { body } = await send(server.port, '/spelt', { headers: { Constructor: '4', host: 'shop.example' } })
    expect(body).toBe(',,,shop.example,,4')
  })
})

const uncalled = <T>(factory: () => T): T => factory as unknown as T
const raise = (): never => {
  throw error
}
/** Each answers `/` with an error, and tells what its last error handler got. */
async function answersOf(server: Running): Promise<{ thrown: Received; unknown: Received }> {
  try {
    const signal = AbortSignal.timeout(3000)
    const hangs = new Promise<never>((_resolve, reject) => {
      signal.addEventListener('abort', () => reject(new Error('it hangs')))
    })
    const both = Promise.all([send(server.port, '/'), send(server.port, '/none')])
    const [thrown, unknown] = await Promise.race([both, hangs])
    return { thrown, unknown }
  } finally {
    await server.close()
  }
}

async function startFastify(app: FastifyInstance): Promise<Running> {
  await app.listen({ port: 0, host: '127.0.0.1' })
  return { port: (app.server.address() as AddressInfo).port, close: () => app.close() }
}

describe('problems and notFound that nobody called', () => {
  it('are an error on Express', async () => {
    const told: unknown[] = []
    const app = express()
    app.get('/', raise)
    app.use(uncalled(onExpress.notFound))
    app.use(onExpress.problems({ onError: (one) => void told.push(one) }))
    const answers = await answersOf(await listen(createServer(app)))
    expect([answers.thrown.status, answers.unknown.status]).toEqual([500, 500])
    expect(told).toEqual([
      error,
      new TypeError('notFound: it was handed to the framework as it is; call it: notFound()'),
    ])
  })

  it('are an error on Express, also where problems is the one', async () => {
    const told: unknown[] = []
    const app = express()
    app.set('env', 'test')
    app.get('/', raise)
    app.use(uncalled(onExpress.problems))
    const last: express.ErrorRequestHandler = (one, _req, res, _next) => {
      told.push(one)
      res.sendStatus(500)
    }
    app.use(last)
    const answers = await answersOf(await listen(createServer(app)))
    expect([answers.thrown.status, answers.unknown.status]).toEqual([500, 500])
    expect(told).toEqual([error, new TypeError('problems: give a plain options object, or none; call it: problems()')])
  })

  it.each([
    ['an error', error],
    ['an object', {}],
    ['undefined', undefined],
  ])('are an error on Fastify, which throws %s', async (_what, thrown) => {
    const app = fastify()
    app.setErrorHandler(uncalled(onFastify.problems))
    app.setNotFoundHandler(uncalled(onFastify.notFound))
    app.get('/', async () => Promise.reject(thrown as Error))
    app.get('/sync', raise)
    const answers = await answersOf(await startFastify(app))
    expect([answers.thrown.status, answers.unknown.status]).toEqual([500, 500])
    expect(answers.thrown.body).toContain('call it: problems()')
  })

  it('are an error on Fastify, of which problems() tells', async () => {
    const told: unknown[] = []
    const app = fastify()
    app.setErrorHandler(onFastify.problems({ onError: (one) => void told.push(one) }))
    app.setNotFoundHandler(uncalled(onFastify.notFound))
    app.get('/', raise)
    expect((await answersOf(await startFastify(app))).unknown.status).toBe(500)
    expect(told).toContainEqual(new TypeError('notFound: it was handed to the framework as it is; call it: notFound()'))
  })

  it('are an error on Hono', async () => {
    const told: unknown[] = []
    const app = new Hono()
    app.onError(uncalled(onHono.problems))
    app.notFound(uncalled(onHono.notFound))
    app.get('/', raise)
    const errorHandler = (one: unknown) => {
      told.push(one)
      return new Response('', { status: 500 })
    }
    const answers = await answersOf(await listen(createServer(listenerOf(app.fetch, { errorHandler }))))
    expect([answers.thrown.status, answers.unknown.status]).toEqual([500, 500])
    const problemsSlip = new TypeError('problems: give a plain options object, or none; call it: problems()')
    expect(told).toEqual([problemsSlip, problemsSlip])
  })

  it('are an error on Hono, of which problems() tells', async () => {
    const told: unknown[] = []
    const app = new Hono()
    app.onError(onHono.problems({ onError: (one) => void told.push(one) }))
    app.notFound(uncalled(onHono.notFound))
    app.get('/', raise)
    const answers = await answersOf(await listen(createServer(listenerOf(app.fetch))))
    expect([answers.thrown.status, answers.unknown.status]).toEqual([500, 500])
    expect(told).toContainEqual(new TypeError('notFound: it was handed to the framework as it is; call it: notFound()'))
  })

  it.each([onExpress.problems, onFastify.problems, onHono.problems])(
    'problems takes a plain object only',
    (problems) => {
      for (const options of [error, new Request('http://a/'), [], new Headers(), () => undefined, 'a', null]) {
        expect(() => (problems as (options: unknown) => unknown)(options)).toThrow(TypeError)
      }
      for (const options of [undefined, {}, Object.create(null), { onError: () => undefined }]) {
        expect(() => (problems as (options: unknown) => unknown)(options)).not.toThrow()
      }
    },
  )
})

describe('on Fastify', () => {
  const till: Guard<'till', string> = { as: 'till', check: () => ({ pass: true, data: '3' }) }
  const asHook = onFastify.toPlugin(till) as unknown as onFastify.GuardHook<'till', string>
  const asPlugin = onFastify.toHook(till) as unknown as onFastify.GuardPlugin<'till', string>

  it('a plugin that is used as a hook says so', async () => {
    const told: unknown[] = []
    const app = fastify()
    app.setErrorHandler(onFastify.problems({ onError: (one) => void told.push(one) }))
    app.get('/', { onRequest: asHook }, () => 'handled')
    const answers = await answersOf(await startFastify(app))
    expect(answers.thrown.status).toBe(500)
    expect(told).toMatchObject([
      new TypeError(
        "the guard 'till' is a plugin here, for app.register(…); a route's onRequest takes a hook: toHook(guard), or the function whose name ends in Hook",
      ),
    ])
  })

  it.each([undefined, { prefix: '/a' }])('a hook that is used as a plugin says so', async (options) => {
    const app = fastify()
    app.get('/', () => 'handled')
    await expect(async () => {
      await app.register(asPlugin as never, options as never)
      await app.ready()
    }).rejects.toThrow(
      new TypeError(
        "the guard 'till' is a hook here, for a route's onRequest; app.register takes a plugin: toPlugin(guard), or the function whose name does not end in Hook",
      ),
    )
    await app.close()
  })
})
