// What clients get, the same on each framework and over real sockets.
import { connect } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { type Facts, type Problem, SecurityError } from '@mosaajii/core'
import { settableClock } from '@mosaajii/core/testing'
import {
  admit,
  limitDecision,
  type OpenWindows,
  type RateLimiter,
  rateLimiter,
  refusalOf,
  type Rule,
  type WindowStore,
} from '@mosaajii/ratelimit'
import { parseList } from 'structured-headers'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { frameworks, type LimitedApp, type Received, type Running, send } from '../support/limited-app.ts'
import { naiveStore } from '../support/naive-store.ts'

const secret = 'ada-of-till-3'
const client = (facts: Facts): string | undefined => facts.header('x-client')
const deny = { key: client, onStoreFailure: 'deny' } as const
const rules = {
  global: { limit: 6, window: '15m', ...deny },
  api: { limit: 3, window: '1m', ...deny },
  tried: { limit: 1, window: '1h', shadow: true, ...deny },
  address: { limit: 4, window: '15m', key: (facts: Facts) => facts.address, onStoreFailure: 'deny' },
  'sign-in': { limit: 2, window: 90_500, ...deny },
} as const satisfies Record<string, Rule<Facts>>

/** Answers later, as a store over a network does. */
function later(store: WindowStore): WindowStore {
  const slow = <A extends unknown[], T>(work: (...args: A) => T | Promise<T>) => {
    return async (...args: A): Promise<T> => {
      await wait(1)
      return work(...args)
    }
  }
  return {
    open: (opened) => {
      const windows = store.open(opened)
      return {
        take: slow(windows.take.bind(windows)),
        peek: slow(windows.peek.bind(windows)),
        penalize: slow(windows.penalize.bind(windows)),
        refund: slow(windows.refund.bind(windows)),
        reset: slow(windows.reset.bind(windows)),
        block: slow(windows.block.bind(windows)),
      }
    },
  }
}

function unreachable(): WindowStore {
  const fail = (): never => {
    throw new Error(`connect ECONNREFUSED ${secret}`)
  }
  return { open: () => ({ take: fail, peek: fail, penalize: fail, refund: fail, reset: fail, block: fail }) }
}

function itemsOf(
  { headers }: Received,
  name: 'ratelimit' | 'ratelimit-policy',
): Record<string, Record<string, unknown>> {
  const list = parseList(String(headers[name] ?? ''))
  const items = list.map(([value, parameters]) => [
    String(value),
    Object.fromEntries(parameters as Map<string, unknown>),
  ])
  expect(new Set(items.map(([value]) => value)).size, 'each name once').toBe(items.length)
  return Object.fromEntries(items) as Record<string, Record<string, unknown>>
}

type LimitProblem = Problem & { readonly 'violated-policies'?: readonly string[] }

function problemOf({ headers, body }: Received): LimitProblem {
  expect(headers['content-type']).toBe('application/problem+json')
  expect(body).not.toContain(secret)
  return JSON.parse(body) as LimitProblem
}

const running: Running[] = []
afterEach(async () => {
  for (const server of running.splice(0)) await server.close()
})

describe.each(frameworks)('limits on %s', (framework, start) => {
  const clock = settableClock()
  const limits = (store: WindowStore = naiveStore({ clock })): RateLimiter<Facts> => rateLimiter({ rules, store })

  async function started(app: Partial<LimitedApp> & { readonly limit: LimitedApp['limit'] }): Promise<number> {
    const server = await start({ routes: [{ path: '/' }], ...app })
    running.push(server)
    return server.port
  }
  const from = (name: string) => ({ 'x-client': name })

  describe.each([
    ['that answers at once', () => naiveStore({ clock })],
    ['that answers later', () => later(naiveStore({ clock }))],
  ])('with a store %s', (_, store) => {
    test('answers tell their limits, and the one too many is refused', async () => {
      const limiter = limits(store())
      const port = await started({ limit: { limiter, names: ['api'] } })
      for (const [i, remaining] of [2, 1, 0].entries()) {
        const answer = await send(port, '/', from('a'))
        expect([answer.status, answer.body]).toEqual([200, `api ${remaining}`])
        expect(itemsOf(answer, 'ratelimit-policy')).toEqual({ api: { q: 3, w: 60 } })
        expect(itemsOf(answer, 'ratelimit')).toEqual({ api: { r: remaining, t: 60 - i } })
        expect(answer.headers['retry-after']).toBeUndefined()
        clock.advance('1s')
      }
      clock.advance(1)
      const refused = await send(port, '/', from('a'))
      expect(refused.status).toBe(429)
      // 56.999 seconds are left, and whoever comes back after 56 is refused once more.
      expect(refused.headers['retry-after']).toBe('57')
      expect(itemsOf(refused, 'ratelimit-policy')).toEqual({ api: { q: 3, w: 60 } })
      expect(itemsOf(refused, 'ratelimit')).toEqual({ api: { r: 0, t: 57 } })
      expect(problemOf(refused)).toEqual({
        type: 'https://iana.org/assignments/http-problem-types#quota-exceeded',
        title: 'Quota Exceeded',
        status: 429,
        code: 'QUOTA_EXCEEDED',
        'violated-policies': ['api'],
      })
      expect((await send(port, '/', from('b'))).status).toBe(200)
      clock.advance('57s')
      expect((await send(port, '/', from('a'))).status).toBe(200)
    })

    test.each([[false], [true]])(
      'a guard further in comes on top, and its fields have both (in a scope: %s)',
      async (inScope) => {
        const limiter = limits(store())
        const inner = { limiter, names: ['api'] }
        const port = await started({
          limit: { limiter, names: ['global'] },
          routes: [{ path: '/' }, { path: '/in', limit: inner, inScope }],
        })
        const first = await send(port, '/in', from('a'))
        expect(first.body).toBe('api 2')
        expect(itemsOf(first, 'ratelimit-policy')).toEqual({ global: { q: 6, w: 900 }, api: { q: 3, w: 60 } })
        expect(itemsOf(first, 'ratelimit')).toEqual({ global: { r: 5, t: 900 }, api: { r: 2, t: 60 } })
        for (let i = 0; i < 2; i++) await send(port, '/in', from('a'))
        const refused = await send(port, '/in', from('a'))
        expect(refused.status).toBe(429)
        expect(problemOf(refused)['violated-policies']).toEqual(['api'])
        expect(itemsOf(refused, 'ratelimit')).toEqual({ global: { r: 2, t: 900 }, api: { r: 0, t: 60 } })
        expect(itemsOf(await send(port, '/', from('a')), 'ratelimit')).toEqual({ global: { r: 1, t: 900 } })
      },
    )

    test('of a rule that both name the later state is told, once', async () => {
      const limiter = limits(store())
      const inner = { limiter, names: ['api', 'global'] }
      const port = await started({ limit: { limiter, names: ['global'] }, routes: [{ path: '/in', limit: inner }] })
      const answer = await send(port, '/in', from('a'))
      expect(itemsOf(answer, 'ratelimit')).toEqual({ api: { r: 2, t: 60 }, global: { r: 4, t: 900 } })
    })

    test('what no route takes counts, and is refused too', async () => {
      const limiter = limits(store())
      const port = await started({ limit: { limiter, names: ['api'] } })
      for (const path of ['/none', '/admin/../.env', '/none?x=1']) {
        const answer = await send(port, path, from('a'))
        expect([answer.status, problemOf(answer).code]).toEqual([404, 'ROUTE_UNKNOWN'])
        expect(itemsOf(answer, 'ratelimit')).toHaveProperty('api')
      }
      expect((await send(port, '/none', from('a'))).status).toBe(429)
      expect((await send(port, '/', from('a'))).status).toBe(429)
    })

    test('every method counts', async () => {
      const limiter = limits(store())
      const port = await started({ limit: { limiter, names: ['global'] } })
      for (const [i, method] of ['HEAD', 'OPTIONS', 'DELETE', 'PURGE', 'GET', 'HEAD'].entries()) {
        const answer = await send(port, '/', from('a'), method)
        expect([method, answer.status]).not.toEqual([method, 429])
        expect(itemsOf(answer, 'ratelimit')).toMatchObject({ global: { r: 5 - i } })
      }
      const head = await send(port, '/', from('a'), 'HEAD')
      expect([head.status, head.body, head.headers['retry-after']]).toEqual([429, '', '900'])
      expect((await send(port, '/', from('a'), 'OPTIONS')).status).toBe(429)
    })
  })

  test.each([
    ['at once', unreachable()],
    ['later', later(unreachable())],
  ])('a store that fails %s is a 503 that says nothing of what it does not know', async (_, store) => {
    const port = await started({ limit: { limiter: limits(store), names: ['api'] } })
    const refused = await send(port, '/', from('a'))
    expect([refused.status, refused.headers['retry-after']]).toEqual([503, '1'])
    expect(problemOf(refused)).toEqual({
      type: 'urn:mosaajii:problem:limiter-unavailable',
      title: 'Service Unavailable',
      status: 503,
      code: 'LIMITER_UNAVAILABLE',
    })
    expect(itemsOf(refused, 'ratelimit-policy')).toEqual({ api: { q: 3, w: 60 } })
    expect(refused.headers['ratelimit']).toBeUndefined()
  })

  test('a store that cannot be reached lets through what may pass then, and says nothing of limits', async () => {
    const open: Rule<Facts> = { limit: 3, window: '1m', key: client, onStoreFailure: 'allow' }
    const limiter = rateLimiter({ rules: { open }, store: later(unreachable()) })
    const port = await started({ limit: { limiter, names: ['open'], options: { legacy: true } } })
    for (let i = 0; i < 5; i++) {
      const answer = await send(port, '/', from('a'))
      expect([answer.status, answer.headers['ratelimit']]).toEqual([200, undefined])
      expect(answer.headers['x-ratelimit-remaining']).toBeUndefined()
    }
  })

  test('a cost that can never pass says no time', async () => {
    const limiter = limits()
    const port = await started({ limit: { limiter, names: ['api'], options: { cost: 4 } } })
    const refused = await send(port, '/', from('a'))
    expect([refused.status, refused.headers['retry-after']]).toEqual([429, undefined])
    expect(itemsOf(refused, 'ratelimit')).toEqual({ api: { r: 3 } })
  })

  test('a request may cost more than another', async () => {
    const limiter = limits()
    const cost = (facts: Facts): number => Number(facts.header('x-cost') ?? 1)
    const port = await started({ limit: { limiter, names: ['global'], options: { cost } } })
    expect((await send(port, '/', { ...from('a'), 'x-cost': '4' })).body).toBe('global 2')
    const refused = await send(port, '/', { ...from('a'), 'x-cost': '3' })
    expect([refused.status, itemsOf(refused, 'ratelimit')]).toEqual([429, { global: { r: 2, t: 900 } }])
    // A cost that is none is a mistake of the application, and lets nobody through.
    for (const cost of ['0', '-1', 'NaN', '0.5', 'Infinity', '1e400']) {
      const answer = await send(port, '/', { ...from('a'), 'x-cost': cost })
      expect([cost, answer.status]).toEqual([cost, 500])
      expect(problemOf(answer)).toEqual({ type: 'about:blank', title: 'Internal Server Error', status: 500 })
    }
    expect((await send(port, '/', from('a'))).body).toBe('global 1')
  })

  test('a rule that is only tried out is nowhere to be seen', async () => {
    const limiter = limits()
    const port = await started({ limit: { limiter, names: ['tried', 'api'], options: { legacy: true } } })
    for (let i = 0; i < 4; i++) {
      const answer = await send(port, '/', from('a'))
      expect(answer.status).toBe(i < 3 ? 200 : 429)
      expect(JSON.stringify(answer.headers)).not.toContain('tried')
      expect(answer.headers['x-ratelimit-limit']).toBe('3')
      if (i === 3) expect(problemOf(answer)['violated-policies']).toEqual(['api'])
    }
    const usual = await started({ limit: { limiter, names: ['tried', 'api'] } })
    for (let i = 0; i < 2; i++) {
      const answer = await send(usual, '/', from('c'))
      expect(Object.keys({ ...itemsOf(answer, 'ratelimit'), ...itemsOf(answer, 'ratelimit-policy') })).toEqual(['api'])
    }
    const alone = await started({ limit: { limiter, names: ['tried'] } })
    const answer = await send(alone, '/', from('b'))
    expect([answer.headers['ratelimit'], answer.headers['ratelimit-policy']]).toEqual([undefined, undefined])
  })

  test('the address is the key that a framework knows', async () => {
    const limiter = limits()
    const port = await started({ limit: { limiter, names: ['address'] } })
    // Nobody gets a counter of his own by claiming to be somebody else.
    for (let i = 0; i < 4; i++) {
      const headers = { 'x-forwarded-for': `192.0.2.${i}`, 'x-real-ip': `192.0.2.${i}`, forwarded: `for=192.0.2.${i}` }
      expect((await send(port, '/', headers)).status).toBe(200)
    }
    expect((await send(port, '/', { 'x-forwarded-for': '192.0.2.99' })).status).toBe(429)
  })

  describe('a key', () => {
    test('that is not known is an error of the application and not a counter that all share', async () => {
      const limiter = limits()
      const port = await started({ limit: { limiter, names: ['api'] } })
      const answer = await send(port, '/')
      expect([answer.status, problemOf(answer).code]).toEqual([500, 'RATE_KEY_MISSING'])
      expect(answer.headers['ratelimit']).toBeUndefined()
    })

    test('that is none is the mistake of the client', async () => {
      const limiter = limits()
      const port = await started({ limit: { limiter, names: ['api'] } })
      for (const key of ['', secret.repeat(30)]) {
        const answer = await send(port, '/', from(key))
        expect([answer.status, problemOf(answer).code]).toEqual([400, 'RATE_KEY_INVALID'])
      }
    })

    test('function that throws stops the request', async () => {
      const of = (thrown: Error): RateLimiter<Facts> => {
        const key = (): string => {
          throw thrown
        }
        return rateLimiter({
          rules: { api: { limit: 9, window: 9, key, onStoreFailure: 'allow' } },
          store: naiveStore({ clock }),
        })
      }
      const unknown = await started({ limit: { limiter: of(new Error(secret)), names: ['api'] } })
      expect(problemOf(await send(unknown, '/'))).toMatchObject({ type: 'about:blank', status: 500 })
      const known = new SecurityError('TILL_UNKNOWN', secret, { status: 403 })
      const named = await started({ limit: { limiter: of(known), names: ['api'] } })
      expect(problemOf(await send(named, '/'))).toMatchObject({ code: 'TILL_UNKNOWN', status: 403 })
    })
  })

  describe('the fields', () => {
    test('have the names that clients are told, with what a string must escape', async () => {
      const limiter = limits()
      const policyNames = { api: 'the "API" \\ of a, b;q=9' }
      const options = { policyNames }
      const port = await started({
        limit: { limiter, names: ['global'] },
        routes: [{ path: '/in', limit: { limiter, names: ['api'], options } }],
      })
      for (let i = 0; i < 3; i++) {
        const answer = await send(port, '/in', from('a'))
        expect(Object.keys(itemsOf(answer, 'ratelimit'))).toEqual(['global', policyNames.api])
        expect(Object.keys(itemsOf(answer, 'ratelimit-policy'))).toEqual(['global', policyNames.api])
      }
      expect(problemOf(await send(port, '/in', from('a')))['violated-policies']).toEqual([policyNames.api])
    })

    test('can be left out, and a guard without them keeps those of the guard around it', async () => {
      const limiter = limits()
      const options = { fields: false }
      const port = await started({
        limit: { limiter, names: ['global'] },
        routes: [{ path: '/in', limit: { limiter, names: ['api'], options } }],
      })
      for (let i = 0; i < 3; i++) {
        expect(Object.keys(itemsOf(await send(port, '/in', from('a')), 'ratelimit'))).toEqual(['global'])
      }
      const refused = await send(port, '/in', from('a'))
      expect([refused.status, refused.headers['retry-after']]).toEqual([429, '60'])
      expect(Object.keys(itemsOf(refused, 'ratelimit'))).toEqual(['global'])
      const silent = await started({ limit: { limiter, names: ['global'], options } })
      const answer = await send(silent, '/', from('b'))
      expect(Object.keys(answer.headers).filter((name) => /rate/i.test(name))).toEqual([])
    })

    test('of old tell the rule with the least that remains, on request', async () => {
      const limiter = limits()
      const options = { legacy: true, fields: false }
      const port = await started({
        limit: { limiter, names: ['global'], options },
        routes: [{ path: '/' }, { path: '/in', limit: { limiter, names: ['api'] } }],
      })
      const legacy = ({ headers }: Received) =>
        ['limit', 'remaining', 'reset'].map((part) => headers[`x-ratelimit-${part}`])
      expect(legacy(await send(port, '/', from('a')))).toEqual(['6', '5', '900'])
      const inner = await send(port, '/in', from('a'))
      expect([legacy(inner), Object.keys(itemsOf(inner, 'ratelimit'))]).toEqual([['6', '4', '900'], ['api']])
      const both = await started({
        limit: { limiter, names: ['global'], options },
        routes: [{ path: '/in', limit: { limiter, names: ['api'], options } }],
      })
      expect(legacy(await send(both, '/in', from('b')))).toEqual(['3', '2', '60'])
      for (let i = 0; i < 3; i++) await send(both, '/in', from('b'))
      const refused = await send(both, '/in', from('b'))
      expect([refused.status, legacy(refused)]).toEqual([429, ['3', '0', '60']])
    })

    test('tell clients apart by a keyed hash, and never by the key', async () => {
      const limiter = limits()
      const mounted = (start: number) => ({
        limiter,
        names: ['global', 'api'],
        options: { partitionKey: { secret: Uint8Array.from({ length: 16 }, (_, i) => start + i) } },
      })
      const port = await started({ limit: mounted(0) })
      const pkOf = (answer: Received, name: 'ratelimit' | 'ratelimit-policy'): unknown[] =>
        Object.values(itemsOf(answer, name)).map(({ pk }) => Buffer.from(pk as ArrayBuffer).toString('hex'))
      const mine = [await send(port, '/', from(secret)), await send(port, '/', from(secret))]
      const [pks, again] = mine.map((answer) => pkOf(answer, 'ratelimit'))
      expect(pks).toEqual(again)
      expect(pks).toEqual(pkOf(mine[0] as Received, 'ratelimit-policy'))
      expect(new Set(pks).size, 'another one for each rule').toBe(2)
      for (const pk of pks ?? []) expect(pk).toMatch(/^[0-9a-f]{16}$/)
      expect(JSON.stringify(mine)).not.toContain(secret)
      for (const form of ['base64', 'hex'] as const) {
        expect(JSON.stringify(mine)).not.toContain(Buffer.from(secret).toString(form).slice(0, 8))
      }
      expect(pkOf(await send(port, '/', from('b')), 'ratelimit')).not.toEqual(pks)
      const elsewhere = await started({ limit: mounted(100) })
      expect(pkOf(await send(elsewhere, '/', from(secret)), 'ratelimit')).not.toEqual(pks)
    })
  })

  describe('a check in the handler', () => {
    const signIn = (limiter: RateLimiter<Facts>): LimitedApp => ({
      limit: { limiter, names: ['global'] },
      routes: [
        {
          path: '/sign-in',
          handle: async (outer, header) => {
            const facts = { header } as Facts
            const headers = admit(await limiter.check(['sign-in'], facts), { outer })
            return { body: 'welcome', headers: Object.fromEntries(headers) }
          },
        },
      ],
    })

    test('admits with the fields of both, and refuses as a guard does', async () => {
      const port = await started(signIn(limits(later(naiveStore({ clock })))))
      for (const remaining of [1, 0]) {
        const answer = await send(port, '/sign-in', from('a'))
        expect([answer.status, answer.body]).toEqual([200, 'welcome'])
        expect(itemsOf(answer, 'ratelimit')['sign-in']).toEqual({ r: remaining, t: 91 })
        expect(itemsOf(answer, 'ratelimit')['global']).toMatchObject({ t: 900 })
      }
      const refused = await send(port, '/sign-in', from('a'))
      expect([refused.status, refused.headers['retry-after']]).toEqual([429, '91'])
      expect(problemOf(refused)).toMatchObject({ code: 'QUOTA_EXCEEDED', 'violated-policies': ['sign-in'] })
      expect(itemsOf(refused, 'ratelimit')).toEqual({ global: { r: 3, t: 900 }, 'sign-in': { r: 0, t: 91 } })
    })

    test('answers a store that is gone as a guard does', async () => {
      const store = naiveStore({ clock })
      const limiter = limits(store)
      const gone = limits(unreachable())
      const port = await started({ ...signIn(gone), limit: { limiter, names: ['global'] } })
      const refused = await send(port, '/sign-in', from('a'))
      expect([refused.status, refused.headers['retry-after']]).toEqual([503, '1'])
      expect(problemOf(refused).code).toBe('LIMITER_UNAVAILABLE')
    })
  })

  test('a client that leaves while the store thinks is counted, and harms nobody', async () => {
    const rejections = vi.fn<(error: unknown) => void>()
    process.on('unhandledRejection', rejections)
    const store = later(naiveStore({ clock }))
    const held: { release?: () => void } = {}
    const slow: WindowStore = {
      open: (opened) => {
        const windows = store.open(opened)
        const take: OpenWindows['take'] = async (demands) => {
          if (demands[0]?.key === 'slow') await new Promise<void>((resolve) => (held.release = resolve))
          return windows.take(demands)
        }
        return { ...windows, take }
      },
    }
    const limiter = limits(slow)
    const port = await started({ limit: { limiter, names: ['api'] } })
    const socket = connect(port, '127.0.0.1', () => {
      socket.write('GET / HTTP/1.1\r\nHost: shop.example\r\nX-Client: slow\r\n\r\n')
    })
    await vi.waitFor(() => expect(held.release).toBeTypeOf('function'))
    socket.destroy()
    await wait(20)
    held.release?.()
    await wait(20)
    const facts = { header: () => 'slow' } as unknown as Facts
    expect((await limiter.peek(['api'], facts)).rules['api']?.remaining).toBe(2)
    expect((await send(port, '/', from('b'))).status).toBe(200)
    expect(rejections).not.toHaveBeenCalled()
    process.off('unhandledRejection', rejections)
  })

  test(`requests at once on ${framework} pass as often as the limit says`, async () => {
    const limiter = limits(later(naiveStore({ clock })))
    const port = await started({ limit: { limiter, names: ['global'] } })
    const answers = await Promise.all(Array.from({ length: 40 }, () => send(port, '/', from('a'))))
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(6)
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(34)
  })
})

test('what a memory of refusals knows nothing of is not told', async () => {
  const unknown = { admits: true, remaining: 6, retryAfterMs: 0, resetMs: 0, now: 0, receipt: undefined }
  const refused = { ...unknown, admits: false, remaining: 0, retryAfterMs: 700, resetMs: 700 }
  const take: OpenWindows['take'] = () => ({ admitted: false, counters: [unknown, refused], source: 'denyCache' })
  const store: WindowStore = { open: (opened) => ({ ...naiveStore({ clock: settableClock() }).open(opened), take }) }
  const facts = { header: () => 'a' } as unknown as Facts
  const refusal = refusalOf(await rateLimiter({ rules, store }).check(['global', 'api'], facts))
  expect(new Map(refusal?.problem.headers)).toEqual(
    new Map([
      ['Retry-After', '1'],
      ['RateLimit-Policy', '"global";q=6;w=900, "api";q=3;w=60'],
      ['RateLimit', '"api";r=0;t=1'],
    ]),
  )
})

describe('refusalOf', () => {
  test('is nothing for what is allowed, and the error of a refusal otherwise', async () => {
    const limiter = rateLimiter({ rules, store: naiveStore({ clock: settableClock() }) })
    const facts = { header: () => 'a' } as unknown as Facts
    expect(refusalOf(await limiter.check(['sign-in'], facts))).toBeUndefined()
    await limiter.check(['sign-in'], facts)
    const decision = await limiter.check(['sign-in'], facts)
    const refusal = refusalOf(decision, { policyNames: { 'sign-in': 'signing in' }, legacy: true })
    expect(refusal?.code).toBe('QUOTA_EXCEEDED')
    expect(refusal?.problem).toEqual({
      type: 'https://iana.org/assignments/http-problem-types#quota-exceeded',
      title: 'Quota Exceeded',
      members: { 'violated-policies': ['signing in'] },
      headers: [
        ['Retry-After', '91'],
        ['RateLimit-Policy', '"signing in";q=2;w=91'],
        ['RateLimit', '"signing in";r=0;t=91'],
        ['X-RateLimit-Limit', '2'],
        ['X-RateLimit-Remaining', '0'],
        ['X-RateLimit-Reset', '91'],
      ],
    })
    expect(() => admit(decision)).toThrow(expect.objectContaining({ code: 'QUOTA_EXCEEDED', status: 429 }))
    expect(() => admit(decision, { outr: decision } as never)).toThrow("admit: unknown option 'outr'")
  })
})

test('the slot of the decision names the guard', () => {
  expect(limitDecision).toEqual({ as: 'rateLimit' })
  expect(Object.isFrozen(limitDecision)).toBe(true)
})
