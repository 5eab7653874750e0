// Who a client is, and what a client that lies about it gets.
import { createServer, request, type Server } from 'node:http'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { type Guard, type Problem, SecurityError } from '@mosaajii/core'
import { problems as expressProblems, toExpress } from '@mosaajii/core/express'
import { toPlugin } from '@mosaajii/core/fastify'
import * as onHono from '@mosaajii/core/hono'
import express from 'express'
import fastify from 'fastify'
import { Hono } from 'hono'
import { afterEach, describe, expect, it } from 'vitest'
import { listen, listenerOf, type Running, send } from './support/http.ts'

const guard: Guard<'who', string> = {
  as: 'who',
  check: (facts) => ({
    pass: true,
    data: '',
    headers: [['X-Who', `${facts.address} ${facts.address}`]],
  }),
}

const running: Running[] = []
afterEach(async () => {
  for (const server of running.splice(0)) await server.close()
})
async function started(server: Server): Promise<number> {
  const one = await listen(server)
  running.push(one)
  return one.port
}

type Trust = number | boolean | string | undefined
async function onExpress(trust: Trust): Promise<number> {
  const app = express()
  if (trust !== undefined) app.set('trust proxy', trust)
  app.use(toExpress(guard), (_req, res) => void res.end())
  app.use(expressProblems({ onError: (error) => void errors.push(error) }))
  return started(createServer(app))
}
async function onFastify(trust: string | number | undefined): Promise<number> {
  const app = fastify(trust === undefined ? {} : { trustProxy: trust as string })
  await app.register(toPlugin(guard))
  app.get('/', () => '')
  await app.listen({ port: 0, host: '127.0.0.1' })
  running.push({ port: 0, close: () => app.close() })
  return (app.server.address() as AddressInfo).port
}
async function onHonoWith(source: onHono.AddressSource | undefined): Promise<number> {
  const app = new Hono()
  if (source) app.use(onHono.clientAddress(source))
  app.use(onHono.toHono(guard))
  app.get('/', (c) => c.body(''))
  app.onError(onHono.problems({ onError: (error) => void errors.push(error) }))
  return started(createServer(listenerOf(app.fetch)))
}
const errors: unknown[] = []
const { nodeServer, behindProxies } = onHono
const hops = (count: number) => behindProxies(nodeServer(), { hops: count })

const whoIs = async (port: number, forwarded?: string | string[]): Promise<string | undefined> => {
  const headers =
    forwarded === undefined ? {} : { 'x-forwarded-for': forwarded, forwarded: 'for=9.9.9.9', 'x-real-ip': '9.9.9.9' }
  const { 'x-who': who } = (await send(port, '/', { headers })).headers
  // Read twice by the guard: computed once, the same both times.
  const [one, other] = String(who).split(' ')
  expect(one).toBe(other)
  return one
}

const alone = [
  ['Express', () => onExpress(undefined)],
  ['Express, trust proxy off', () => onExpress(false)],
  ['Fastify', () => onFastify(undefined)],
  ['Hono', () => onHonoWith(nodeServer())],
] as const
describe.each(alone)('without a proxy, on %s', (_, start) => {
  it.each([undefined, '6.6.6.6', '6.6.6.6, 7.7.7.7', '127.0.0.2', '::1', '', ',', 'unknown'])(
    'the address is that of the connection, whatever X-Forwarded-For says: %j',
    async (forwarded) => {
      expect(await whoIs(await start(), forwarded)).toBe('127.0.0.1')
    },
  )
})

// Express counts hops; Fastify takes the addresses of the proxies; Hono is told by clientAddress.
const oneProxy = [
  ['Express', () => onExpress(1)],
  ['Fastify', () => onFastify('127.0.0.1')],
  ['Hono', () => onHonoWith(hops(1))],
] as const
describe.each(oneProxy)('behind one proxy, on %s', (_, start) => {
  it.each([
    ['what the proxy wrote', '192.0.2.7', '192.0.2.7'],
    ['not what the client wrote before it', '6.6.6.6, 192.0.2.7', '192.0.2.7'],
    ['not what the client wrote many times', '6.6.6.6, 6.6.6.7, 6.6.6.8,, ,192.0.2.7', '192.0.2.7'],
    ['not a proxy that the client made up', '6.6.6.6, 10.0.0.1, 192.0.2.7', '192.0.2.7'],
    ['one address, in one spelling', '::FFFF:192.0.2.7', '192.0.2.7'],
    ['IPv6 in one spelling', '2001:DB8:0::1', '2001:db8::1'],
    ['none when the proxy wrote none that is one', '6.6.6.6, unknown', 'undefined'],
    ['none when it came with a port', '192.0.2.7:4711', 'undefined'],
    ['that of the connection when the header is missing', undefined, '127.0.0.1'],
  ])('the address is %s', async (_name, forwarded, expected) => {
    expect(await whoIs(await start(), forwarded)).toBe(expected)
  })

  it('several headers of that name are one list', async () => {
    expect(await whoIs(await start(), ['6.6.6.6', '7.7.7.7, 192.0.2.7'])).toBe('192.0.2.7')
  })
})

const twoProxies = [
  ['Express', () => onExpress(2)],
  ['Fastify', () => onFastify('127.0.0.1,10.0.0.1')],
  ['Hono', () => onHonoWith(hops(2))],
] as const
describe.each(twoProxies)('behind two proxies, on %s', (_, start) => {
  it.each([
    ['192.0.2.7, 10.0.0.1', '192.0.2.7'],
    ['6.6.6.6, 192.0.2.7, 10.0.0.1', '192.0.2.7'],
    ['6.6.6.6,192.0.2.7,10.0.0.1', '192.0.2.7'],
  ])('%s comes from %s', async (forwarded, expected) => {
    expect(await whoIs(await start(), forwarded)).toBe(expected)
  })
})

it('Fastify takes a number of proxies to mean none: it names their addresses instead', async () => {
  expect(await whoIs(await onFastify(1), '6.6.6.6, 192.0.2.7')).toBe('127.0.0.1')
})

describe('behindProxies', () => {
  it('takes the leftmost when there are fewer entries than hops, as Express does', async () => {
    for (const port of [await onExpress(3), await onHonoWith(hops(3))]) {
      expect(await whoIs(port, '192.0.2.7')).toBe('192.0.2.7')
      expect(await whoIs(port, '192.0.2.7, 10.0.0.1')).toBe('192.0.2.7')
    }
  })

  it.each(['', ',', ',,,,', ' , ,', `${','.repeat(3000)}1.1.1.1,2.2.2.2`])('copes with %j', async (forwarded) => {
    expect(await whoIs(await onHonoWith(hops(2)), forwarded)).toMatch(/^(undefined|1\.1\.1\.1|127\.0\.0\.1)$/)
  })

  it.each([0, -1, 1.5, 17, Number.NaN, '1', undefined])('refuses %j hops', (count) => {
    expect(() => behindProxies(nodeServer(), { hops: count as number })).toThrow(RangeError)
  })

  it('refuses what is no source', () => {
    expect(() => behindProxies(undefined as never, { hops: 1 })).toThrow(TypeError)
    expect(() => onHono.clientAddress('127.0.0.1' as never)).toThrow(TypeError)
  })
})

describe('an application that never said how addresses are found', () => {
  it('on Hono is told so at the first request that needs one', async () => {
    errors.length = 0
    const answer = await send(await onHonoWith(undefined), '/')
    expect([answer.status, (JSON.parse(answer.body) as Problem).code]).toEqual([500, 'ADDRESS_SOURCE_MISSING'])
    expect(String(errors[0])).toContain('app.use(clientAddress(nodeServer()))')
  })

  it.each([
    ['bunServer', onHono.bunServer()],
    ['denoServer', onHono.denoServer()],
    ['cloudflareWorkers', onHono.cloudflareWorkers()],
  ])('is told when it said %s on Node', async (name, source) => {
    errors.length = 0
    expect((await send(await onHonoWith(source), '/', { headers: { 'cf-connecting-ip': '6.6.6.6' } })).status).toBe(500)
    expect(String(errors[0])).toContain(`clientAddress(${name}())`)
  })

  it('is told when it said nodeServer and is called in another way', async () => {
    const app = new Hono()
    app.use(onHono.clientAddress(nodeServer()), onHono.toHono(guard))
    app.onError(onHono.problems())
    expect(await (await app.request('/')).json()).toMatchObject({ code: 'ADDRESS_SOURCE_MISSING' })
  })

  it('on Express is told when it trusts every proxy, which is to trust the client', async () => {
    errors.length = 0
    const answer = await send(await onExpress(true), '/', { headers: { 'x-forwarded-for': '6.6.6.6' } })
    expect([answer.status, (JSON.parse(answer.body) as Problem).code]).toEqual([500, 'ADDRESS_UNTRUSTED'])
    expect(errors[0]).toBeInstanceOf(SecurityError)
  })
})

describe('the other servers’ sources', () => {
  const address = async (source: onHono.AddressSource, env: object, headers: Record<string, string> = {}) => {
    const app = new Hono()
    app.use(onHono.clientAddress(source), onHono.toHono(guard))
    return (await app.request('/', { headers }, env)).headers.get('x-who')
  }

  it('read what Bun and Deno hand to fetch', async () => {
    const requestIP = () => ({ address: '::ffff:192.0.2.7' })
    expect(await address(onHono.bunServer(), { requestIP })).toBe('192.0.2.7 192.0.2.7')
    expect(await address(onHono.bunServer(), { server: { requestIP } })).toBe('192.0.2.7 192.0.2.7')
    expect(await address(onHono.bunServer(), { requestIP: () => null })).toBe('undefined undefined')
    expect(await address(onHono.denoServer(), { remoteAddr: { hostname: '192.0.2.7' } })).toBe('192.0.2.7 192.0.2.7')
    expect(await address(onHono.denoServer(), { remoteAddr: { path: '/run/app' } })).toBe('undefined undefined')
  })
})

it('a connection without an address has none, on all frameworks', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'core-socket-'))
  const servers: Server[] = []
  const app = express()
  app.use(toExpress(guard), (_req, res) => void res.end())
  servers.push(createServer(app))
  const hono = new Hono()
  hono.use(onHono.clientAddress(nodeServer()), onHono.toHono(guard))
  servers.push(createServer(listenerOf(hono.fetch)))
  const fast = fastify()
  await fast.register(toPlugin(guard))
  await fast.ready()
  servers.push(fast.server)
  for (const [index, server] of servers.entries()) {
    const socketPath = join(folder, `${index}.sock`)
    await new Promise<void>((resolve) => server.listen(socketPath, resolve))
    const who = await new Promise((resolve, reject) => {
      const outgoing = request({ socketPath, path: '/', agent: false }, (response) => {
        response.resume()
        resolve(response.headers['x-who'])
      })
      outgoing.on('error', reject)
      outgoing.end()
    })
    expect(who).toBe('undefined undefined')
    server.close()
  }
  rmSync(folder, { recursive: true })
})
