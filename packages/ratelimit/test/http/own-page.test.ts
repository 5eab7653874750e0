// What an error handler of the application's own gets to know of a refusal, and what nobody gets to know from its error.
import { inspect } from 'node:util'
import { type Facts, SecurityError, toProblem } from '@mosaajii/core'
import { settableClock } from '@mosaajii/core/testing'
import {
  admit,
  isRateLimitRefusal,
  limitGuard,
  memoryStore,
  rateLimiter,
  type RateLimitRefusal,
  refusalOf,
  type WindowStore,
} from '@mosaajii/ratelimit'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { frameworks, type Running, send } from '../support/limited-app.ts'
import { naiveStore } from '../support/naive-store.ts'

const subject = 'ada-of-till-3'
const key = (facts: Facts): string | undefined => facts.header('x-client')
const rules = {
  global: { limit: 9, window: '15m', key, onStoreFailure: 'deny' },
  api: { limit: 1, window: '1m', key, onStoreFailure: 'deny' },
} as const
const store = (): WindowStore => naiveStore({ clock: settableClock() })
const facts: Facts = {
  method: 'GET',
  target: '/',
  address: '192.0.2.77',
  header: (name) => (name === 'x-client' ? subject : undefined),
  get: () => undefined,
}

function gone(): WindowStore {
  const fail = (): never => {
    throw new Error('no route to host')
  }
  return { open: () => ({ take: fail, peek: fail, penalize: fail, refund: fail, reset: fail, block: fail }) }
}

const running: Running[] = []
afterEach(async () => {
  for (const server of running.splice(0)) await server.close()
})

describe.each(frameworks)('a page of its own on %s', (_, start) => {
  const ownPage = ({ decision, code }: RateLimitRefusal): string =>
    `<h1>${code}: ${decision.violated.join()} ${decision.retryAfterMs}</h1>`

  async function started(limited: WindowStore, checked: WindowStore = limited): Promise<number> {
    const limiter = rateLimiter({ rules, store: limited })
    const other = checked === limited ? limiter : rateLimiter({ rules, store: checked })
    const server = await start({
      limit: { limiter, names: ['global'] },
      ownPage,
      routes: [
        { path: '/guarded', limit: { limiter, names: ['api'] } },
        {
          path: '/checked',
          handle: async (outer, header) => {
            admit(await other.check(['api'], { ...facts, header }), { outer })
            return { body: 'welcome' }
          },
        },
        { path: '/failing', handle: () => Promise.reject(new SecurityError('QUOTA_EXCEEDED', 'of another', {})) },
      ],
    })
    running.push(server)
    return server.port
  }

  test.each(['/guarded', '/checked'])('has the decision and the headers of a refusal at %s', async (path) => {
    const port = await started(store())
    const headers = { 'x-client': 'a' }
    expect((await send(port, path, headers)).status).toBe(200)
    const refused = await send(port, path, headers)
    expect(refused).toMatchObject({ status: 429, body: '<h1>QUOTA_EXCEEDED: api 60000</h1>' })
    expect(refused.headers['content-type']).toContain('text/html')
    expect(refused.headers['retry-after']).toBe('60')
    expect(refused.headers['ratelimit']).toBe('"global";r=7;t=900, "api";r=0;t=60')
  })

  test('has the decision of a store that is gone, and leaves other errors alone', async () => {
    const port = await started(store(), gone())
    const headers = { 'x-client': 'a' }
    const refused = await send(port, '/checked', headers)
    expect(refused).toMatchObject({ status: 503, body: '<h1>LIMITER_UNAVAILABLE:  null</h1>' })
    expect(refused.headers['retry-after']).toBe('1')
    const failed = await send(port, '/failing', headers)
    expect(failed.status).toBe(500)
    expect(failed.headers['content-type']).toBe('application/problem+json')
  })
})

async function refusedBy(kept: WindowStore): Promise<{ error: Error; thrown: unknown }> {
  const limiter = rateLimiter({ rules, store: kept })
  const guard = limitGuard(limiter, ['api'])
  await guard.check(facts)
  const verdict = await guard.check(facts)
  if (verdict.pass) throw new Error('it passed')
  const decision = await limiter.check(['api'], facts)
  let thrown: unknown
  try {
    admit(decision)
  } catch (error) {
    thrown = error
  }
  return { error: verdict.error, thrown }
}

describe.each([
  ['that is full', memoryStore, 429],
  ['that is gone', gone, 503],
] as const)('the error of a limit %s', (_, kept, status) => {
  test('has the decision, and shows neither it nor a subject where it is printed', async () => {
    const { error, thrown } = await refusedBy(kept())
    for (const refusal of [error, thrown]) {
      if (!isRateLimitRefusal(refusal)) throw new Error('no refusal')
      expect(refusal).toMatchObject({ status, decision: { allowed: false } })
      expect(refusal.decision.rules['api']).toMatchObject({ limit: 1, remaining: 0 })
      expect(Object.keys(refusal)).not.toContain('decision')
      for (const shown of [JSON.stringify(refusal), inspect(refusal, { depth: 9 }), JSON.stringify({ ...refusal })]) {
        expect(shown).toContain(refusal.code)
        expect(shown).not.toContain('decision')
      }
      // Even who asks for the decision, or for all that is hidden, finds no subject in it.
      for (const shown of [JSON.stringify(refusal.decision), inspect(refusal, { showHidden: true, depth: 9 })]) {
        expect(shown).toContain('allowed')
        expect(shown).not.toContain(subject)
        expect(shown).not.toContain('192.0.2.77')
      }
      expect(JSON.stringify(toProblem(refusal))).not.toContain('allowed')
    }
  })
})

describe('isRateLimitRefusal', () => {
  const limiter = rateLimiter({ rules, store: store() })

  test.each([
    ['nothing', undefined],
    ['an error', new Error('QUOTA_EXCEEDED')],
    ['an error with the code', Object.assign(new Error('x'), { code: 'QUOTA_EXCEEDED', decision: { allowed: false } })],
    ['an error of the application', new SecurityError('QUOTA_EXCEEDED', 'of stock', { status: 429 })],
    ['one that allows', Object.assign(new SecurityError('QUOTA_EXCEEDED', 'x'), { decision: { allowed: true } })],
    [
      'one whose fields throw',
      Object.defineProperty(new SecurityError('QUOTA_EXCEEDED', 'x'), 'decision', {
        get: () => {
          throw new Error('decision')
        },
      }),
    ],
  ])('is false for %s', (_, value) => {
    expect(isRateLimitRefusal(value)).toBe(false)
  })

  test('knows the refusals of another copy of the package', async () => {
    vi.resetModules()
    const other = await import('@mosaajii/ratelimit')
    expect(other.rateLimiter).not.toBe(rateLimiter)
    await limiter.check(['api'], facts)
    const mine = refusalOf(await limiter.check(['api'], facts))
    const there = other.rateLimiter({ rules, store: gone() })
    const theirs = other.refusalOf(await there.check(['api'], facts))
    expect(theirs).not.toBeInstanceOf(SecurityError)
    expect([mine, theirs].map((error) => [isRateLimitRefusal(error), other.isRateLimitRefusal(error)])).toEqual([
      [true, true],
      [true, true],
    ])
  })
})
