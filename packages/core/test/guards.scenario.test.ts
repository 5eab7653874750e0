import { setTimeout as wait } from 'node:timers/promises'
import { request } from 'node:http'
import { type Guard, type HeaderPair, type Problem, SecurityError, type Slot } from '@mosaajii/core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type DescribedApp, frameworks } from './support/described-app.ts'
import { deferred, type Running, send } from './support/http.ts'

const secret = 'p4ss-phrase-of-ada'

/** A guard that always passes, with these headers. */
function passing<K extends string>(as: K, data: string, headers?: readonly HeaderPair[]): Guard<K, string> {
  return { as, check: () => ({ pass: true, data, ...(headers && { headers }) }) }
}

const policy: Slot<string> = { as: 'policy' }
const appPolicy = passing('policy', 'app', [
  ['X-Policy', 'app'],
  ['X-App-Only', 'yes'],
  ['X-Shared', 'same'],
])
const shared = passing('shared', 'of another kind', [['X-Shared', 'same']])
const scopePolicy = passing('policy', 'scope', [
  ['X-Policy', 'scope'],
  ['X-Scope-Only', 'yes'],
])
const routePolicy = passing('policy', 'route', [['x-policy', 'route']])
const barePolicy = passing('policy', 'bare')

const tillGuard: Guard<'till', string> = {
  as: 'till',
  check: (facts) => {
    const till = facts.header('x-till')
    if (till !== undefined) return { pass: true, data: till }
    const error = new SecurityError('TILL_MISSING', `send X-Till ${secret}`, {
      status: 400,
      detail: { header: 'X-Till' },
    })
    return { pass: false, error, headers: [['X-Refused', 'till']] }
  },
}
const refusedPolicy: Guard<'policy', string> = {
  as: 'policy',
  check: () => ({ pass: false, error: new SecurityError('POLICY_REFUSES', secret, { status: 403 }) }),
}
const later: Guard<'later', string> = {
  as: 'later',
  check: async (facts) => {
    await wait(2)
    if (facts.header('x-slow') === 'no') {
      return {
        pass: false,
        error: new SecurityError('TOO_LATE', secret, { status: 503 }),
        headers: [['X-Later', 'no']],
      }
    }
    return { pass: true, data: `after ${facts.get(policy)}`, headers: [['X-Later', 'yes']] }
  },
}
const rejecting: Guard<'rejecting', string> = { as: 'rejecting', check: () => Promise.reject(new Error(secret)) }
const throwing: Guard<'throwing', string> = {
  as: 'throwing',
  check: () => {
    throw new Error(secret)
  },
}
const brand = Symbol.for('@mosaajii/core/SecurityError')
/** What Express, Fastify and Hono would take for something else than an error. */
const oddities: readonly (readonly [string, unknown])[] = [
  ['undefined', undefined],
  ['null', null],
  ["'route'", 'route'],
  ["'router'", 'router'],
  ['an empty text', ''],
  [
    'an error of another realm',
    Object.create(SecurityError.prototype, { code: { value: 'X' }, status: { value: 403 }, detail: { value: {} } }),
  ],
  ['a branded error that is none here, of a realm', { [brand]: true, code: 'X', status: 403, detail: {} }],
  ['an error of an odd copy', { [brand]: true, code: 'x y', status: 403, detail: {} }],
]
function odd(thrown: unknown): Guard<'odd', string> {
  return {
    as: 'odd',
    check: () => {
      throw thrown
    },
  }
}
function oddLater(thrown: unknown): Guard<'odd', string> {
  // oxlint-disable-next-line typescript/prefer-promise-reject-errors -- that is the point
  return { as: 'odd', check: () => Promise.reject(thrown) }
}
const without = { as: 'without', check: () => ({}) } as unknown as Guard<'without', string>
const nothing = { as: 'nothing', check: () => undefined } as unknown as Guard<'nothing', string>
const refusedWithoutError = { as: 'refused', check: () => ({ pass: false }) } as unknown as Guard<'refused', string>

let settled: (status: number) => void = () => undefined
const auditing: Guard<'auditing', string> = {
  as: 'auditing',
  check: () => ({ pass: true, data: '', settled: (status) => settled(status) }),
}
const badAuditing: Guard<'badAuditing', string> = {
  as: 'badAuditing',
  check: () => ({
    pass: true,
    data: '',
    settled: () => {
      throw new Error('the log is full')
    },
  }),
}
const rejectedAuditing: Guard<'rejectedAuditing', string> = {
  as: 'rejectedAuditing',
  check: () => ({ pass: true, data: '', settled: () => Promise.reject(new Error('the log is full')) as never }),
}
const watching = (as: string, word: string): Guard<string, string> => ({
  as,
  check: () => ({
    pass: true,
    data: '',
    headers: [['X-Decided', 'not yet']],
    writing: (answer) => {
      answer.set('X-Written', [answer.get('x-written'), word].filter(Boolean).join(' '))
      answer.set(
        'X-Saw',
        `${answer.status} ${answer.get('content-type')} ${answer.get('X-Own')} ${answer.get('x-none')}`,
      )
      answer.remove('X-Decided')
    },
  }),
})
const throwingAtLast: Guard<'atLast', string> = {
  as: 'atLast',
  check: () => ({
    pass: true,
    data: '',
    writing: () => {
      throw new Error(secret)
    },
  }),
}
const cookie = (as: string, value: string): Guard<string, string> => passing(as, '', [['Set-Cookie', value]])

const told: unknown[] = []

const app: DescribedApp = {
  guards: [appPolicy, shared],
  onError: (error) => told.push(error),
  routes: [
    {
      path: '/',
      handle: (x) => ({ body: [x.data(appPolicy), x.data(policy), x.shown('policy'), x.data(shared)].join() }),
    },
    {
      path: '/route',
      guards: [routePolicy],
      handle: (x) => ({ body: [x.data(appPolicy), x.data(routePolicy), x.data(policy), x.shown('policy')].join() }),
    },
    { path: '/bare', guards: [barePolicy], handle: (x) => ({ body: x.data(policy) }) },
    { path: '/two', guards: [tillGuard, later], handle: (x) => ({ body: `${x.data(tillGuard)}, ${x.data(later)}` }) },
    { path: '/missing', handle: (x) => ({ body: x.data(tillGuard) }) },
    { path: '/missing-by-name', handle: (x) => ({ body: x.data({ as: 'till' }) }) },
    { path: '/refused-policy', guards: [refusedPolicy], handle: () => ({ body: 'handled' }) },
    { path: '/rejecting', guards: [rejecting], handle: () => ({ body: 'handled' }) },
    { path: '/throwing', guards: [throwing], handle: () => ({ body: 'handled' }) },
    ...oddities
      .flatMap(([name, thrown]) => [
        { path: `/odd/${encodeURIComponent(name)}`, guards: [odd(thrown)], handle: () => ({ body: 'handled' }) },
        {
          path: `/odd-later/${encodeURIComponent(name)}`,
          guards: [oddLater(thrown)],
          handle: () => ({ body: 'handled' }),
        },
      ])
      .map((route) => ({ ...route, path: route.path.replaceAll(/[^a-z/-]/g, '') })),
    { path: '/without', guards: [without], handle: () => ({ body: 'handled' }) },
    { path: '/nothing', guards: [nothing], handle: () => ({ body: 'handled' }) },
    { path: '/refused-without-error', guards: [refusedWithoutError], handle: () => ({ body: 'handled' }) },
    { path: '/settled', guards: [auditing], handle: () => ({ status: 202, body: 'ok' }) },
    {
      path: '/settled-error',
      guards: [auditing],
      handle: () => {
        throw new SecurityError('ORDER_LOCKED', secret, { status: 409 })
      },
    },
    { path: '/settled-refused', guards: [auditing, refusedPolicy], handle: () => ({ body: 'handled' }) },
    { path: '/settled-badly', guards: [badAuditing, rejectedAuditing], handle: () => ({ body: 'fine' }) },
    { path: '/own', handle: () => ({ headers: { 'X-Policy': 'own' }, body: 'own' }) },
    {
      path: '/own-under-route',
      guards: [routePolicy],
      handle: () => ({ headers: { 'X-Policy': 'own' }, body: 'own' }),
    },
    {
      path: '/writing',
      guards: [watching('outerWatch', 'outer'), watching('innerWatch', 'first'), watching('innerWatch', 'inner')],
      handle: () => ({ status: 201, headers: { 'X-Own': 'mine' }, body: 'ok' }),
    },
    { path: '/writing-throws', guards: [throwingAtLast], handle: () => ({ body: 'ok' }) },
    {
      path: '/writing-refused',
      guards: [watching('watch', 'x'), refusedPolicy],
      handle: () => ({ body: 'handled' }),
    },
    {
      path: '/cookies',
      guards: [cookie('one', 'a=1'), cookie('two', 'b=2'), cookie('three', 'c=3'), cookie('three', 'c=4')],
      handle: () => ({ headers: { 'X-Own': 'mine' }, body: 'ok' }),
    },
    {
      path: '/own-cookies',
      guards: [cookie('one', 'a=1'), cookie('two', 'b=2')],
      handle: () => ({ headers: { 'Set-Cookie': 'own=3' }, body: 'ok' }),
    },
    {
      path: '/thrown',
      guards: [routePolicy],
      handle: () => {
        throw new Error(secret)
      },
    },
  ],
  scopes: [
    {
      prefix: '/scope',
      guards: [scopePolicy],
      routes: [
        {
          path: '/plain',
          handle: (x) => ({ body: [x.data(appPolicy), x.data(scopePolicy), x.shown('policy')].join() }),
        },
        {
          path: '/inner',
          guards: [routePolicy],
          handle: (x) => ({ body: [x.data(policy), x.data(scopePolicy)].join() }),
        },
      ],
    },
  ],
}

describe.each(frameworks)('guards on %s', (_, start) => {
  let server: Running
  beforeAll(async () => {
    server = await start(app)
  })
  afterAll(() => server.close())
  const get = (path: string, headers: Record<string, string> = {}) => send(server.port, path, { headers })

  it('set headers and leave data, by identity, by name, and where the framework shows it', async () => {
    const answer = await get('/')
    expect(answer.body).toBe('app,app,app,of another kind')
    expect(answer.headers).toMatchObject({ 'x-policy': 'app', 'x-app-only': 'yes', 'x-shared': 'same' })
  })

  it('on a route replace the one of the same name: its data, its headers, and what only it had is gone', async () => {
    const answer = await get('/route')
    expect(answer.body).toBe('app,route,route,route')
    expect(answer.headers['x-policy']).toBe('route')
    expect(answer.headers).not.toHaveProperty('x-app-only')
  })

  it('leave a header that a guard of another name has set as well', async () => {
    expect((await get('/route')).headers['x-shared']).toBe('same')
  })

  it('without headers remove those of the one they replace', async () => {
    const answer = await get('/bare')
    expect(answer.body).toBe('bare')
    expect(answer.headers).not.toHaveProperty('x-policy')
    expect(answer.headers).not.toHaveProperty('x-app-only')
  })

  it('on a router replace the one of the application, and on a route that of the router', async () => {
    const plain = await get('/scope/plain')
    expect(plain.body).toBe('app,scope,scope')
    expect(plain.headers).toMatchObject({ 'x-policy': 'scope', 'x-scope-only': 'yes' })
    expect(plain.headers).not.toHaveProperty('x-app-only')
    const inner = await get('/scope/inner')
    expect(inner.body).toBe('route,scope')
    expect(inner.headers['x-policy']).toBe('route')
    expect(inner.headers).not.toHaveProperty('x-scope-only')
  })

  it('run in turn on one route, the asynchronous too, and read one another', async () => {
    const answer = await get('/two', { 'x-till': '3' })
    expect(answer.body).toBe('3, after app')
    expect(answer.headers).toMatchObject({ 'x-later': 'yes', 'x-policy': 'app' })
  })

  it('that refuse give their error and headers to the problem, beside those of the others', async () => {
    const answer = await get('/two')
    expect(answer.status).toBe(400)
    expect(JSON.parse(answer.body)).toMatchObject({ code: 'TILL_MISSING', status: 400, facts: { header: 'X-Till' } })
    expect(answer.headers).toMatchObject({
      'content-type': 'application/problem+json',
      'cache-control': 'no-store',
      'x-refused': 'till',
      'x-policy': 'app',
    })
    const late = await get('/two', { 'x-till': '3', 'x-slow': 'no' })
    expect([late.status, late.headers['x-later'], (JSON.parse(late.body) as Problem).code]).toEqual([
      503,
      'no',
      'TOO_LATE',
    ])
    expect(answer.body + late.body).not.toContain(secret)
  })

  it('that refuse without headers keep those of the one further out', async () => {
    const answer = await get('/refused-policy')
    expect(answer.status).toBe(403)
    expect(answer.headers).toMatchObject({ 'x-policy': 'app', 'x-app-only': 'yes' })
  })

  it('that throw or reject stop the request with a bare 500 and the headers of the others', async () => {
    for (const path of ['/throwing', '/rejecting']) {
      const answer = await get(path)
      expect(answer.status).toBe(500)
      expect(JSON.parse(answer.body)).toEqual({ type: 'about:blank', title: 'Internal Server Error', status: 500 })
      expect(answer.headers).toMatchObject({ 'x-policy': 'app', 'content-type': 'application/problem+json' })
    }
  })

  it.each(oddities)('that throw %s stop the request too', async (name) => {
    for (const path of ['/odd/', '/odd-later/']) {
      const answer = await get(`${path}${encodeURIComponent(name).replaceAll(/[^a-z/-]/g, '')}`)
      expect(answer.body).not.toContain('handled')
      expect(answer.status).toBe(name.includes('realm') ? 403 : 500)
      expect(answer.headers['x-policy']).toBe('app')
    }
  })

  it.each(['/without', '/nothing', '/refused-without-error'])(
    'that answer with no verdict stop the request: %s',
    async (path) => {
      const answer = await get(path)
      expect(answer.body).not.toContain('handled')
      expect(answer.status).toBe(500)
    },
  )

  it('that did not run have no data', async () => {
    told.length = 0
    for (const path of ['/missing', '/missing-by-name']) expect((await get(path)).status).toBe(500)
    expect(told).toEqual([
      expect.objectContaining({ code: 'GUARD_NOT_RUN' }),
      expect.objectContaining({ code: 'GUARD_NOT_RUN' }),
    ])
  })

  it.each([
    ['/settled', 202],
    ['/settled-error', 409],
    ['/settled-refused', 403],
  ])('are told the status once: %s', async (path, status) => {
    const statuses: number[] = []
    const first = deferred()
    settled = (one) => {
      statuses.push(one)
      first.resolve()
    }
    await get(path)
    await first.promise
    await wait(10)
    expect(statuses).toEqual([status])
  })

  it('are not disturbed by a settled that throws or rejects', async () => {
    expect((await get('/settled-badly')).body).toBe('fine')
    await wait(10)
    expect((await get('/settled-badly')).body).toBe('fine')
  })

  it('do not take away a header that the handler has set', async () => {
    expect((await get('/own')).headers['x-policy']).toBe('own')
    const under = await get('/own-under-route')
    expect(under.raw.filter((name) => name.toLowerCase() === 'x-policy')).toHaveLength(1)
    expect(under.headers['x-policy']).toBe('own')
  })

  it('see the answer just before it is written, the innermost of a name only', async () => {
    const answer = await get('/writing')
    expect(answer.status).toBe(201)
    expect(answer.headers['x-written']).toBe('inner outer')
    expect(answer.headers['x-saw']).toMatch(/^201 text\/plain(; charset=utf-8)? mine undefined$/)
    expect(answer.headers).not.toHaveProperty('x-decided')
    expect(answer.headers['x-own']).toBe('mine')
  })

  it('see a problem as well, and cannot break an answer that they throw at', async () => {
    const refused = await get('/writing-refused')
    expect(refused.headers['x-saw']).toBe('403 application/problem+json undefined undefined')
    expect((await get('/writing-throws')).body).toBe('ok')
  })

  it('add their cookies up, but for the one that was replaced', async () => {
    const answer = await get('/cookies')
    expect([...(answer.headers['set-cookie'] ?? [])].sort()).toEqual(['a=1', 'b=2', 'c=4'])
  })

  it('keep their cookies beside those of the handler', async () => {
    const { headers } = await get('/own-cookies')
    expect([...(headers['set-cookie'] ?? [])].sort()).toEqual(['a=1', 'b=2', 'own=3'])
  })

  it('keep their headers on what was thrown and on what no route takes', async () => {
    const thrown = await get('/thrown')
    expect([thrown.status, thrown.headers['x-policy']]).toEqual([500, 'route'])
    expect(thrown.headers).not.toHaveProperty('x-app-only')
    const missing = await get('/none')
    expect([missing.status, missing.headers['x-policy']]).toEqual([404, 'app'])
    expect(JSON.parse(missing.body)).toMatchObject({
      code: 'ROUTE_UNKNOWN',
      type: 'urn:mosaajii:problem:route-unknown',
    })
    expect(missing.headers['content-type']).toBe('application/problem+json')
  })
})

describe.each(frameworks)('a client that leaves, on %s', (_, start) => {
  it('is a 499', async () => {
    const inside = deferred()
    const open = deferred()
    const over = deferred<number>()
    const guard: Guard<'auditing', string> = {
      as: 'auditing',
      check: () => ({ pass: true, data: '', settled: over.resolve }),
    }
    const handle = async () => {
      inside.resolve()
      await open.promise
      return { body: 'too late' }
    }
    const server = await start({ guards: [guard], routes: [{ path: '/', handle }] })
    const outgoing = request({ port: server.port, host: '127.0.0.1', agent: false })
    outgoing.on('error', () => undefined)
    outgoing.end()
    await inside.promise
    outgoing.destroy()
    await wait(50)
    open.resolve()
    expect(await over.promise).toBe(499)
    await server.close()
  })

  it('is a 499 also when it left before the guard had answered', async () => {
    const inside = deferred()
    const open = deferred()
    const over = deferred<number>()
    const guard: Guard<'auditing', string> = {
      as: 'auditing',
      check: async () => {
        inside.resolve()
        await open.promise
        return { pass: true, data: '', settled: over.resolve }
      },
    }
    const server = await start({ guards: [guard], routes: [{ path: '/', handle: () => ({ body: 'too late' }) }] })
    const outgoing = request({ port: server.port, host: '127.0.0.1', agent: false })
    outgoing.on('error', () => undefined)
    outgoing.end()
    await inside.promise
    outgoing.destroy()
    await wait(50)
    open.resolve()
    expect(await over.promise).toBe(499)
    await server.close()
  })
})
