import { createServer } from 'node:http'
import { connect, createServer as createServer2 } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { dataOf, type Guard, SecurityError } from '@mosaajii/core'
import { problems, toHono } from '@mosaajii/core/hono'
import { type Context, Hono } from 'hono'
import { every, some } from 'hono/combine'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { listen, listenerOf, type Received, type Running, send, sendRaw } from './support/http.ts'

const guardOf = (value: string, extra: readonly (readonly [string, string])[] = []): Guard<'policy', string> => ({
  as: 'policy',
  check: () => ({ pass: true, data: value, headers: [['X-Policy', value], ...extra] }),
})
const appPolicy = guardOf('app', [['X-App-Only', 'yes']])
const refusing: Guard<'refusing', string> = {
  as: 'refusing',
  check: () => ({
    pass: false,
    error: new SecurityError('NOT_HERE', 'no', { status: 403 }),
    headers: [
      ['X-Refused', 'yes'],
      ['Set-Cookie', 'a=1'],
    ],
  }),
}
const watching: Guard<'watching', string> = {
  as: 'watching',
  check: () => ({ pass: true, data: '', writing: (answer) => answer.set('X-Saw', String(answer.status)) }),
}

const removing: Guard<'removing', string> = {
  as: 'removing',
  check: () => ({
    pass: true,
    data: '',
    writing: (answer) => {
      answer.remove('Server')
      answer.set('X-Policy', 'changed')
    },
  }),
}

/** A Node server on which `fetch` is called with what Node hands over, and one on which it sees a Request alone. */
const ways = [
  ['on Node', (app: Hono) => listenerOf(app.fetch)],
  ['by Response alone', (app: Hono) => listenerOf((request) => app.fetch(request))],
  [
    'by the Response of the platform',
    (app: Hono) => listenerOf((request) => app.fetch(request), { overrideGlobalObjects: false }),
  ],
] as const

let upstream: Running
beforeAll(async () => {
  upstream = await listen(
    createServer((_req, res) =>
      res
        .setHeader('X-Upstream', 'yes')
        .setHeader('X-Policy', 'upstream')
        .setHeader('Server', 'upstream/1')
        .end('from upstream'),
    ),
  )
})
afterAll(() => upstream.close())

describe.each(ways)('guards of Hono %s', (way, listener) => {
  async function get(app: Hono, path = '/'): Promise<Received> {
    const server = await listen(createServer(listener(app)))
    const answer = await send(server.port, path)
    await server.close()
    return answer
  }

  it('reach what fetch returned, whose own headers stay', async () => {
    const app = new Hono()
    app.use(toHono(appPolicy), toHono(watching))
    app.get('/', () => fetch(`http://127.0.0.1:${upstream.port}`))
    const answer = await get(app)
    expect(answer.body).toBe('from upstream')
    expect(answer.headers).toMatchObject({
      'x-upstream': 'yes',
      'x-policy': 'upstream',
      'x-app-only': 'yes',
      'x-saw': '200',
    })
  })

  it('reach what fetch returned when nothing but writing changes it', async () => {
    const app = new Hono()
    app.use(toHono(removing))
    app.get('/', () => fetch(`http://127.0.0.1:${upstream.port}`))
    const { headers } = await get(app)
    expect(headers).toMatchObject({ 'x-upstream': 'yes', 'x-policy': 'changed' })
    expect(headers).not.toHaveProperty('server')
  })

  it('reach a redirect that cannot be changed', async () => {
    const app = new Hono()
    app.use(toHono(appPolicy))
    app.get('/', () => Response.redirect('http://127.0.0.1/elsewhere', 303))
    const answer = await get(app)
    expect([answer.status, answer.headers.location, answer.headers['x-policy']]).toEqual([
      303,
      'http://127.0.0.1/elsewhere',
      'app',
    ])
  })

  it('within an application that another one calls belong to its answer alone', async () => {
    const inner = new Hono()
    inner.use(toHono(guardOf('inner', [['X-Inner', 'yes']])))
    inner.get('/inner', (c) => c.text('part'))
    const outer = new Hono()
    outer.use(toHono(appPolicy))
    outer.get('/', async (c) => {
      const part = await inner.request('/inner', {}, c.env)
      return c.text(`${await part.text()} ${part.headers.get('x-policy')}`)
    })
    const answer = await get(outer)
    expect(answer.headers).toMatchObject({ 'x-policy': 'app', 'x-app-only': 'yes' })
    expect(answer.headers).not.toHaveProperty('x-inner')
    // What an inner answer carries is read from the answer.
    expect(answer.body).toBe('part inner')
  })

  it('reach the answer to a refusal of the outermost, however the error handler makes it', async () => {
    for (const onError of [
      problems(),
      (_error: Error, c: Context) => c.text('no', 403),
      () => new Response('no', { status: 403 }),
    ]) {
      const app = new Hono()
      app.onError(onError)
      app.use(toHono(refusing))
      app.get('/', (c) => c.text('handled'))
      const answer = await get(app)
      expect([answer.status, answer.headers['x-refused'], answer.headers['set-cookie']]).toEqual([403, 'yes', ['a=1']])
    }
  })

  it('reach the answer of a refusal where nothing else matches', async () => {
    const app = new Hono()
    app.onError(problems())
    app.use(toHono(refusing))
    expect((await get(app)).headers).toMatchObject({ 'x-refused': 'yes' })
  })

  it('reach the answer of an inner application’s own error handler', async () => {
    const inner = new Hono()
    inner.onError((_error, c) => c.text('inner error', 418))
    inner.get('/', toHono(guardOf('inner')), () => {
      throw new Error('no')
    })
    const app = new Hono()
    app.use(toHono(appPolicy))
    app.route('/', inner)
    const answer = await get(app)
    expect([answer.status, answer.body, answer.headers['x-policy']]).toEqual([418, 'inner error', 'inner'])
    expect(answer.headers).not.toHaveProperty('x-app-only')
  })

  it('work where one is tried after another has refused', async () => {
    const app = new Hono()
    app.use(some(toHono(refusing), toHono(appPolicy)))
    app.get('/', (c) => c.text(dataOf(c, appPolicy)))
    const answer = await get(app)
    expect([answer.status, answer.body, answer.headers['x-policy']]).toEqual([200, 'app', 'app'])
  })

  it('reach the answer to a refusal that passes through the outermost as an exception', async () => {
    const app = new Hono()
    app.onError(problems())
    app.use(every(toHono(appPolicy), toHono(refusing)))
    app.get('/', (c) => c.text('handled'))
    const answer = await get(app)
    expect(answer.headers).toMatchObject({ 'x-policy': 'app', 'x-refused': 'yes', 'set-cookie': ['a=1'] })
    expect(answer.status).toBe(403)
  })

  it('work where two are tried together before another', async () => {
    const app = new Hono()
    app.onError(problems())
    app.use(some(every(toHono(appPolicy), toHono(refusing)), toHono(watching)))
    app.get('/', (c) => c.text('handled'))
    const answer = await get(app)
    expect([answer.status, answer.body, answer.headers['x-saw']]).toEqual([200, 'handled', '200'])
    expect(answer.headers['set-cookie']).toEqual(['a=1'])
  })

  it('leave alone what has no headers of its own to write to', async () => {
    const app = new Hono()
    app.use(toHono(guardOf('app')))
    app.get('/', (c) => c.body(null, 204))
    expect([(await get(app)).status, (await get(app)).headers['x-policy']]).toEqual([204, 'app'])
    expect(way).toBeTruthy()
  })
})

it('a guard writes its headers where there is no server at all', async () => {
  const app = new Hono()
  app.use(toHono(appPolicy), toHono(watching))
  app.get('/', (c) => c.text(dataOf(c, appPolicy)))
  const answer = await app.request('/')
  expect(Object.fromEntries(answer.headers)).toMatchObject({ 'x-policy': 'app', 'x-app-only': 'yes', 'x-saw': '200' })
  expect(await answer.text()).toBe('app')
})

it('a header that is none is an error, not an answer without it', async () => {
  const app = new Hono()
  app.use(toHono(guardOf('a\r\nb')))
  app.get('/', (c) => c.text('ok'))
  app.onError(problems())
  const server = await listen(createServer(listenerOf(app.fetch)))
  expect((await send(server.port, '/')).status).toBe(500)
  await server.close()
  const answer = await Promise.resolve(app.request('/')).catch((error: unknown) => error)
  expect(answer).not.toMatchObject({ status: 200 })
})

describe('Host is a part of the URL', () => {
  const asked: Guard<'asked', string> = {
    as: 'asked',
    check: (facts) => ({ pass: true, data: `${facts.header('Host')} ${facts.header('host')} ${facts.target}` }),
  }
  const app = new Hono()
  app.use(toHono(asked))
  app.get('*', (c) => c.text(dataOf(c, asked)))
  app.onError(problems())
  const text = async (url: string, host?: string) =>
    (await app.request(url, host === undefined ? {} : { headers: { host } })).text()

  it('where the header is missing, as in app.request', async () => {
    expect(await text('/a?b')).toBe('localhost localhost /a?b')
    expect(await text('http://shop.example:8080/')).toBe('shop.example:8080 shop.example:8080 /')
    expect(await text('https://Shop.Example:443')).toBe('shop.example shop.example /')
    expect(await text('http://[::1]:3000/')).toBe('[::1]:3000 [::1]:3000 /')
  })

  it('but the header goes first, and a URL of another host stays to be seen', async () => {
    expect(await text('http://shop.example/a', 'shop.example')).toBe('shop.example shop.example /a')
    expect(await text('http://evil.example/a', 'shop.example')).toBe('shop.example shop.example http://evil.example/a')
    expect(await text('http://shop.example/a', '')).toBe('  http://shop.example/a')
  })

  it('on Node: a foreign absolute target cannot hide behind Host, nor behind a Host that is missing', async () => {
    const server = await listen(createServer({ requireHostHeader: false }, listenerOf(app.fetch)))
    const ask = async (head: string) =>
      (await sendRaw(server.port, `${head}\r\nConnection: close\r\n\r\n`)).split('\r\n').at(-1)
    expect(await ask('GET /a HTTP/1.1\r\nHost: shop.example')).toBe('shop.example shop.example /a')
    expect(await ask('GET http://evil.example/a HTTP/1.1\r\nHost: shop.example')).toBe(
      'shop.example shop.example http://evil.example/a',
    )
    expect(await ask('GET http://evil.example/a HTTP/1.1')).toBe('evil.example evil.example /a')
    await server.close()
  })

  it('on Node by HTTP/2, where it comes as :authority', async () => {
    const server = createServer2(listenerOf(app.fetch) as never)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    const client = connect(`http://127.0.0.1:${port}`)
    const ask = (headers: Record<string, string>) =>
      new Promise<string>((resolve, reject) => {
        let body = ''
        const stream = client.request({ ':path': '/a', ...headers }).setEncoding('utf8')
        stream.on('data', (chunk: string) => {
          body += chunk
        })
        stream.on('end', () => resolve(body))
        stream.on('error', reject)
        stream.end()
      })
    expect(await ask({})).toBe(`127.0.0.1:${port} 127.0.0.1:${port} /a`)
    expect(await ask({ ':authority': 'shop.example' })).toBe('shop.example shop.example /a')
    expect(await ask({ ':authority': 'evil.example', host: 'shop.example' })).toBe(
      'shop.example shop.example http://evil.example/a',
    )
    await new Promise<void>((resolve) => client.close(resolve))
    await new Promise<void>((resolve) => server.close(() => resolve()))
  })
})
