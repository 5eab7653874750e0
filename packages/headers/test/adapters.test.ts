// What the adapters do besides headers, the same on each framework and over real sockets.
import { connect } from 'node:net'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import { dataOf } from '@mosaajii/core'
import * as coreExpress from '@mosaajii/core/express'
import * as coreFastify from '@mosaajii/core/fastify'
import * as coreHono from '@mosaajii/core/hono'
import { recordingSink } from '@mosaajii/core/testing'
import { cspNonce, type FetchMetadataOptions, presets } from '@mosaajii/headers'
import * as onExpress from '@mosaajii/headers/express'
import * as onFastify from '@mosaajii/headers/fastify'
import * as onHono from '@mosaajii/headers/hono'
import express from 'express'
import fastify from 'fastify'
import { Hono } from 'hono'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { ask, parsed, type RawAnswer, sendRaw } from './support/raw-http.ts'
import { type Framework, frameworks, type RunningShop, startShop } from './support/shops.ts'

const report = JSON.stringify({
  'csp-report': {
    'effective-directive': 'script-src-elem',
    'blocked-uri': 'inline',
    'document-uri': 'https://shop.example/?secret',
  },
})
const list = JSON.stringify([
  { type: 'csp-violation', body: { effectiveDirective: 'img-src', blockedURL: 'https://a.example/b?secret' } },
  { type: 'deprecation', body: {} },
])
const oldType = 'Content-Type: application/csp-report'
const listType = 'Content-Type: application/reports+json; charset=utf-8'

describe.each(frameworks)('reports on %s', (framework) => {
  const events = recordingSink()
  let shop: RunningShop
  let before = 0
  beforeAll(async () => {
    shop = await startShop(framework, events)
  })
  beforeEach(() => {
    before = events.named('csp.violation').length
  })
  afterAll(() => shop.close())
  const violations = () =>
    events
      .named('csp.violation')
      .slice(before)
      .map(({ data }) => data)
  const post = (headers: string[], body: string, target = '/csp-reports') =>
    ask(shop.port, { method: 'POST', target, headers, body })
  const problemOf = (answer: RawAnswer) => [answer.status, (JSON.parse(answer.body) as { code: string }).code]

  test('both formats are answered with 204 and become events', async () => {
    const answers = [await post([oldType], report), await post([listType], list)]
    for (const answer of answers) {
      expect(answer.status).toBe(204)
      expect(answer.body).toBe('')
      expect(answer.all('content-security-policy')).toHaveLength(1)
    }
    expect(violations()).toEqual([
      { directive: 'script-src-elem', blocked: 'inline', page: 'https://shop.example/', disposition: 'enforce' },
      { directive: 'img-src', blocked: 'https://a.example/b', page: 'unknown', disposition: 'enforce' },
    ])
  })

  test.each([
    ['another type', ['Content-Type: application/json'], report, 415, 'REPORT_TYPE_REFUSED'],
    ['plain text', ['Content-Type: text/plain'], report, 415, 'REPORT_TYPE_REFUSED'],
    ['no type', [], report, 415, 'REPORT_TYPE_REFUSED'],
    ['no JSON', [oldType], '{"csp-report":', 400, 'REPORT_INVALID'],
    ['no body', [oldType], '', 400, 'REPORT_INVALID'],
    ['no report', [oldType], '{}', 400, 'REPORT_INVALID'],
    ['a declared length beyond the cap', [oldType], ' '.repeat(2001), 413, 'REPORT_TOO_LARGE'],
  ])('%s is refused', async (_what, headers, body, status, code) => {
    expect(problemOf(await post(headers, body))).toEqual([status, code])
    expect(violations()).toEqual([])
  })

  test('a body without a length is cut off at the cap, before it ends, and the connection is closed', async () => {
    const head = `POST /csp-reports HTTP/1.1\r\nHost: shop.example\r\n${oldType}\r\nTransfer-Encoding: chunked\r\n\r\n`
    const started = performance.now()
    // No last chunk: the answer must come without it, and the connection must not wait for it.
    const answer = parsed(
      await sendRaw(shop.port, `${head}400\r\n${'a'.repeat(1024)}\r\n400\r\n${'a'.repeat(1024)}\r\n`),
    )
    expect(problemOf(answer)).toEqual([413, 'REPORT_TOO_LARGE'])
    expect(answer.all('content-security-policy')).toHaveLength(1)
    expect(performance.now() - started).toBeLessThan(5000)
  })

  test('a body in many small chunks is put together', async () => {
    const head = `POST /csp-reports HTTP/1.1\r\nHost: shop.example\r\n${oldType}\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n`
    const chunks = [...report].map((character) => `1\r\n${character}\r\n`).join('')
    expect(parsed(await sendRaw(shop.port, `${head}${chunks}0\r\n\r\n`)).status).toBe(204)
    expect(violations()).toHaveLength(1)
  })

  test('a client that leaves in the middle harms nobody', async () => {
    await new Promise<void>((resolve) => {
      const socket = connect(shop.port, '127.0.0.1', () => {
        socket.write(
          `POST /csp-reports HTTP/1.1\r\nHost: shop.example\r\n${oldType}\r\nContent-Length: 500\r\n\r\n{"csp`,
        )
        setTimeout(() => socket.destroy(), 30)
      })
      socket.on('close', () => resolve())
    })
    expect((await post([oldType], report)).status).toBe(204)
    expect(violations()).toHaveLength(1)
  })

  test('other routes keep their parsers', async () => {
    const answer = await ask(shop.port, {
      method: 'POST',
      target: '/json',
      headers: ['Content-Type: application/json'],
      body: '{"a":1}',
    })
    expect(JSON.parse(answer.body)).toEqual({ a: 1 })
    if (framework !== 'fastify') return
    const foreign = await ask(shop.port, { method: 'POST', target: '/json', headers: [oldType], body: report })
    expect(foreign.status).toBe(415)
  })
})

interface Guarded {
  readonly port: number
  close(): Promise<void>
}

/** An application with the guard on everything but one route that has its own. */
const guarded: Record<Framework, (options: FetchMetadataOptions) => Promise<Guarded>> = {
  express: async (options) => {
    const app = express()
    app.use(onExpress.securityHeaders(presets.strict), onExpress.fetchMetadata(options))
    app.all('/', (req, res) => void res.send(dataOf(req, cspNonce)))
    app.use(coreExpress.problems())
    return listening(createServer(app))
  },
  fastify: async (options) => {
    const app = fastify({ forceCloseConnections: true })
    app.setErrorHandler(coreFastify.problems())
    await app.register(onFastify.securityHeaders(presets.strict))
    app.all('/', { onRequest: onFastify.fetchMetadataHook(options) }, (request) => dataOf(request, cspNonce))
    await app.register(async (scope) => {
      await scope.register(onFastify.fetchMetadata(options))
      scope.all('/scoped', () => 'scoped')
    })
    await app.listen({ port: 0, host: '127.0.0.1' })
    return { port: (app.server.address() as AddressInfo).port, close: () => app.close() }
  },
  hono: async (options) => {
    const app = new Hono()
    app.use(onHono.securityHeaders(presets.strict), onHono.fetchMetadata(options))
    app.all('/', (c) => c.text(dataOf(c, cspNonce)))
    app.onError(coreHono.problems())
    const listener = getRequestListener(app.fetch)
    return listening(createServer((incoming, outgoing) => void listener(incoming, outgoing)))
  },
}

async function listening(server: ReturnType<typeof createServer>): Promise<Guarded> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    close: () => new Promise((resolve) => void server.close(() => resolve())),
  }
}

describe.each(frameworks)('fetch metadata on %s', (framework) => {
  let app: Guarded
  beforeAll(async () => {
    app = await guarded[framework]({ origins: ['https://pay.example'] })
  })
  afterAll(() => app.close())

  test.each([
    [200, 'POST', ['Sec-Fetch-Site: same-origin']],
    [200, 'POST', []],
    [200, 'POST', ['Origin: http://shop.example']],
    [200, 'POST', ['Sec-Fetch-Site: cross-site', 'Origin: https://pay.example']],
    [200, 'GET', ['Sec-Fetch-Site: cross-site', 'Sec-Fetch-Mode: navigate', 'Sec-Fetch-Dest: document']],
    [403, 'POST', ['Sec-Fetch-Site: cross-site', 'Sec-Fetch-Mode: navigate', 'Sec-Fetch-Dest: document']],
    [403, 'POST', ['Sec-Fetch-Site: same-site']],
    [403, 'POST', ['Origin: https://evil.example']],
    [403, 'POST', ['Origin: null']],
    [403, 'POST', ['Sec-Fetch-Site: same-origin', 'Sec-Fetch-Site: cross-site']],
    [403, 'POST', ['Sec-Fetch-Site:']],
    [403, 'POST', ['Origin: http://shop.example', 'Origin: https://evil.example']],
  ])('%i for %s %j', async (status, method, headers) => {
    const answer = await ask(app.port, { method, headers })
    expect(answer.status).toBe(status)
    expect(answer.all('content-security-policy')).toHaveLength(1)
    if (status === 403) expect(JSON.parse(answer.body)).toMatchObject({ code: 'CROSS_SITE_REFUSED' })
  })
})

test('on Fastify, as a plugin, fetch metadata holds for its scope', async () => {
  const app = await guarded.fastify({})
  const forged = ['Sec-Fetch-Site: cross-site']
  const answers = [
    await ask(app.port, { method: 'POST', target: '/scoped', headers: forged }),
    await ask(app.port, { method: 'POST', target: '/scoped' }),
  ]
  await app.close()
  expect(answers.map(({ status }) => status)).toEqual([403, 200])
})

test.each<[Framework, string]>([
  ['express', '/parsed-reports'],
  ['express', '/raw-reports'],
  ['hono', '/parsed-reports'],
])('on %s a body that was read before, at %s, is taken from there', async (framework, target) => {
  const events = recordingSink()
  const shop = await startShop(framework, events)
  const answer = await ask(shop.port, { method: 'POST', target, headers: [oldType], body: report })
  await shop.close()
  expect(answer.status).toBe(204)
  expect(events.named('csp.violation')).toHaveLength(1)
})

describe('wrong options are refused when the adapter is made', () => {
  const makers = [onExpress, onFastify, onHono]
  test.each(makers)('%#', (adapter) => {
    expect(() => adapter.reportEndpoint({ events: {} as never })).toThrow(TypeError)
    expect(() => adapter.reportEndpoint({ events: recordingSink(), burst: 0 })).toThrow(RangeError)
    expect(() => adapter.fetchMetadata({ origins: ['*'] })).toThrow(TypeError)
    expect(() => adapter.securityHeaders({ csp: { 'default-src': ['self'] } })).toThrow(/csp\.default-src\[0\]/)
  })

  test('the path on Fastify', () => {
    expect(() => onFastify.reportEndpoint({ events: recordingSink(), path: 'reports' })).toThrow(TypeError)
  })
})
