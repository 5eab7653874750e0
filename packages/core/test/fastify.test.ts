import { connect } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { dataOf, type Guard, SecurityError } from '@mosaajii/core'
import { frameworkErrors, notFound, problems, toHook, toPlugin } from '@mosaajii/core/fastify'
import fastify, { type FastifyInstance } from 'fastify'
import { afterEach, describe, expect, it } from 'vitest'
import { type Received, send } from './support/http.ts'

const guardOf = <K extends string>(as: K, value: string): Guard<K, string> => ({
  as,
  check: () => ({ pass: true, data: value, headers: [[`X-${as}`, value]] }),
})
const till = guardOf('till', '3')

const running: FastifyInstance[] = []
afterEach(async () => {
  for (const app of running.splice(0)) await app.close()
})
async function get(app: FastifyInstance, path: string): Promise<Received> {
  if (!app.server.listening) {
    running.push(app)
    await app.listen({ port: 0, host: '127.0.0.1' })
  }
  return send((app.server.address() as AddressInfo).port, path)
}

describe('toPlugin', () => {
  it('guards the scope that registers it, its 404 included, and nothing outside', async () => {
    const app = fastify()
    app.get('/outside', () => '')
    await app.register(
      async (scope) => {
        scope.setNotFoundHandler(notFound())
        await scope.register(toPlugin(till))
        scope.get('/', (_request, reply) => (reply as unknown as { till: string }).till)
      },
      { prefix: '/scope' },
    )
    expect((await get(app, '/scope')).headers['x-till']).toBe('3')
    expect((await get(app, '/scope')).body).toBe('3')
    expect((await get(app, '/scope/none')).headers['x-till']).toBe('3')
    expect((await get(app, '/outside')).headers).not.toHaveProperty('x-till')
  })

  it('may be registered twice, and in scopes within scopes: the innermost wins', async () => {
    const app = fastify()
    await app.register(toPlugin(guardOf('till', '1')))
    await app.register(toPlugin(guardOf('till', '2')))
    await app.register(async (scope) => {
      await scope.register(toPlugin(till))
      scope.get('/', (request) => dataOf(request, { as: 'till' }))
    })
    app.get('/outer', (request) => dataOf(request, { as: 'till' }))
    expect((await get(app, '/')).body).toBe('3')
    expect((await get(app, '/outer')).body).toBe('2')
  })

  it('names itself as fastify-plugin would', () => {
    const plugin = toPlugin(till)
    const name = '@mosaajii/guard-till'
    expect(plugin.guard).toBe(till)
    expect(Reflect.get(plugin, Symbol.for('skip-override'))).toBe(true)
    expect(Reflect.get(plugin, Symbol.for('fastify.display-name'))).toBe(name)
    expect(Reflect.get(plugin, Symbol.for('plugin-meta'))).toEqual({ name, fastify: '5.x' })
  })

  it('does not take the place of another plugin’s decorator', async () => {
    const app = fastify()
    app.decorateReply('till', null)
    await expect(async () => app.register(toPlugin(till))).rejects.toThrow(/'till' has already been added/)
    await app.close()
  })
})

describe.each([
  ['toHook', toHook],
  ['toPlugin', toPlugin],
])('%s', (_, make) => {
  it.each(['send', 'raw', 'request', 'log', 'code', 'header', 'statusCode', 'server', 'then', 'hijack'])(
    'refuses a guard named %s, which Fastify’s reply has',
    (as) => {
      expect(() => make(guardOf(as, ''))).toThrow(`a guard cannot be named '${as}'`)
    },
  )

  it('knows every name of the reply of this Fastify', async () => {
    const app = fastify()
    app.get('/', (_request, reply) => {
      const names = new Set<string>()
      for (let one: object | null = reply; one !== null && one !== Object.prototype; one = Object.getPrototypeOf(one)) {
        for (const name of Object.getOwnPropertyNames(one)) names.add(name)
      }
      return [...names]
    })
    const names = JSON.parse((await get(app, '/')).body) as string[]
    expect(names.length).toBeGreaterThan(20)
    for (const as of names) expect(() => make(guardOf(as, '')), as).toThrow(TypeError)
  })
})

describe('problems on Fastify', () => {
  it('is not what response schemas, serializers or payload hooks say', async () => {
    const app = fastify()
    app.setErrorHandler(problems())
    app.setReplySerializer(() => 'serialized')
    app.addHook('preSerialization', async () => ({ wrapped: true }))
    const response = { '4xx': { type: 'object', properties: { none: { type: 'string' } } } }
    app.get('/', { schema: { response } }, () => {
      throw new SecurityError('ORDER_LOCKED', '', { status: 409 })
    })
    const answer = await get(app, '/')
    expect(JSON.parse(answer.body)).toMatchObject({ code: 'ORDER_LOCKED', status: 409 })
    expect(answer.headers['content-type']).toBe('application/problem+json')
  })

  it('hands an error on once the answer has begun, and tells of it all the same', async () => {
    const told: unknown[] = []
    const error = new Error('half way')
    const app = fastify()
    app.setErrorHandler(problems({ onError: (one) => void told.push(one) }))
    app.get('/', (_request, reply) => {
      reply.raw.write('half')
      throw error
    })
    await expect(get(app, '/')).rejects.toThrow(/aborted|hang up/)
    expect(told).toEqual([error])
  })

  it('works with inject, settled too', async () => {
    const statuses: number[] = []
    const app = fastify()
    await app.register(
      toPlugin({
        as: 'audit',
        check: () => ({
          pass: true,
          data: 1,
          headers: [['X-Audit', '1']],
          settled: (status) => void statuses.push(status),
        }),
      }),
    )
    app.get('/', () => 'ok')
    const answer = await app.inject('/')
    expect([answer.body, answer.headers['x-audit']]).toEqual(['ok', '1'])
    await app.close()
    expect(statuses).toEqual([200])
  })

  it('survives headers for framework errors that throw', async () => {
    const broken = () => {
      throw new Error('none')
    }
    for (const give of [() => undefined, () => [['X-Euro', 'caf\u20ac']], () => Promise.reject(new Error('none'))]) {
      const app = fastify({ frameworkErrors: frameworkErrors(give as never) })
      expect((await get(app, '/%E0%A4%A')).status).toBe(400)
    }
    const answer = await get(fastify({ frameworkErrors: frameworkErrors(broken) }), '/%E0%A4%A')
    expect(answer.status).toBe(400)
    expect(JSON.parse(answer.body)).toEqual({ type: 'about:blank', title: 'Bad Request', status: 400 })
  })

  it('leaves a route’s own hook in place of the application’s on a hijacked reply', async () => {
    const app = fastify()
    await app.register(toPlugin(guardOf('till', '1')))
    app.get('/', { onRequest: toHook(till) }, (request, reply) => {
      reply.hijack()
      reply.raw.end(dataOf(request, till))
    })
    const answer = await get(app, '/')
    expect([answer.body, answer.headers['x-till']]).toEqual(['3', '3'])
  })
})

it('guards HTTP/2 as well', async () => {
  const warnings: string[] = []
  const warned = (warning: Error) => void warnings.push(warning.message)
  process.on('warning', warned)
  const statuses: number[] = []
  const audit: Guard<'audit', string> = {
    as: 'audit',
    check: () => ({
      pass: true,
      data: 'h2',
      headers: [
        ['X-Audit', '1'],
        ['Set-Cookie', 'a=1'],
      ],
      writing: (answer) => answer.set('X-Saw', `${answer.status} ${answer.get('content-type')}`),
      settled: (status) => void statuses.push(status),
    }),
  }
  const app = fastify({ http2: true })
  app.setErrorHandler(problems() as never)
  await app.register(toPlugin(audit) as never)
  app.get('/', (request) => dataOf(request, audit))
  app.get('/thrown', () => {
    throw new SecurityError('ORDER_LOCKED', '', { status: 409 })
  })
  await app.listen({ port: 0, host: '127.0.0.1' })
  const client = connect(`http://127.0.0.1:${(app.server.address() as AddressInfo).port}`)
  const get2 = (path: string) =>
    new Promise<Record<string, unknown>>((resolve, reject) => {
      const stream = client.request({ ':path': path })
      stream.on('response', (headers) => resolve({ ...headers }))
      stream.on('error', reject)
      stream.resume().end()
    })
  expect(await get2('/')).toMatchObject({
    ':status': 200,
    'x-audit': '1',
    'set-cookie': ['a=1'],
    'x-saw': '200 text/plain; charset=utf-8',
  })
  expect(await get2('/thrown')).toMatchObject({ ':status': 409, 'x-saw': '409 application/problem+json' })
  await new Promise<void>((resolve) => client.close(resolve))
  await app.close()
  process.off('warning', warned)
  expect(statuses).toEqual([200, 409])
  expect(warnings).toEqual([])
})
