import { expect, test } from 'vitest'
import { discardEvents } from '@mosaajii/core'
import { admit, type RateLimitError } from '@mosaajii/ratelimit'
import type { LimitsView } from '../src/http/limits-view.ts'
import { openLimits } from '../src/limits.ts'
import { insideTarget, seed } from '../src/seed.ts'
import type { RawAnswer } from './support/client.ts'
import { adminToken, onEachFramework, type TestShop } from './support/test-shop.ts'

const manual = { global: 1000, api: 100 }

/** What `RateLimit` says of a policy. */
function remaining({ headers }: RawAnswer, policy: string): number {
  const [, r] = new RegExp(`"${policy}";r=(\\d+)`).exec(String(headers['ratelimit'])) ?? []
  return Number(r)
}

function codeOf({ headers, text }: RawAnswer): unknown {
  expect(headers['content-type']).toBe('application/problem+json')
  return (JSON.parse(text) as { code?: string }).code
}

async function statuses(shop: TestShop, count: number, path: string): Promise<Record<number, number>> {
  const seen: Record<number, number> = {}
  for (let i = 0; i < count; i++) {
    const { status } = await shop.send({ path })
    seen[status] = (seen[status] ?? 0) + 1
  }
  return seen
}

onEachFramework((openTestShop) => {
  test('the API takes 100 requests a minute, and the pages stay open', async () => {
    const shop = await openTestShop({ limits: manual })
    expect(await statuses(shop, 101, '/customers?limit=1')).toEqual({ 200: 100, 429: 1 })
    const refused = await shop.send({ path: '/receipts' })
    expect([refused.status, codeOf(refused)]).toEqual([429, 'QUOTA_EXCEEDED'])
    expect(JSON.parse(refused.text)).toMatchObject({
      type: 'https://iana.org/assignments/http-problem-types#quota-exceeded',
      'violated-policies': ['api'],
    })
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(30)
    expect(refused.headers['ratelimit-policy']).toBe('"global";q=1000;w=900, "api";q=100;w=60')
    // The headers of the API are on it as on every answer.
    expect(refused.headers['content-security-policy']).toContain(`default-src 'none'`)
    for (const path of ['/', '/reports', '/limits', '/assets/shop.js']) {
      expect((await shop.send({ path })).status).toBe(200)
    }
  })

  test('everything counts, whatever becomes of it', async () => {
    const shop = await openTestShop({ limits: { global: 9, api: 100 } })
    const requests = [
      { path: '/' },
      { path: '/nothing' },
      { path: '/', headers: { host: 'evil.example' } },
      { path: '/', method: 'POST', headers: { 'sec-fetch-site': 'cross-site' } },
      { path: '/csp-reports', method: 'POST' },
      { path: '/assets/shop.js' },
      { path: '/customers', method: 'OPTIONS' },
      { path: '/admin/keys' },
      { path: '/', method: 'HEAD' },
    ]
    for (const [i, request] of requests.entries()) {
      expect([request.path, remaining(await shop.send(request), 'global')]).toEqual([request.path, 8 - i])
    }
    for (const request of requests) expect((await shop.send(request)).status).toBe(429)
  })

  test('after five wrong tokens the right one is refused too', async () => {
    const shop = await openTestShop({ limits: manual })
    const ask = (token: string) => shop.send({ path: '/admin/keys', headers: { 'x-admin-token': token } })
    for (let i = 0; i < 5; i++) {
      // A right one costs nothing, and forgives nothing.
      for (let j = 0; j < 3; j++) expect((await ask(adminToken)).status).toBe(200)
      expect(codeOf(await ask(`guess ${i}`))).toBe('ADMIN_TOKEN_WRONG')
    }
    for (const token of ['guess 5', adminToken]) {
      const refused = await ask(token)
      expect([refused.status, codeOf(refused)]).toEqual([429, 'QUOTA_EXCEEDED'])
      expect(JSON.parse(refused.text)).toMatchObject({ 'violated-policies': ['authentication'] })
      expect(Number(refused.headers['retry-after'])).toBeGreaterThan(800)
      expect([remaining(refused, 'authentication'), remaining(refused, 'global') > 900]).toEqual([0, true])
    }
    const headers = { 'content-type': 'application/x-www-form-urlencoded' }
    const form = await shop.send({ method: 'POST', path: '/admin/rotate', headers, body: 'token=x' })
    expect([form.status, codeOf(form)]).toEqual([429, 'QUOTA_EXCEEDED'])
    expect((await shop.shop.keys.use()).length).toBe(2)
  })

  test('wrong tokens that come at once are no more', async () => {
    const shop = await openTestShop({ limits: manual })
    const guess = (i: number) => shop.send({ path: '/admin/keys', headers: { 'x-admin-token': `guess ${i}` } })
    const answers = await Promise.all(Array.from({ length: 30 }, (_, i) => guess(i)))
    expect(answers.filter(({ status }) => status === 403)).toHaveLength(5)
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(25)
  })

  test('the page shows how far the limits are, and /limits tells its script', async () => {
    const shop = await openTestShop({ limits: manual })
    await shop.send({ path: '/admin/keys', headers: { 'x-admin-token': 'wrong' } })
    const { text } = await shop.send({ path: '/' })
    expect(text).toMatch(/data-rule="global">[^]*?aria-label="2 of 1000"/)
    expect(text).toMatch(/data-rule="api">[^]*?aria-label="1 of 100"/)
    expect(text).toMatch(/data-rule="authentication">[^]*?aria-label="1 of 5"/)
    expect(text).toContain('Counted in memory')
    const { json } = await shop.ask<LimitsView>('GET', '/limits')
    expect(json.rules.map(({ name, limit, remaining }) => [name, limit, remaining])).toEqual([
      ['global', 1000, 997],
      ['api', 100, 99],
      ['authentication', 5, 4],
    ])
    expect(json).toMatchObject({ store: 'memory', refused: 0 })
  })

  test('refusals are told, by an event and on the page', async () => {
    const shop = await openTestShop({ limits: { global: 1000, api: 1 } })
    for (let i = 0; i < 4; i++) await shop.send({ path: '/customers' })
    await shop.send({ path: '/nothing' })
    expect(shop.events.named('ratelimit.refused')[0]?.data).toMatchObject({ rule: 'api', source: 'store' })
    expect((await shop.ask<LimitsView>('GET', '/limits')).json.refused).toBe(3)
    expect((await shop.send({ path: '/' })).text).toContain('<strong data-refused>3</strong>')
    expect(JSON.stringify(shop.events.events)).not.toContain('127.0.0.1')
  })

  test('the seed needs no leave of the limits, and gives none', async () => {
    const shop = await openTestShop({ limits: { global: 3, api: 2 } })
    const { customers, payments } = await seed({ target: insideTarget(shop.shop), customers: 250, payments: 3 })
    expect([customers.length, payments.length, await shop.shop.customers.count()]).toEqual([250, 3, 250])
    expect(await statuses(shop, 3, '/customers')).toEqual({ 200: 2, 429: 1 })
  })
})

test('a refused attempt is not verified, and says what else the request has left', async () => {
  const limits = await openLimits({ limits: { global: 5, api: 5 }, events: discardEvents() })
  const caller = { address: '192.0.2.7' }
  const outer = await limits.limiter.check(['global'], caller)
  admit(outer)
  let verified = 0
  const wrong = (): void => {
    verified++
    throw new Error('wrong')
  }
  for (let i = 0; i < 5; i++) await expect(limits.attempt(caller, outer, wrong)).rejects.toThrow('wrong')
  const refused = await limits.attempt(caller, outer, wrong).catch((error: RateLimitError) => error)
  expect([verified, refused]).toMatchObject([5, { code: 'QUOTA_EXCEEDED', status: 429 }])
  expect(JSON.stringify(refused)).toMatch(/global.*authentication/)
  // Another address has tries of its own.
  await limits.attempt({ address: '192.0.2.8' }, outer, () => undefined)
})
