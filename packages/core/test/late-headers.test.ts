import { type OutgoingHttpHeader, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import type { Answer, Facts, Guard, HeaderPair } from '@mosaajii/core'
import { toExpress } from '@mosaajii/core/express'
import { notFound, problems, toHook, toPlugin } from '@mosaajii/core/fastify'
import fc from 'fast-check'
import express from 'express'
import fastify, { type FastifyInstance, type FastifyReply, type RouteHandlerMethod } from 'fastify'
import { afterEach, describe, expect, it } from 'vitest'
import { type Received, send, sendRaw } from './support/http.ts'

const guardOf = (as: string, headers: readonly HeaderPair[], more: object = {}): Guard<string, string> => ({
  as,
  check: () => ({ pass: true, data: as, headers, ...more }),
})
const policy = guardOf('policy', [
  ['X-Frame-Options', 'DENY'],
  ['X-Till', '3'],
])

const running: FastifyInstance[] = []
afterEach(async () => {
  for (const app of running.splice(0)) await app.close()
})
async function get(app: FastifyInstance, path = '/', method = 'GET'): Promise<Received> {
  running.push(app)
  await app.listen({ port: 0, host: '127.0.0.1' })
  return send((app.server.address() as AddressInfo).port, path, { method })
}

/** What Node itself knows of. */
const setOn = (reply: FastifyReply) => ServerResponse.prototype.getHeaderNames.call(reply.raw)

/** Guards that look at the answer when it is written, and change it. */
const watchers: Readonly<Record<string, readonly Guard<string, string>[]>> = {
  'nobody looks': [],
  'a guard looks': [
    guardOf(
      'watcher',
      [
        ['X-Watch', '1'],
        ['X-Gone', '1'],
      ],
      {
        writing: (answer: Answer) => {
          const seen = ['content-type', 'x-till', 'X-OWN', 'set-cookie', 'x-none'].map((name) => answer.get(name))
          answer.remove('x-GONE')
          answer.remove('x-web')
          answer.set('x-watch', [answer.status, ...seen].join('|'))
          answer.set('X-Saw', String(answer.get('x-watch')?.length))
        },
      },
    ),
  ],
  'one without headers looks, and then one that fails': [
    guardOf('fails', [], {
      writing: (answer: Answer) => {
        answer.set('X-Saw', '2')
        answer.set('X-Bad', 'a\nb')
        answer.set('X-Never', '1')
      },
    }),
    guardOf('empty', [], {
      writing: (answer: Answer) => answer.set('X-Saw', '1'),
    }),
  ],
}

/** An application whose guards set their headers at once, because something was set before, or let them wait. */
function guarded(isSet: boolean, more: readonly Guard<string, string>[] = []): FastifyInstance {
  const app = fastify({ exposeHeadRoutes: true })
  app.setErrorHandler(problems())
  app.setNotFoundHandler(notFound())
  app.addHook('onRequest', (_request, reply, done) => {
    if (isSet) reply.raw.setHeader('X-Before', '1')
    done()
  })
  for (const guard of [policy, ...more]) app.addHook('onRequest', toHook(guard))
  app.addHook('onRequest', (_request, reply, done) => {
    expect(setOn(reply).includes('x-till')).toBe(isSet)
    done()
  })
  return app
}

const answerOf = ({ status, reason, raw, body }: Received) => {
  const headers: string[] = []
  for (let i = 0; i < raw.length; i += 2) {
    if (raw[i] !== 'X-Before' && raw[i] !== 'Date') headers.push(`${raw[i]}: ${raw[i + 1]}`)
  }
  return { status, reason, headers, body }
}

const byHand =
  (write: (raw: FastifyReply['raw']) => void): RouteHandlerMethod =>
  (_request, reply) => {
    reply.hijack()
    write(reply.raw)
  }

const handlers: Readonly<Record<string, RouteHandlerMethod>> = {
  'an object': () => ({ stock: 7 }),
  'nothing, 204': (_request, reply) => reply.code(204).send(),
  'a stream': (_request, reply) => reply.send(Readable.from(['a', 'b'])),
  'a Response': (_request, reply) => reply.send(new Response('web', { headers: { 'x-till': '4', 'x-web': '1' } })),
  'a redirect': (_request, reply) => reply.redirect('/other'),
  'an error': () => {
    throw new Error('none')
  },
  'callNotFound()': (_request, reply) => reply.callNotFound(),
  'reply.header': (_request, reply) => reply.header('x-frame-options', 'SAMEORIGIN').send('own'),
  'reply.headers': (_request, reply) => reply.headers({ 'X-Frame-Options': 'SAMEORIGIN', 'X-Own': '1' }).send('own'),
  'reply.header, refused': (_request, reply) => reply.header('X-Bad', '\u20ac').header('X-Own', '1').send('bad'),
  'reply.removeHeader': (_request, reply) => reply.removeHeader('X-FRAME-OPTIONS').send('gone'),
  'what reply tells': (_request, reply) => [
    reply.getHeader('x-till'),
    reply.hasHeader('X-TILL'),
    reply.hasHeader('x-none'),
    reply.getHeaders()['x-till'],
  ],
  'two cookies': (_request, reply) => reply.header('set-cookie', ['a=1', 'b=2']).send(''),
  'raw.end': byHand((raw) => void raw.end('hand')),
  'raw.end, not hijacked': (_request, reply) => void reply.raw.end('hand'),
  'raw.write': byHand((raw) => {
    raw.write('ha')
    raw.end('nd')
  }),
  'raw.flushHeaders': byHand((raw) => {
    raw.flushHeaders()
    raw.end('hand')
  }),
  'raw.writeHead': byHand((raw) => void raw.writeHead(201).end()),
  'raw.writeHead, reason': byHand((raw) => void raw.writeHead(201, 'Made', { 'X-Own': '1' }).end()),
  'raw.writeHead, headers': byHand(
    (raw) => void raw.writeHead(201, { 'X-Own': ['1', '2'], 'Content-Length': 2 }).end('ok'),
  ),
  'raw.writeHead, one of the same name': byHand(
    (raw) => void raw.writeHead(200, { 'x-TILL': '4', 'X-Own': '1' }).end(),
  ),
  'raw.writeHead, a name twice': byHand((raw) => void raw.writeHead(200, { 'X-Own': '1', 'x-own': '2' }).end()),
  'raw.writeHead, list': byHand((raw) => void raw.writeHead(200, ['X-Till', '4', 'x-till', '5', 'X-Own', '1']).end()),
  'raw.writeHead, refused': byHand((raw) => {
    expect(() => raw.writeHead(200, { 'X-Own': 'a\nb' })).toThrow(/Invalid character/)
    expect(() => raw.writeHead(99)).toThrow(RangeError)
    raw.writeHead(200, { 'X-Second': '1' }).end()
  }),
  'raw.writeHeader': byHand((raw) => {
    // Node 26 has it no more, and then late headers must not bring it back.
    if ('writeHeader' in raw) (raw as typeof raw & { writeHeader: (status: number) => void }).writeHeader(203)
    raw.end()
  }),
  'raw.setHeader': (_request, reply) => {
    reply.raw.setHeader('x-frame-options', 'SAMEORIGIN').setHeader('X-Own', '1')
    return reply.send('own')
  },
  'raw.setHeaders': byHand((raw) => void raw.setHeaders(new Map([['x-till', '4']])).end()),
  'raw.appendHeader': byHand((raw) => void raw.appendHeader('x-till', '4').end()),
  'raw.removeHeader': (_request, reply) => {
    reply.raw.removeHeader('x-frame-options')
    return reply.send('gone')
  },
  'what raw tells': byHand((raw) => {
    const known = [raw.getHeader('x-till'), raw.hasHeader('X-TILL'), raw.hasHeader('x-none'), raw.getHeader('x-none')]
    const names = raw.getHeaderNames().filter((name) => name !== 'x-before')
    raw.end(JSON.stringify([known, names, raw.getHeaders()['x-till'], raw.getHeader('x-till')]))
  }),
  'raw, names that are none': byHand((raw) => {
    for (const method of ['getHeader', 'hasHeader', 'removeHeader'] as const) {
      expect(() => raw[method](undefined as never)).toThrow(/"name" argument must be of type string/)
    }
    raw.end()
  }),
  'writeHead with headers that inherit': byHand((raw) => {
    raw.writeHead(200, Object.assign(Object.create({ 'x-inherited': '1' }) as object, { 'x-own': '1' })).end('own')
  }),
  'what inherits from raw': byHand((raw) => {
    const like = Object.create(raw) as typeof raw
    like.setHeader('X-Own', '1')
    like.removeHeader('X-Till')
    raw.end(String(raw.getHeader('x-own')))
  }),
  'a writeHead that somebody put over it': (_request, reply) => {
    const { raw } = reply
    const below = raw.writeHead.bind(raw)
    raw.writeHead = ((status: number, headers: Record<string, string>) => {
      for (const [name, value] of Object.entries(headers)) raw.setHeader(name, value)
      raw.removeHeader('x-till')
      return below(status)
    }) as never
    return reply.send('over')
  },
}

describe('headers of guards on Fastify that wait for writeHead', () => {
  describe.each(Object.entries(watchers))('where %s', (_who, more) => {
    // The old name of writeHead goes past those who look, where headers are set.
    const comparable = Object.entries(handlers).filter(([name]) => more.length === 0 || name !== 'raw.writeHeader')
    it.each(comparable)('are on the answer as if they had been set: %s', async (_, handler) => {
      for (const method of ['GET', 'HEAD'] as const) {
        const answers = [true, false].map(async (isSet) => {
          const app = guarded(isSet, more)
          app.get('/', handler)
          return answerOf(await get(app, '/', method))
        })
        const [set, late] = await Promise.all(answers)
        // What `writing` has set in an answer that Node refuses stays where headers are set, and so it comes earlier in the next.
        if (more.length > 0) for (const answer of [set, late]) answer?.headers.sort()
        expect(late).toEqual(set)
        expect(late?.headers.join()).toMatch(/x-(till|frame-options): /i)
        if (more.length > 0) expect(late?.headers.join()).toMatch(/x-saw: /i)
      }
    })
  })

  const second = (headers: readonly HeaderPair[], more?: object) => [policy, guardOf('policy', headers, more)]
  const third = (headers: readonly HeaderPair[], more?: object) => [policy, guardOf('other', headers, more)]
  const writing = { writing: (answer: { set: (name: string, value: string) => void }) => answer.set('X-Saw', '1') }
  it.each([
    ['a guard that replaces it', second([['x-till', '4']])],
    ['a guard that replaces it with nothing', second([])],
    ['one more guard', third([['X-Other', '1']])],
    ['one more with the same name', third([['x-TILL', '4']])],
    ['one more that replaces both', [...third([['X-TILL', '4']]), guardOf('other', [['X-Third', '1']])]],
    [
      'a name twice',
      third([
        ['X-Twice', '1'],
        ['x-twice', '2'],
      ]),
    ],
    [
      'a cookie',
      third([
        ['Set-Cookie', 'a=1'],
        ['X-Other', '1'],
      ]),
    ],
    ['a guard that looks at the answer', third([['X-Other', '1']], writing)],
    ['one that looks at it without headers', third([], writing)],
    ['a header that cannot be sent', third([['X-Other', 'a\nb']])],
    ['a name that cannot be sent', third([['X Other', '1']])],
  ] as const)('are as if they had been set, with %s', async (_, guards) => {
    const answers = [true, false].map(async (isSet) => {
      const app = fastify()
      app.setErrorHandler(problems())
      app.addHook('onRequest', async (_request, reply) => void (isSet && reply.raw.setHeader('X-Before', '1')))
      for (const guard of guards) app.addHook('onRequest', toHook(guard))
      app.get('/', (_request, reply) => reply.header('set-cookie', 'own=1').send('ok'))
      return answerOf(await get(app))
    })
    const [set, late] = await Promise.all(answers)
    expect(late).toEqual(set)
  })

  it('are on a 404, and on what another hook refuses or changes', async () => {
    const unknown = await get(guarded(false), '/none')
    expect([unknown.status, unknown.headers['x-frame-options']]).toEqual([404, 'DENY'])
    const refusing = guarded(false)
    refusing.addHook('preHandler', () => {
      throw new Error('none')
    })
    refusing.get('/', () => 'ok')
    expect((await get(refusing)).headers['x-frame-options']).toBe('DENY')
    const changing = guarded(false)
    changing.addHook('onSend', async (_request, reply) => {
      reply.header('X-Till', '4').removeHeader('X-Frame-Options')
    })
    changing.get('/', () => 'ok')
    const { headers } = await get(changing)
    expect([headers['x-till'], headers['x-frame-options']]).toEqual(['4', undefined])
  })

  it('are told after they were sent, and cannot be changed any more', async () => {
    const told: unknown[] = []
    const app = guarded(false)
    app.addHook('onResponse', async (_request, { raw }) => {
      told.push(raw.getHeader('X-Till'), raw.getHeaders()['x-till'], raw.getHeaderNames(), raw.hasHeader('x-till'))
      expect(() => raw.setHeader('X-Till', '4')).toThrow(/after they are sent/)
      expect(() => raw.removeHeader('X-Till')).toThrow(/after they are sent/)
      expect(() => raw.writeHead(200)).toThrow(/after they are sent/)
      told.push(raw.getHeader('X-Till'))
    })
    app.get('/', () => 'ok')
    await get(app)
    await running.pop()?.close()
    expect(told).toEqual(['3', '3', ['x-frame-options', 'x-till'], true, '3'])
  })

  describe('where a guard looks at the answer', () => {
    const page: RouteHandlerMethod = (_request, reply) => reply.header('X-Own', '1').type('text/html').send('<p>')
    const looking = (writing: (answer: Answer) => void) => guardOf('looks', [['X-Looked', '1']], { writing })

    it('are told with what it has made of them', async () => {
      const told: unknown[] = []
      let kept: Answer | undefined
      const hook = toHook(
        looking((answer) => {
          kept = answer
          answer.remove('X-Till')
          answer.set('X-LOOKED', '2')
        }),
      )
      const app = guarded(false)
      app.addHook('onRequest', hook)
      app.addHook('onResponse', async (_request, { raw }) => {
        told.push(raw.getHeaders(), raw.getHeader('x-looked'), raw.hasHeader('X-Till'), kept?.get('x-own'))
        expect(() => kept?.set('X-Late', '1')).toThrow(/after they are sent/)
        expect(() => kept?.remove('X-Own')).toThrow(/after they are sent/)
      })
      app.get('/', page)
      const { headers } = await get(app)
      await running.pop()?.close()
      expect(headers).toMatchObject({ 'x-looked': '2', 'x-own': '1', 'x-frame-options': 'DENY' })
      expect(headers).not.toHaveProperty('x-till')
      const sent = {
        'x-looked': '2',
        'x-own': '1',
        'x-frame-options': 'DENY',
        'content-type': 'text/html',
      }
      expect(told).toEqual([{ ...sent, 'content-length': '3' }, '2', false, '1'])
    })

    it.each<[string, (raw: FastifyReply['raw']) => void, object]>([
      ['sets a header', (raw) => void raw.setHeader('X-Till', '4'), { 'x-till': '4' }],
      ['adds one', (raw) => void raw.appendHeader('X-Till', '4'), { 'x-till': '3, 4' }],
      ['removes one', (raw) => raw.removeHeader('x-own'), { 'x-own': undefined }],
    ])('are all on the answer where it %s by itself meanwhile', async (_name, meddle, changed) => {
      const app = guarded(false)
      let raw: FastifyReply['raw'] | undefined
      app.addHook('onRequest', async (_request, reply) => void (raw = reply.raw))
      let times = 0
      const meddling = looking((answer) => {
        times++
        if (raw !== undefined) meddle(raw)
        answer.set('X-Looked', '2')
      })
      app.addHook('onRequest', toHook(meddling))
      app.get('/', page)
      const { headers } = await get(app)
      const all = { 'x-till': '3', 'x-frame-options': 'DENY', 'x-own': '1' }
      const own = Object.entries({ ...all, ...changed }).filter(([, value]) => value !== undefined)
      expect(headers).toMatchObject(Object.fromEntries(own))
      expect(times).toBe(1)
    })

    it.each<[string, (raw: FastifyReply['raw'], status: number) => void]>([
      ['a status', (raw, status) => raw.writeHead(status)],
      ['a status and headers', (raw, status) => raw.writeHead(status, { 'X-Own': '1' })],
    ])('are again those of the guards once Node has refused %s', async (_name, write) => {
      const app = guarded(false)
      const hook = toHook(
        looking((answer) => {
          if (answer.status !== 99) return
          answer.remove('X-Till')
          answer.set('X-Looked', '99')
        }),
      )
      app.addHook('onRequest', hook)
      const handler = byHand((raw) => {
        expect(() => write(raw, 99)).toThrow(RangeError)
        write(raw, 200)
        raw.end()
      })
      app.get('/', handler)
      expect((await get(app)).headers).toMatchObject({ 'x-till': '3', 'x-frame-options': 'DENY', 'x-looked': '1' })
    })

    it('that it sets wrongly stop neither the answer nor the other headers', async () => {
      const app = guarded(false)
      const errors: unknown[] = []
      const wrong: readonly unknown[] = ['a\nb', '\u20ac', undefined, Symbol('x')]
      const hook = toHook(
        looking((answer) => {
          for (const value of wrong) {
            try {
              answer.set('X-Looked', value as string)
            } catch (error) {
              errors.push((error as { code?: string }).code)
            }
          }
          answer.set('X-Number', 7 as never)
          answer.set('X-Till', 8 as never)
        }),
      )
      app.addHook('onRequest', hook)
      app.get('/', page)
      const { status, headers } = await get(app)
      expect(errors).toEqual(['ERR_INVALID_CHAR', 'ERR_INVALID_CHAR', 'ERR_HTTP_INVALID_HEADER_VALUE', undefined])
      expect(status).toBe(200)
      expect(headers).toMatchObject({ 'x-looked': '1', 'x-number': '7', 'x-till': '8', 'x-own': '1' })
    })

    it('are shown to the guards of each application that has the response, once', async () => {
      const seen: string[] = []
      const app = fastify()
      const inner = fastify()
      const note = (name: string) =>
        looking((answer) => {
          seen.push(name)
          answer.set(`X-${name}`, String(answer.get('content-type')))
        })
      app.addHook('onRequest', toHook(note('Outer')))
      inner.addHook('onRequest', toHook(note('Inner')))
      app.get('/', (request, reply) => {
        reply.hijack()
        inner.routing(request.raw, reply.raw)
      })
      inner.get('/', page)
      await inner.ready()
      const { headers } = await get(app)
      expect(headers).toMatchObject({ 'x-outer': 'text/html', 'x-inner': 'text/html' })
      expect(seen.sort()).toEqual(['Inner', 'Outer'])
    })

    it('is called by an application that another one calls, whose guards have set a cookie', async () => {
      const app = fastify()
      const inner = fastify()
      app.addHook('onRequest', toHook(guardOf('session', [['Set-Cookie', 's=1']])))
      inner.addHook('onRequest', toHook(looking((answer) => answer.set('X-Saw', String(answer.get('x-own'))))))
      app.get('/', (request, reply) => {
        reply.hijack()
        inner.routing(request.raw, reply.raw)
      })
      inner.get('/', page)
      await inner.ready()
      const { headers } = await get(app)
      expect(headers).toMatchObject({ 'x-saw': '1', 'x-looked': '1', 'set-cookie': ['s=1'] })
    })

    it.each(['has no guards', 'has guards of its own'])(
      'is called, and its cookie goes out, where Express ran before on the same request and %s',
      async (which) => {
        const before = express()
        const ran: string[] = []
        const writing = (answer: Answer) => {
          ran.push('express')
          answer.set('X-Before', '1')
        }
        if (which !== 'has no guards') before.use(toExpress(guardOf('before', [], { writing })))
        const app = fastify()
        app.addHook('onRequest', (request, reply, done) => {
          before(request.raw as express.Request, reply.raw as express.Response, done)
        })
        app.addHook('onRequest', toHook(guardOf('session', [['Set-Cookie', 'guard=1']])))
        const looks = looking((answer) => {
          ran.push('fastify')
          answer.set('X-Saw', String(answer.get('x-own')))
        })
        app.addHook('onRequest', toHook(looks))
        app.get('/', (_request, reply) => reply.header('X-Own', '1').header('set-cookie', 'app=1').send('x'))
        const { headers } = await get(app)
        expect(headers).toMatchObject({ 'x-saw': '1', 'set-cookie': ['app=1', 'guard=1'] })
        expect(ran).toEqual(which === 'has no guards' ? ['fastify'] : ['fastify', 'express'])
        expect(headers['x-before']).toBe(which === 'has no guards' ? undefined : '1')
      },
    )

    it('is called once, for the answer that goes out, when the application gives a header that cannot be sent', async () => {
      const statuses: number[] = []
      const app = fastify()
      app.setErrorHandler(problems())
      app.addHook('onRequest', toHook(looking((answer) => statuses.push(answer.status))))
      app.get('/', (_request, reply) => reply.header('X-Own', '\u2603').send('x'))
      const { status, reason, headers } = await get(app)
      expect([status, reason, headers['x-looked'], statuses]).toEqual([500, 'Internal Server Error', '1', [500]])
    })
  })

  describe.each(Object.entries(watchers))(
    'before a header that the application gives and that cannot be sent, where %s',
    (_who, more) => {
      it.each<[string, number, Record<string, string | string[]>]>([
        ['of an answer without a body', 204, { 'X-Own': '\u2603' }],
        ['of an answer that was not modified', 304, { 'X-Own': '\u2603' }],
        ['of a list', 200, { 'Transfer-Encoding': 'chunked', 'X-Own': ['1', '\u2603'] }],
        ['of chunks', 200, { 'Transfer-Encoding': 'chunked', 'X-Own': '1\r\nX-Evil: 1' }],
        ['of a name', 200, { 'Transfer-Encoding': 'chunked', 'X Own': '1' }],
      ])('leave the answer to that error whole: %s', async (_what, status, given) => {
        const app = fastify()
        for (const guard of [policy, ...more]) app.addHook('onRequest', toHook(guard))
        app.setErrorHandler((_error, _request, reply) => {
          reply.hijack()
          reply.raw.writeHead(500, { 'content-length': '4' }).end('oops')
        })
        app.get('/', (_request, reply) =>
          reply
            .code(status)
            .headers(given)
            .send(status === 200 ? 'x' : null),
        )
        app.get('/second', () => 'second')
        const { port } = await get(app, '/second').then(() => app.server.address() as AddressInfo)
        const text = await sendRaw(
          port,
          'GET / HTTP/1.1\r\nHost: x\r\n\r\nGET /second HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
        )
        const [head = '', rest = ''] = text.split('\r\n\r\n')
        expect(head).toMatch(/^HTTP\/1\.1 500 Internal Server Error\r\n/)
        expect(head).toMatch(/X-Frame-Options: DENY/i)
        expect(head).not.toContain('Evil')
        expect(rest).toMatch(/^oopsHTTP\/1\.1 200 OK/)
        expect(text).toMatch(/\r\n\r\nsecond$/)
      })
    },
  )

  it('are set at once where somebody watches what is set', async () => {
    const seen: string[] = []
    const app = fastify()
    app.addHook('onRequest', async (_request, { raw }) => {
      raw.setHeader = (name, value) => {
        seen.push(name)
        return ServerResponse.prototype.setHeader.call(raw, name, value) as typeof raw
      }
    })
    await app.register(toPlugin(policy))
    app.get('/', () => 'ok')
    expect((await get(app)).headers['x-till']).toBe('3')
    expect(seen.slice(0, 2)).toEqual(['X-Frame-Options', 'X-Till'])
  })

  it('are set at once on a response of a class with methods of its own, and in inject()', async () => {
    const seen: string[] = []
    class Watched extends ServerResponse {
      override setHeader(name: string, value: string): this {
        seen.push(name)
        return super.setHeader(name, value)
      }
    }
    const app = fastify({ http: { ServerResponse: Watched as typeof ServerResponse } })
    await app.register(toPlugin(policy))
    app.get('/', (_request, reply) => [...setOn(reply)])
    const injected = await app.inject('/')
    expect(injected.headers).toMatchObject({ 'x-frame-options': 'DENY', 'x-till': '3' })
    expect(injected.json()).toEqual(['x-frame-options', 'x-till'])
    const answer = await get(app)
    expect([answer.headers['x-till'], JSON.parse(answer.body)]).toEqual(['3', ['x-frame-options', 'x-till']])
    expect(seen).toEqual(expect.arrayContaining(['X-Frame-Options', 'X-Till']))
  })

  it('are on the answer of a class that calls the writeHead it inherits', async () => {
    class Direct extends ServerResponse {
      override end(text?: unknown): this {
        super.writeHead(202)
        return super.end(text)
      }
    }
    const app = fastify({ http: { ServerResponse: Direct as typeof ServerResponse } })
    await app.register(toPlugin(policy))
    app.get('/', (_request, reply) => {
      reply.hijack()
      reply.raw.end('direct')
    })
    const { status, headers, body } = await get(app)
    expect([status, headers['x-till'], headers['x-frame-options'], body]).toEqual([202, '3', 'DENY', 'direct'])
  })

  it('of a second guard are set where somebody has begun to watch since the first', async () => {
    const seen: string[] = []
    const app = fastify()
    await app.register(toPlugin(policy))
    app.addHook('onRequest', async (_request, { raw }) => {
      const setHeader = raw.setHeader.bind(raw)
      raw.setHeader = (name, value) => {
        seen.push(name)
        return setHeader(name, value)
      }
    })
    app.addHook('onRequest', toHook(guardOf('second', [['X-Second', '2']])))
    app.get('/', () => 'ok')
    expect((await get(app)).headers).toMatchObject({ 'x-till': '3', 'x-second': '2' })
    expect(seen[0]).toBe('X-Second')
  })

  it('are named as they were written', async () => {
    const named: unknown[] = []
    const app = guarded(false)
    const note = (raw: FastifyReply['raw']) => {
      named.push((raw as typeof raw & { getRawHeaderNames(): string[] }).getRawHeaderNames())
    }
    app.get('/set', (_request, { raw }) => {
      note(raw)
      return 'ok'
    })
    app.addHook('onResponse', async (request, { raw }) => {
      if (request.url === '/') note(raw)
    })
    app.get('/', () => 'ok')
    await get(app)
    await send((app.server.address() as AddressInfo).port, '/set')
    await running.pop()?.close()
    expect(named).toEqual([
      ['X-Frame-Options', 'X-Till'],
      ['X-Frame-Options', 'X-Till'],
    ])
  })

  it('are one under a name in two cases, and two under names that only look so', async () => {
    const app = fastify()
    // '^' and '~' differ as letters differ from their capitals.
    const pairs: HeaderPair[] = [
      ['X-Till', '1'],
      ['x-tILL', '2'],
      ['X-^', '3'],
      ['X-~', '4'],
    ]
    app.addHook('onRequest', toHook(guardOf('pairs', pairs)))
    app.get('/', (_request, reply) => reply.send('x'))
    const { raw } = await get(app)
    expect(raw.slice(0, 6)).toEqual(['x-tILL', '2', 'X-^', '3', 'X-~', '4'])
  })

  it('are looked at anew where a guard gives other names than before', async () => {
    const app = fastify({ logger: false })
    let pairs: readonly HeaderPair[] = []
    app.addHook('onRequest', toHook({ as: 'names', check: () => ({ pass: true, data: 1, headers: pairs }) }))
    app.get('/', (_request, reply) => reply.send('x'))
    running.push(app)
    await app.listen({ port: 0, host: '127.0.0.1' })
    const { port } = app.server.address() as AddressInfo

    const name = fc.constantFrom('X-Till', 'X-Shop', 'Set-Cookie', 'X Till', 'X-Till\r\nX-Evil', '')
    const value = fc.constantFrom('1', 'a=b', '\u20ac', '1\r\nX-Evil: 1')
    const isGood = (pair: HeaderPair) => /^[\w-]+$/.test(pair[0]) && /^[\w=]+$/.test(pair[1])
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(name, value), { maxLength: 3 }), async (given) => {
        pairs = given
        const { status, headers } = await send(port, '/')
        expect(headers).not.toHaveProperty('x-evil')
        expect(status).toBe(given.every(isGood) ? 200 : 500)
        if (status === 500) return
        const kept = Object.fromEntries(given.map(([one, text]) => [one.toLowerCase(), text]))
        const cookies = given.filter(([one]) => one === 'Set-Cookie').map(([, text]) => text)
        if (cookies.length > 0) Object.assign(kept, { 'set-cookie': cookies })
        expect(headers).toMatchObject(kept)
      }),
      { numRuns: 300 },
    )
  })

  it('go with what an application gives that is looked at anew where it is another than before', async () => {
    const app = fastify({ logger: false })
    let given: Record<string, OutgoingHttpHeader> = {}
    app.addHook('onRequest', toHook(guardOf('policy', [['X-Till', '3']])))
    app.get('/', (_request, reply) => {
      reply.hijack()
      try {
        // An answer that has no body: what Node had noted of it would be left for the next one.
        reply.raw.writeHead(204, given)
      } catch {
        reply.raw.writeHead(500)
      }
      reply.raw.end('x')
    })
    running.push(app)
    await app.listen({ port: 0, host: '127.0.0.1' })
    const { port } = app.server.address() as AddressInfo

    type Given = string | number | string[] | undefined
    const bad: Given[] = ['text/\u20ac', 'text/html\r\nX-Evil: 1', ['text/html\n'], undefined]
    const types = fc.constantFrom<Given>('text/html', 'text/csv', 'a'.repeat(65), 7, ['text/html'], ...bad)
    const lengths = fc.constantFrom<Given>('1', 1, '1\r\nX-Evil: 1', '1\u20ac')
    const header = fc.oneof(
      fc.tuple(fc.constantFrom('content-type', 'x-own'), types),
      fc.tuple(fc.constant('content-length'), lengths),
    )
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(header, { selector: ([name]) => name, maxLength: 3 }), async (list) => {
        given = Object.fromEntries(list) as typeof given
        const { status, headers, body } = await send(port, '/')
        expect(headers).not.toHaveProperty('x-evil')
        expect(headers).toMatchObject({ 'x-till': '3' })
        const isGood = list.every(([, value]) => value !== undefined && /^[\w/]+$/.test(String(value)))
        expect([status, body]).toEqual(isGood ? [204, ''] : [500, 'x'])
        const texts = list.map(([name, value]) => [name, String(value)])
        if (isGood) expect(headers).toMatchObject(Object.fromEntries(texts))
      }),
      { numRuns: 500 },
    )
  })

  // Node then removes and appends each of them by the methods of the response.
  describe.each<[string, 'before' | 'after', (raw: FastifyReply['raw']) => void]>([
    [
      'was set and removed before the guard',
      'before',
      (raw) => {
        raw.setHeader('X-Powered-By', 'x')
        raw.removeHeader('X-Powered-By')
      },
    ],
    [
      'is set past the response after the guard',
      'after',
      (raw) => void ServerResponse.prototype.setHeader.call(raw, 'X-Z', '1'),
    ],
  ])('where something %s', (_, when, change) => {
    it.each<[string, RouteHandlerMethod]>([
      ['an object', (_request, reply) => void reply.send({ a: 1 })],
      ['a stream', (_request, reply) => void reply.send(Readable.from(['x']))],
      ['raw.end', byHand((raw) => void raw.end('x'))],
      ['writeHead without headers', byHand((raw) => void raw.writeHead(200).end('x'))],
      ['writeHead with headers', byHand((raw) => void raw.writeHead(200, { 'X-Own': '1' }).end('x'))],
    ])('are all on the answer, each once: %s', async (_name, handler) => {
      const app = fastify()
      const hook = toHook(
        guardOf('all', [
          ['X-A', '1'],
          ['X-B', '2'],
          ['X-C', '3'],
          ['X-D', '4'],
        ]),
      )
      const meddle = (_request: unknown, reply: FastifyReply, done: () => void): void => {
        change(reply.raw)
        done()
      }
      for (const one of when === 'before' ? [meddle, hook] : [hook, meddle]) app.addHook('onRequest', one)
      let told: string[] = []
      app.addHook('onResponse', (_request, reply, done) => {
        told = reply.raw.getHeaderNames()
        done()
      })
      app.get('/', handler)
      const { status, raw } = await get(app)
      expect(status).toBe(200)
      const own = raw.filter((text, at) => at % 2 === 0 && /^X-[A-D]$/i.test(text))
      expect(own.map((name) => name.toUpperCase())).toEqual(['X-A', 'X-B', 'X-C', 'X-D'])
      expect(told.filter((name) => /^x-[a-d]$/.test(name)).sort()).toEqual(['x-a', 'x-b', 'x-c', 'x-d'])
    })
  })

  /** As guards of packages of ours are, whose headers need no look. */
  const soundGuard = (as: string, headers: readonly HeaderPair[]): Guard<string, string> => {
    const { check } = guardOf(as, headers)
    return { as, check: Object.assign(check, { [Symbol.for('@mosaajii/core/sound-headers')]: check }) }
  }
  describe.each<HeaderPair>([
    ['X-Liar', '1\r\nX-Evil: 1'],
    ['X-Liar\r\nX-Evil', '1'],
    ['X-Liar', '\u20ac'],
    ['', '1'],
  ])('a header %j: %j', (...bad) => {
    it.each<[string, RouteHandlerMethod]>([
      ['Fastify sends', (_request, reply) => void reply.send('x')],
      ['somebody sets another', (_request, reply) => void reply.raw.setHeader('X-Z', '1')],
    ])(
      'is refused by Node where a guard of ours calls it sound, and the answer is a 500 with all others: %s',
      async (_name, handler) => {
        const app = fastify({ logger: false })
        app.addHook('onRequest', toHook(soundGuard('liar', [['X-Good', '1'], bad])))
        app.addHook('onRequest', toHook(policy))
        app.get('/', handler)
        const { status, headers, raw } = await get(app)
        expect(status).toBe(500)
        expect(headers).toMatchObject({ 'x-frame-options': 'DENY', 'x-till': '3', 'x-good': '1' })
        expect(raw.join()).not.toContain('Evil')
      },
    )

    type Check = Guard<string, string>['check']
    it.each<[string, (ours: Guard<string, string>, check: Check) => ReturnType<typeof toHook>]>([
      ['a spread guard', (ours, check) => toHook({ ...ours, check })],
      [
        'a proxy',
        (ours, check) => {
          const apply = (_: unknown, __: unknown, given: [Facts]) => check(...given)
          return toHook({ ...ours, check: new Proxy<Check>(ours.check, { apply }) })
        },
      ],
      [
        'a copy of its properties',
        (ours, check) => {
          const copied = Object.defineProperties(check, Object.getOwnPropertyDescriptors(ours.check))
          return toHook({ ...ours, check: copied })
        },
      ],
      [
        'another check later',
        (ours, check) => {
          const guard = { ...ours }
          const hook = toHook(guard)
          guard.check = check
          return hook
        },
      ],
    ])('is refused before the handler where somebody made another guard of such a one: %s', async (_name, hookOf) => {
      const app = fastify({ logger: false })
      let hasRun = false
      app.addHook('onRequest', hookOf(soundGuard('ours', []), guardOf('ours', [bad]).check))
      app.get('/', (_request, reply) => {
        hasRun = true
        return reply.send('x')
      })
      expect((await get(app)).status).toBe(500)
      expect(hasRun).toBe(false)
    })
  })

  it('stay away where the answer went out before an asynchronous guard was done', async () => {
    const app = fastify()
    let refusal: unknown
    app.addHook('onRequest', (request, reply, done) => {
      toHook({ as: 'slow', check: async () => ({ pass: true, data: 1, headers: [['X-Slow', '1']] }) })(
        request,
        reply,
        (error) => {
          refusal = error
        },
      )
      reply.raw.end('early')
      void done
    })
    app.get('/', () => 'ok')
    expect((await get(app)).headers).not.toHaveProperty('x-slow')
    expect(refusal).toMatchObject({ code: 'ERR_HTTP_HEADERS_SENT' })
  })
})
