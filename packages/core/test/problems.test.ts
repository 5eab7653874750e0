// Nothing that an error carries reaches a client, but for what is made for clients.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Problem, SecurityError } from '@mosaajii/core'
import * as onExpress from '@mosaajii/core/express'
import * as onFastify from '@mosaajii/core/fastify'
import * as onHono from '@mosaajii/core/hono'
import express from 'express'
import fastify from 'fastify'
import fc from 'fast-check'
import { Hono } from 'hono'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { listen, listenerOf, type Running, send } from './support/http.ts'

const canary = 'p4ss-phrase-of-ada'

let thrown: unknown
const raise = (): never => {
  throw thrown
}
type Options = onExpress.ProblemsOptions

const frameworks: readonly [string, (options: Options) => Promise<Running>][] = [
  [
    'Express',
    (options) => {
      const app = express()
      app.get('/', raise)
      app.use(onExpress.problems(options))
      return listen(createServer(app))
    },
  ],
  [
    'Fastify',
    async (options) => {
      const app = fastify()
      app.setErrorHandler(onFastify.problems(options))
      app.get('/', raise)
      await app.listen({ port: 0, host: '127.0.0.1' })
      return { port: (app.server.address() as AddressInfo).port, close: () => app.close() }
    },
  ],
  [
    'Hono',
    (options) => {
      const app = new Hono()
      app.get('/', raise)
      app.onError(onHono.problems(options))
      return listen(createServer(listenerOf(app.fetch, { errorHandler: onHono.errorHandler() })))
    },
  ],
]

describe.each(frameworks)('problems() on %s', (name, start) => {
  let server: Running
  let told: [unknown, Problem][] = []
  let onError: Options['onError'] = (error, problem) => void told.push([error, problem])
  beforeAll(async () => {
    server = await start({ onError: (error, problem) => onError?.(error, problem) })
  })
  afterAll(() => server.close())

  it('shows no part of an error, whatever it is made of', async () => {
    const word = fc.constantFrom(canary, 'ENOENT', 'FST_ERR_X', 'RequestError')
    const status = fc.constantFrom(
      undefined,
      200,
      302,
      399,
      400,
      404,
      422,
      499,
      500,
      503,
      600,
      4e9,
      -1,
      Number.NaN,
      404.5,
      '404',
      canary,
    )
    const fields = fc.record(
      {
        message: word,
        name: word,
        code: word,
        status,
        statusCode: status,
        expose: fc.boolean(),
        validation: fc.constantFrom(undefined, [{ message: canary }]),
        headers: fc.constantFrom(
          undefined,
          null,
          canary,
          { 'X-Canary': canary, location: canary },
          new Headers({ link: canary }),
        ),
        body: fc.constant(canary),
        detail: fc.constant({ canary }),
        errors: fc.constant([canary]),
        cause: fc.constant(canary),
        res: fc.constantFrom(undefined, new Response(canary, { headers: { 'x-canary': canary } })),
        getResponse: fc.constantFrom(undefined, () => new Response(canary, { status: 200 })),
        stack: fc.constant(canary),
      },
      { requiredKeys: [] },
    )
    const kinds = [Error, TypeError, SyntaxError, URIError, RangeError]
    const errors = fc.tuple(fc.constantFrom(...kinds), fields).map(([Kind, own]) => {
      const error = new Kind(canary)
      for (const [name, value] of Object.entries(own)) Object.defineProperty(error, name, { value, enumerable: true })
      return error
    })
    await fc.assert(
      fc.asyncProperty(errors, async (error) => {
        thrown = error
        const answer = await send(server.port, '/')
        expect(JSON.stringify(answer)).not.toContain(canary)
        expect(answer.headers['content-type']).toBe('application/problem+json')
        const problem = JSON.parse(answer.body) as Problem
        expect(Object.keys(problem)).toEqual(['type', 'title', 'status'])
        expect(problem.status).toBe(answer.status)
        expect(answer.status === 500 || (answer.status >= 400 && answer.status <= 499)).toBe(true)
      }),
      { numRuns: 150 },
    )
  })

  it.each([canary, { canary }, null, 0, [canary]])('shows nothing of %j, which is no error', async (value) => {
    thrown = value
    const answer = await send(server.port, '/')
    // To Express a falsy value is no error at all: it goes on to the next handler.
    const status = name === 'Express' && !value ? 404 : 500
    expect([answer.status, JSON.stringify(answer).includes(canary)]).toEqual([status, false])
  })

  it('keeps the status of an error that only has one to itself', async () => {
    for (const error of [
      Object.assign(new Error(canary), { status: 404 }),
      Object.assign(new Error(canary), { statusCode: 403 }),
      Object.assign(new Error(canary), { status: 401, expose: false }),
      Object.assign(new Error(canary), { status: 401, expose: 'yes' }),
    ]) {
      thrown = error
      expect((await send(server.port, '/')).status).toBe(500)
    }
  })

  it('sends what an error names for its problem: members, and headers that can be sent', async () => {
    const headers = [
      ['Retry-After', '5'],
      ['X-Till', '3'],
      ['Content-Type', 'text/html'],
      ['X-Bad', `a\r\nX-Injected: ${canary}`],
      ['no name', 'x'],
      ['X-None'],
    ]
    const problem = { type: 'urn:till', title: 'Till\r\nbusy', members: { tills: ['3'] }, headers }
    thrown = Object.assign(new SecurityError('TILL_BUSY', canary, { status: 429 }), { problem })
    const answer = await send(server.port, '/')
    expect(JSON.parse(answer.body)).toEqual({
      type: 'urn:till',
      title: 'Till\r\nbusy',
      status: 429,
      code: 'TILL_BUSY',
      tills: ['3'],
    })
    expect(answer.headers).toMatchObject({
      'retry-after': '5',
      'x-till': '3',
      'content-type': 'application/problem+json',
    })
    expect(answer.reason).toBe('Too Many Requests')
    expect(answer.raw.join('\n')).not.toMatch(/x-bad|x-injected|x-none|no name/i)
    // A foreign error names none.
    thrown = Object.assign(new Error(canary), { problem })
    const foreign = await send(server.port, '/')
    expect([foreign.status, foreign.headers['x-till']]).toEqual([500, undefined])
    thrown = Object.assign(new SecurityError('A', canary), { problem: { members: { n: 1n } } })
    expect((await send(server.port, '/')).body).not.toContain('"A"')
  })

  it('tells onError of the error and of what the client saw, and outlives it', async () => {
    told = []
    const error = new SecurityError('ORDER_LOCKED', canary, { status: 409, detail: { order: 7 } })
    thrown = error
    await send(server.port, '/')
    expect(told).toEqual([
      [
        error,
        {
          type: 'urn:mosaajii:problem:order-locked',
          title: 'Conflict',
          status: 409,
          code: 'ORDER_LOCKED',
          facts: { order: 7 },
        },
      ],
    ])
    onError = () => {
      throw new Error('the log is full')
    }
    expect((await send(server.port, '/')).status).toBe(409)
    onError = () => Promise.reject(new Error('the log is full')) as never
    expect((await send(server.port, '/')).status).toBe(409)
  })
})

it.each([onExpress.problems, onFastify.problems, onHono.problems])('an unknown option is refused', (problems) => {
  expect(() => problems({ onerror: () => undefined } as never)).toThrow(
    "problems: unknown option 'onerror'; known are onError",
  )
  expect(() => problems({ onError: 'log' } as never)).toThrow(TypeError)
  expect(() => problems(null as never)).toThrow(TypeError)
})
