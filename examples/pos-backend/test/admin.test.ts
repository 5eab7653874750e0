import { describe, expect, test } from 'vitest'
import type { Customer } from '../src/domain/customers.ts'
import type { KeyUse } from '../src/domain/keys.ts'
import type { RawAnswer } from './support/client.ts'
import { adminToken, onEachFramework, openTestShop, type TestShop, until } from './support/test-shop.ts'

const headers = { 'x-admin-token': adminToken }

/** Short enough to wait for a rotation, long enough that a busy machine still refreshes in time. */
const refresh = '1s'

async function fill(shop: TestShop, count: number, name = 'Ada'): Promise<void> {
  const customers = Array.from({ length: count }, (_, i) => ({
    name: `${name} ${i}`,
    email: `${name}${i}@example.com`,
  }))
  expect((await shop.ask('POST', '/customers/import', { customers })).status).toBe(201)
}

async function key(shop: TestShop, purpose: 'data' | 'index', version: number): Promise<KeyUse | undefined> {
  return (await shop.shop.keys.use()).find((each) => each.purpose === purpose && each.version === version)
}

async function rotate(shop: TestShop, purpose: 'data' | 'index'): Promise<void> {
  expect((await shop.ask('POST', '/admin/rotate', { purpose }, headers)).status).toBe(202)
  await until('key 2 is active', async () => (await key(shop, purpose, 2))?.state === 'active')
}

function postForm(shop: TestShop, path: string, fields: Record<string, string>, cookie?: string): Promise<RawAnswer> {
  return shop.send({
    method: 'POST',
    path,
    headers: { 'content-type': 'application/x-www-form-urlencoded', ...(cookie !== undefined && { cookie }) },
    body: new URLSearchParams(fields).toString(),
  })
}

/** Opens the page as a new browser does. */
async function openPage(shop: TestShop): Promise<{ cookie: string; token: string }> {
  const { headers, text } = await shop.send({ path: '/' })
  const [cookie = ''] = headers['set-cookie']?.[0]?.split(';') ?? []
  const [, token = ''] = /name="token" value="([^"]+)"/.exec(text) ?? []
  expect(token).toMatch(/^[A-Za-z0-9_-]{43}$/)
  return { cookie, token }
}

onEachFramework((openTestShop) => {
  describe('the admin routes', () => {
    test.each(['/admin/rotate', '/admin/reencrypt', '/admin/destroy'])('%s wants the token', async (path) => {
      const shop = await openTestShop()
      for (const wrong of [
        {},
        { 'x-admin-token': '' },
        { 'x-admin-token': 'wrong' },
        { 'x-admin-token': `${adminToken} x` },
      ]) {
        const { status, json } = await shop.ask('POST', path, { version: 1 }, wrong)
        expect([status, json.code]).toEqual([403, 'ADMIN_TOKEN_WRONG'])
      }
      expect((await shop.shop.keys.use()).length).toBe(2)
    })

    test('that only read want the token too', async () => {
      const shop = await openTestShop()
      for (const path of ['/admin/keys', '/admin/reencrypt']) {
        expect((await shop.ask('GET', path)).status).toBe(403)
        expect((await shop.ask('GET', path, undefined, headers)).status).toBe(200)
      }
    })

    test('take a form of the page and lead back to it', async () => {
      const shop = await openTestShop()
      const { cookie, token } = await openPage(shop)
      const answer = await postForm(shop, '/admin/rotate', { token }, cookie)
      expect([answer.status, answer.headers.location]).toEqual([303, '/'])
      expect((await key(shop, 'data', 2))?.state).toBe('pending')
      const refused = await postForm(shop, '/admin/destroy', { token, version: '1' }, cookie)
      expect(refused.headers.location).toBe('/?refused=KEY_DESTRUCTION_REFUSED')
    })

    test.each(['/admin/rotate', '/admin/reencrypt', '/admin/destroy'])(
      '%s takes a form only with the token of its own cookie',
      async (path) => {
        const shop = await openTestShop()
        const [mine, other] = [await openPage(shop), await openPage(shop)]
        expect(mine.token).not.toBe(other.token)
        const wrong: [Record<string, string>, string?][] = [
          [{}, mine.cookie],
          [{ token: '' }, mine.cookie],
          [{ token: adminToken }, mine.cookie],
          [{ token: `${mine.token}x` }, mine.cookie],
          [{ token: other.token }, mine.cookie],
          [{ token: mine.token }, other.cookie],
          [{ token: mine.token }],
          [{ token: mine.token }, 'shop='],
          [{ token: mine.token }, `x${mine.cookie}`],
          [{ token: mine.token }, `\u00a0${mine.cookie}`],
          [{ token: other.token }, `\u00a0${other.cookie}; ${mine.cookie}`],
          [{ token: mine.token }, `${mine.cookie}; ${other.cookie}`],
        ]
        for (const [fields, cookie] of wrong) {
          // These are more than the limit of wrong tokens, which is another test's.
          await shop.limits.limiter.reset(['authentication'], { address: '127.0.0.1' })
          const { status, text } = await postForm(shop, path, { version: '1', ...fields }, cookie)
          expect([status, JSON.parse(text)]).toMatchObject([403, { code: 'FORM_TOKEN_WRONG' }])
        }
        expect((await shop.shop.keys.use()).map(({ state }) => state)).toEqual(['active', 'active'])
        expect(shop.shop.reencryption.status().state).toBe('idle')
      },
    )

    test.each([{ purpose: 'other' }, { version: 0 }, { version: 1.5 }, { version: '1' }, {}])(
      'refuse %j',
      async (input) => {
        const shop = await openTestShop()
        expect((await shop.ask('POST', '/admin/destroy', input, headers)).json.code).toBe('INPUT_INVALID')
      },
    )
  })
})

// These wait for keys and hardly for HTTP, so each runs on one framework; the tour makes a whole rotation on all of them.
describe('a rotation', () => {
  test.each([
    ['data', 'express'],
    ['index', 'fastify'],
  ] as const)('of the %s key moves every row, and then the old key can go (on %s)', async (purpose, framework) => {
    const shop = await openTestShop(framework, { refresh })
    await fill(shop, 30)
    await rotate(shop, purpose)
    expect([(await key(shop, purpose, 1))?.rows, (await key(shop, purpose, 2))?.rows]).toEqual([30, 0])
    const destroy = () =>
      shop.ask<KeyUse & { code?: string }>('POST', '/admin/destroy', { purpose, version: 1 }, headers)
    expect((await destroy()).json).toMatchObject({ code: 'KEY_IN_USE', facts: { rows: 30 } })
    expect((await shop.ask('POST', '/admin/reencrypt', {}, headers)).status).toBe(202)
    await until('it is done', () => shop.shop.reencryption.status().state === 'done')
    expect(shop.shop.reencryption.status().tables.customers).toMatchObject({
      rewritten: 30,
      unreadable: 0,
      done: true,
    })
    expect([(await key(shop, purpose, 1))?.rows, (await key(shop, purpose, 2))?.rows]).toEqual([0, 30])
    await until('it is old enough', async () => (await destroy()).status === 202)
    expect((await key(shop, purpose, 1))?.state).toBe('destroyed')
    const { json } = await shop.ask<{ items: Customer[] }>('POST', '/customers/search', {
      email: 'ADA7@example.com',
    })
    expect(json.items.map(({ name }) => name)).toEqual(['Ada 7'])
  })

  test('counts a row under the oldest of its keys', async () => {
    const shop = await openTestShop('hono', { refresh })
    await fill(shop, 1)
    await rotate(shop, 'data')
    const [row] = shop.sql<{ id: string }>('select id from customers')
    await shop.ask('PATCH', `/customers/${row?.id}`, { phone: '+999100200300' })
    expect([(await key(shop, 'data', 1))?.rows, (await key(shop, 'data', 2))?.rows]).toEqual([1, 0])
  })
})

test('one re-encryption runs at a time, and one that was stopped goes on', async () => {
  const shop = await openTestShop('hono', { refresh })
  await fill(shop, 100)
  await fill(shop, 100, 'Bea')
  await rotate(shop, 'data')
  expect((await shop.ask('POST', '/admin/reencrypt', {}, headers)).status).toBe(202)
  expect((await shop.ask('POST', '/admin/reencrypt', {}, headers)).json.code).toBe('REENCRYPTION_RUNNING')
  await until('some rows are done', () => (shop.shop.reencryption.status().tables.customers?.rewritten ?? 0) > 0)
  await shop.shop.reencryption.stop()
  expect(shop.shop.reencryption.status().state).toBe('stopped')
  expect((await key(shop, 'data', 1))?.rows).toBeGreaterThan(0)
  await shop.ask('POST', '/admin/reencrypt', {}, headers)
  await until('it is done', () => shop.shop.reencryption.status().state !== 'running')
  expect(shop.shop.reencryption.status()).toMatchObject({ state: 'done', resumed: true })
  expect((await key(shop, 'data', 1))?.rows).toBe(0)
  expect(await shop.shop.reencryption.interrupted()).toBe(false)
})
