import { createServer, type ServerResponse } from 'node:http'
import type { Answer, Guard } from '@mosaajii/core'
import { dataOf } from '@mosaajii/core'
import { problems, toExpress } from '@mosaajii/core/express'
import express, { type Request, type Response } from 'express'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { listen, type Running, send, sendRaw } from './support/http.ts'

const running: Running[] = []
afterEach(async () => {
  for (const server of running.splice(0)) await server.close()
})
async function started(app: express.Express): Promise<number> {
  const server = await listen(createServer(app))
  running.push(server)
  return server.port
}

describe('a guard with writing', () => {
  const seen: (string | undefined)[] = []
  const guard: Guard<'watching', true> = {
    as: 'watching',
    check: () => ({
      pass: true,
      data: true,
      headers: [['X-Guard', 'set']],
      writing: (answer: Answer) => {
        seen.push(`${answer.status}`, answer.get('Content-Type'), answer.get('x-many'))
        answer.remove('X-Secret')
        answer.set('X-Type', answer.get('content-type') ?? 'none')
      },
    }),
  }

  it.each<[string, (res: ServerResponse) => unknown]>([
    [
      'an object',
      (res) => res.writeHead(201, { 'Content-Type': 'a/b', 'X-Many': ['1', '2'], 'X-Secret': 'x', 'x-guard': 'own' }),
    ],
    [
      'a reason and an object',
      (res) => res.writeHead(201, 'Made', { 'content-type': 'a/b', 'X-Many': ['1', '2'], 'X-Guard': 'own' }),
    ],
    [
      'a flat array',
      (res) =>
        res.writeHead(201, ['Content-Type', 'a/b', 'X-Many', '1', 'x-many', '2', 'X-Secret', 'x', 'X-Guard', 'own']),
    ],
    [
      'an array of pairs',
      (res) =>
        res.writeHead(201, [
          ['Content-Type', 'a/b'],
          ['X-Many', '1'],
          ['X-Many', '2'],
          ['X-Guard', 'own'],
        ] as unknown as string[]),
    ],
    [
      'headers set before',
      (res) => {
        res.setHeader('Content-Type', 'a/b')
        res.setHeader('X-Many', ['1', '2'])
        res.setHeader('X-Guard', 'own')
        res.statusCode = 201
      },
    ],
    [
      'both',
      (res) => {
        res.setHeader('Content-Type', 'c/d')
        res.setHeader('X-Guard', 'own')
        res.writeHead(201, undefined, { 'Content-Type': 'a/b', 'X-Many': ['1', '2'] })
      },
    ],
  ])('sees and changes what the handler writes by %s', async (_, write) => {
    seen.length = 0
    const app = express()
    app.use(toExpress(guard), (_req: Request, res: Response) => {
      write(res)
      res.end('ok')
    })
    const answer = await send(await started(app), '/')
    expect(seen).toEqual(['201', 'a/b', '1, 2'])
    expect([answer.status, answer.body]).toEqual([201, 'ok'])
    expect(answer.headers).toMatchObject({ 'content-type': 'a/b', 'x-many': '1, 2', 'x-type': 'a/b', 'x-guard': 'own' })
    expect(answer.headers).not.toHaveProperty('x-secret')
    expect(answer.raw.filter((name) => name.toLowerCase() === 'content-type')).toHaveLength(1)
  })

  it('keeps the reason, and leaves a second writeHead to Node', async () => {
    const app = express()
    const errors: unknown[] = []
    app.use(toExpress(guard), (_req, res) => {
      res.writeHead(200, 'Fine')
      try {
        res.writeHead(500)
      } catch (error) {
        errors.push((error as { code?: string }).code)
      }
      res.end()
    })
    const answer = await send(await started(app), '/')
    expect([answer.status, answer.reason]).toEqual([200, 'Fine'])
    expect(errors).toEqual(['ERR_HTTP_HEADERS_SENT'])
  })

  it('is called again when the first attempt to write failed', async () => {
    const app = express()
    app.use(toExpress(guard), (_req, res) => void res.writeHead(200, { 'X-Bad': 'a\r\nb' }))
    app.use(problems())
    seen.length = 0
    expect((await send(await started(app), '/')).status).toBe(500)
    expect(seen.slice(0, 2)).toEqual(['500', 'application/problem+json'])
  })

  it('does not touch a response without one', async () => {
    const plain: Guard<'plain', true> = { as: 'plain', check: () => ({ pass: true, data: true }) }
    const app = express()
    app.use(toExpress(plain), (_req, res) => void res.send(String(Object.hasOwn(res, 'writeHead'))))
    expect((await send(await started(app), '/')).body).toBe('false')
  })
})

describe('writing, wherever the guard and the writer are', () => {
  const once: Guard<'once', true> = {
    as: 'once',
    check: () => ({
      pass: true,
      data: true,
      writing: (answer) => answer.set('X-Times', String(Number(answer.get('X-Times') ?? 0) + 1)),
    }),
  }
  const guard = toExpress(once)
  const end = (_req: Request, res: Response) => void res.end('end')
  /** What compression and the like do: an own `writeHead` on the response. */
  const middleware: express.RequestHandler = (_req, res, next) => {
    const writeHead = res.writeHead.bind(res) as (...args: unknown[]) => Response
    Object.assign(res, {
      writeHead: (...args: unknown[]) => {
        res.setHeader('X-Middleware', 'ran')
        return writeHead(...args)
      },
    })
    next()
  }
  const mounted = (...parts: express.RequestHandler[]) => {
    const app = express()
    app.use(...parts)
    return app
  }
  it.each<[string, () => express.Express]>([
    ['in the application', () => mounted(guard, end)],
    ['twice in the application', () => mounted(guard, guard, end)],
    ['in a mounted application', () => mounted(mounted(guard, end))],
    ['in a mounted application that passes on', () => mounted(mounted(guard), end)],
    ['around a mounted application', () => mounted(guard, mounted(end))],
    ['in both', () => mounted(guard, mounted(guard, end))],
    ['in two of them', () => mounted(mounted(guard), mounted(guard, end))],
    ['in one that was mounted twice', () => mounted(mounted(mounted(guard), mounted(guard)), end)],
    [
      'around an application that is called',
      () => {
        const inner = mounted(end)
        return mounted(guard, (req, res, next) => inner(req, res, next))
      },
    ],
    [
      'around and in an application that is called',
      () => {
        const inner = mounted(guard, end)
        return mounted(guard, (req, res, next) => inner(req, res, next))
      },
    ],
    ['before a middleware with its own writeHead', () => mounted(guard, middleware, end)],
    ['behind a middleware with its own writeHead', () => mounted(middleware, guard, end)],
    ['between two of them', () => mounted(middleware, guard, middleware, end)],
    ['in a mounted application between them', () => mounted(middleware, mounted(guard, middleware), end)],
  ])('is called once: %s', async (_where, make) => {
    const app = make()
    const port = await started(app)
    // The second request meets what the first has left behind.
    for (let i = 0; i < 3; i++) {
      const { headers, body } = await send(port, '/')
      expect([headers['x-times'], body]).toEqual(['1', 'end'])
    }
  })

  it('is called once where both the application and a middleware before the guard are wrapped', async () => {
    const app = express()
    app.use('/compressed', middleware)
    app.use(guard, end)
    const port = await started(app)
    expect((await send(port, '/')).headers['x-times']).toBe('1')
    const { headers } = await send(port, '/compressed')
    expect([headers['x-times'], headers['x-middleware']]).toEqual(['1', 'ran'])
  })

  it('wraps an application once, not once a request', async () => {
    const app = mounted(guard, end)
    const port = await started(app)
    await send(port, '/')
    const { writeHead } = app.response
    await send(port, '/')
    expect(app.response.writeHead).toBe(writeHead)
    expect(express().response.writeHead).toBe(writeHead)
  })

  it('may be asynchronous by mistake: it comes too late, and nothing ends', async () => {
    const late: Guard<'late', true> = {
      as: 'late',
      check: () => ({
        pass: true,
        data: true,
        // oxlint-disable-next-line typescript/no-misused-promises -- the mistake
        writing: async (answer) => {
          await new Promise((resolve) => setTimeout(resolve, 5))
          answer.set('X-Late', '1')
        },
      }),
    }
    const unhandled = vi.fn<(reason: unknown) => void>()
    process.on('unhandledRejection', unhandled)
    try {
      const port = await started(mounted(toExpress(late), end))
      expect((await send(port, '/')).headers).not.toHaveProperty('x-late')
      await new Promise((resolve) => setTimeout(resolve, 50))
      expect(unhandled).not.toHaveBeenCalled()
    } finally {
      process.off('unhandledRejection', unhandled)
    }
  })

  it('is not called for a response without guards of the same application', async () => {
    const app = express()
    app.get('/guarded', guard, end)
    app.get('/plain', end)
    const port = await started(app)
    expect((await send(port, '/guarded')).headers['x-times']).toBe('1')
    expect((await send(port, '/plain')).headers).not.toHaveProperty('x-times')
  })
})

describe('two copies of the package in one process', () => {
  it('read one another’s data, replace one another’s headers, and wrap a response once', async () => {
    vi.resetModules()
    const other = await import('@mosaajii/core/express')
    const { dataOf: otherDataOf } = await import('@mosaajii/core')
    expect(other.toExpress).not.toBe(toExpress)
    expect(otherDataOf).not.toBe(dataOf)
    const written: string[] = []
    const guardOf = (data: string, headers: readonly (readonly [string, string])[]): Guard<'policy', string> => ({
      as: 'policy',
      check: (facts) => ({
        pass: true,
        data: `${facts.get<string>({ as: 'policy' }) ?? ''}${data}`,
        headers,
        writing: () => void written.push(data),
      }),
    })
    const outer = guardOf('outer', [['X-Outer', '1']])
    const inner = guardOf('inner', [['X-Inner', '1']])
    const app = express()
    app.use(toExpress(outer), other.toExpress(inner))
    app.use(
      (req: Request, res: Response) =>
        void res.send([dataOf(req, inner), otherDataOf(req, outer), dataOf(req, { as: 'policy' })].join()),
    )
    const answer = await send(await started(app), '/')
    expect(answer.body).toBe('outerinner,outer,outerinner')
    expect(answer.headers).toMatchObject({ 'x-inner': '1' })
    expect(answer.headers).not.toHaveProperty('x-outer')
    expect(written).toEqual(['inner'])
  })
})

describe('settled', () => {
  const settling = (statuses: number[], headers: readonly (readonly [string, string])[], after = 0) => {
    const guard: Guard<'settling', true> = {
      as: 'settling',
      check: async () => {
        await new Promise((resolve) => setTimeout(resolve, after))
        return { pass: true, data: true, headers, settled: (status) => void statuses.push(status) }
      },
    }
    return toExpress(guard)
  }
  it('is called when the headers of the verdict cannot be set', async () => {
    const statuses: number[] = []
    const app = express()
    app.use(settling(statuses, [['X-Bad', 'a\nb']]), problems())
    expect((await send(await started(app), '/')).status).toBe(500)
    await vi.waitFor(() => expect(statuses).toEqual([500]))
  })
  it('is called when something else has answered before the verdict came', async () => {
    const statuses: number[] = []
    const app = express()
    app.use((_req, res, next) => {
      setTimeout(() => res.status(503).end(), 10)
      next()
    })
    app.use(settling(statuses, [], 80), (_req: Request, _res: Response) => undefined)
    expect((await send(await started(app), '/')).status).toBe(503)
    await vi.waitFor(() => expect(statuses).toEqual([503]))
  })
})

describe('a guard that is replaced', () => {
  it('gives back what another guard had set under the same name', async () => {
    const guardOf = (as: string, value?: string): Guard<string, true> => ({
      as,
      check: () => ({ pass: true, data: true, headers: value === undefined ? [] : [['Cache-Control', value]] }),
    })
    const app = express()
    app.use(toExpress(guardOf('other', 'private')), toExpress(guardOf('policy', 'no-store')))
    app.get('/outer', (_req, res) => void res.end())
    app.use(toExpress(guardOf('policy')), (_req: Request, res: Response) => void res.end())
    const port = await started(app)
    expect((await send(port, '/outer')).headers['cache-control']).toBe('no-store')
    expect((await send(port, '/inner')).headers['cache-control']).toBe('private')
  })

  it('keeps a header that somebody has changed since', async () => {
    const app = express()
    const policy = (headers: readonly (readonly [string, string])[]): Guard<'policy', true> => ({
      as: 'policy',
      check: () => ({ pass: true, data: true, headers }),
    })
    app.use(
      toExpress(
        policy([
          ['X-Changed', '1'],
          ['X-Kept', '1'],
        ]),
      ),
    )
    app.use((_req, res, next) => {
      res.setHeader('X-Changed', '2')
      next()
    })
    app.use(toExpress(policy([])), (_req: Request, res: Response) => void res.end())
    const { headers } = await send(await started(app), '/')
    expect(headers['x-changed']).toBe('2')
    expect(headers).not.toHaveProperty('x-kept')
  })
})

describe('problems on Express', () => {
  it('hands an error on once the answer has begun, and tells of it all the same', async () => {
    const told: unknown[] = []
    const handedOn: unknown[] = []
    const error = new Error('half way')
    const app = express()
    app.get('/', (_req, res, next) => {
      res.write('half')
      next(error)
    })
    app.use(problems({ onError: (one) => void told.push(one) }))
    const last: express.ErrorRequestHandler = (one, _req, res, _next) => {
      handedOn.push(one)
      res.destroy()
    }
    app.use(last)
    await expect(send(await started(app), '/')).rejects.toThrow()
    expect([told, handedOn]).toEqual([[error], [error]])
  })

  it('reads a body that was given up to its end, so that the connection goes on', async () => {
    const app = express()
    app.post('/', (req, _res, next) => {
      req.once('data', () => {
        req.pause()
        next(new Error('enough'))
      })
    })
    app.get('/', (_req, res) => void res.send('next'))
    app.use(problems())
    const body = 'x'.repeat(300_000)
    const post = `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body}`
    const answers = await sendRaw(await started(app), `${post}GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`)
    expect(answers).toMatch(/^HTTP\/1.1 500 /)
    expect(answers).toMatch(/next$/)
  })
})

describe('toExpress', () => {
  const check = () => ({ pass: true, data: 1 }) as const
  it.each(['', '1a', '_a', 'a-b', 'a b', 'constructor', 'toString', '__proto__', 'é', 'a'.repeat(65), undefined, 1])(
    'refuses a guard named %j',
    (as) => {
      expect(() => toExpress({ as: as as string, check })).toThrow(/^toExpress: a guard's 'as' is a word/)
    },
  )
  it.each([undefined, null, 'guard', {}, { as: 'a' }, check])('refuses %j', (guard) => {
    expect(() => toExpress(guard as unknown as Guard<'a', 1>)).toThrow(TypeError)
  })

  it('shows the facts of the request as it came, also within a router', async () => {
    const facts: Guard<'facts', string> = {
      as: 'facts',
      check: (request) => ({
        pass: true,
        data: [
          request.method,
          request.target,
          request.header('x-many'),
          request.header('constructor'),
          request.header('x-none'),
        ].join(' '),
      }),
    }
    const app = express()
    const router = express.Router()
    router.use(toExpress(facts), (req: Request, res: Response) => void res.send(dataOf(req, facts)))
    app.use('/scope', router)
    const sent = { method: 'PUT', headers: { 'x-many': ['1', '2'] } }
    expect((await send(await started(app), '/scope/a%20b?q=%C3%A4', sent)).body).toBe(
      'PUT /scope/a%20b?q=%C3%A4 1, 2  ',
    )
  })
})
