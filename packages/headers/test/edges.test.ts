// With the strict policy on the application and the api policy on some routes, each answer carries each header of its policy, exactly once:
// also those that a framework, its plugins or Node itself writes.
import type { CompiledHeaders } from '@mosaajii/headers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ask, parsed, type RawAnswer, type RawRequest, sendRaw } from './support/raw-http.ts'
import { api, frameworks, type RunningShop, secret, startShop, strict } from './support/shops.ts'

const noncePlace = /'nonce-([^']*)'/g
const withoutNonce = (value: string): string => value.replaceAll(noncePlace, "'nonce-'")
const nonceOf = (answer: RawAnswer): string | undefined =>
  noncePlace[Symbol.matchAll](answer.all('content-security-policy').join(' ')).next().value?.[1]

/** `owned`: headers that the handler, or what stands for it, set in its own way. */
function expectHeaders(answer: RawAnswer, compiled: CompiledHeaders, owned: readonly string[] = []): void {
  const pairs = compiled.pairs().filter(([name]) => !owned.includes(name))
  expect(pairs.length).toBeGreaterThanOrEqual(8 - owned.length)
  for (const [name, value] of pairs) {
    expect({ [name]: answer.all(name).map(withoutNonce) }).toEqual({ [name]: [withoutNonce(value)] })
  }
  expect([...answer.all('x-powered-by'), ...answer.all('server')]).toEqual([])
  expect(answer.body).not.toContain(secret)
}

/** What only the other policy has must not be there. */
function expectOnly(answer: RawAnswer, compiled: CompiledHeaders, other: CompiledHeaders): void {
  expectHeaders(answer, compiled)
  const own = new Set(compiled.pairs().map(([name]) => name))
  for (const [name] of other.pairs()) if (!own.has(name)) expect({ [name]: answer.all(name) }).toEqual({ [name]: [] })
}

const json = ['Content-Type: application/json']

describe.each(frameworks)('%s', (framework) => {
  let shop: RunningShop
  const sent = (request: RawRequest) => ask(shop.port, request)
  beforeAll(async () => {
    shop = await startShop(framework)
  })
  afterAll(() => shop.close())

  test.each<[what: string, status: number, request: RawRequest]>([
    ['a page', 200, { target: '/' }],
    ['HEAD', 200, { method: 'HEAD', target: '/' }],
    ['404', 404, { target: '/nothing' }],
    ['404 to HEAD', 404, { method: 'HEAD', target: '/nothing' }],
    ['404 to POST', 404, { method: 'POST', target: '/nothing', headers: json, body: '{}' }],
    ['404 below a parameter', 404, { target: '/items/7/8' }],
    ['a method that no route has', 404, { method: 'DELETE', target: '/json' }],
    ['a throw', 500, { target: '/thrown' }],
    ['a throw to HEAD', 500, { method: 'HEAD', target: '/thrown' }],
    ['a rejection', 500, { target: '/rejected' }],
    ['good JSON', 200, { method: 'POST', target: '/json', headers: json, body: '{"a":1}' }],
    ['bad JSON', 400, { method: 'POST', target: '/json', headers: json, body: '{"a":' }],
    ['a redirect', 302, { target: '/redirect' }],
    ['a file', 200, { target: '/static/a.txt' }],
    ['a file to HEAD', 200, { method: 'HEAD', target: '/static/a.txt' }],
    ['a file that is not there', 404, { target: '/static/b.txt' }],
    ['a folder, for which static files redirect', 404, { target: '/static/docs' }],
    ['a folder with a slash', 404, { target: '/static/docs/' }],
    ['a way out of the folder', 404, { target: '/static/%2e%2e%2f%2e%2e%2fetc/passwd' }],
    ['an entity', 200, { target: '/cached' }],
    ['304', 304, { target: '/cached', headers: ['If-None-Match: "shelf-1"'] }],
    ['a stream', 200, { target: '/stream' }],
    ['a response by hand', 200, { target: '/hijacked' }],
    ['a parameter', 200, { target: '/items/%C3%A4' }],
    ['a missing Host', 400, { host: null }],
    ['an empty Host', 400, { host: '' }],
    ['a bad Host', 400, { host: 'shop.example/x@y' }],
    ['a bad Host with a space', 400, { host: 'shop example' }],
    ['an unknown Host', 400, { host: 'evil.example' }],
    ['an unknown Host on no route', 400, { host: 'evil.example', target: '/nothing' }],
    ['a report of the wrong type', 415, { method: 'POST', target: '/csp-reports', headers: json, body: '{}' }],
    ['an absolute target', 200, { target: 'http://shop.example/' }],
    ['an absolute target for an unknown host, behind a known Host', 400, { target: 'http://evil.example/' }],
  ])('%s: %i', async (_what, status, request) => {
    const answer = await sent(request)
    expect(answer.status).toBe(status)
    expectHeaders(answer, strict)
    if (request.method === 'HEAD' || status === 304) expect(answer.body).toBe('')
  })

  // Each framework has its own word for a URL that does not decode; none may be without headers.
  test.each([
    ['a malformed URL', '/%E0%A4%A'],
    ['a malformed URL on static files', '/static/%E0%A4%A'],
    ['a bad path parameter', '/items/%E0%A4%A'],
    ['a lone percent sign', '/items/%'],
    ['a zero byte', '/static/a.txt%00'],
    ['a very long parameter', `/items/${'a'.repeat(3000)}`],
    ['OPTIONS *', '*', 'OPTIONS'],
  ])('%s', async (_what, target, method = 'GET') => {
    const answer = await sent({ target, method })
    expect([200, 400, 403, 404, 414]).toContain(answer.status)
    expectHeaders(answer, strict)
  })

  test.each([
    ['no HTTP', 'GARBAGE\r\n\r\n', 400],
    ['a bad header', 'GET / HTTP/1.1\r\nHost: shop.example\r\nBad Header: 1\r\n\r\n', 400],
    ['two lengths', 'POST / HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab', 400],
    ['too large headers', `GET / HTTP/1.1\r\nHost: shop.example\r\nX: ${'a'.repeat(5000)}\r\n\r\n`, 431],
  ])('%s, which Node refuses itself', async (_what, text, status) => {
    const answer = parsed(await sendRaw(shop.port, text))
    expect(answer.status).toBe(status)
    expectHeaders(answer, strict)
  })

  test('the nonce of the header is that of the page, and another one for each request', async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => sent({ target: '/' })))
    for (const answer of answers) expect(answer.body).toContain(`nonce="${nonceOf(answer)}"`)
    expect(new Set(answers.map(nonceOf)).size).toBe(20)
  })

  test('an error has a nonce of its own request as well', async () => {
    const answers = await Promise.all(['/nothing', '/thrown', '/items/%'].map((target) => sent({ target })))
    expect(new Set(answers.map(nonceOf)).size).toBe(3)
    for (const answer of answers) expect(nonceOf(answer)).toMatch(/^[A-Za-z0-9+/]{24}$/)
  })

  test('the policy of a route replaces that of the application, also when the route throws', async () => {
    expectOnly(await sent({ target: '/api/stock' }), api, strict)
    const thrown = await sent({ target: '/api/thrown' })
    expect(thrown.status).toBe(500)
    expectOnly(thrown, api, strict)
  })

  test('an inner policy keeps the nonce of the outer one', async () => {
    const answer = await sent({ target: '/api/nonce' })
    expectHeaders(answer, strict)
    expect(answer.body).toContain(`nonce="${nonceOf(answer)}"`)
  })

  test('no-store is on pages only, and gives way to what the handler says', async () => {
    const cacheControl = async (target: string) => (await sent({ target })).all('cache-control')
    expect(await cacheControl('/')).toEqual(['no-store'])
    expect(await cacheControl('/stream')).toEqual(['no-store'])
    expect(await cacheControl('/text')).toEqual([])
    expect(await cacheControl('/hijacked')).toEqual([])
    expect(await cacheControl('/own')).toEqual(['max-age=60'])
    expect(await cacheControl('/api/stock')).toEqual(['no-store'])
  })

  test('a header that the handler sets wins, but not one that names the server', async () => {
    const answer = await sent({ target: '/own' })
    expectHeaders(answer, strict, ['x-frame-options'])
    expect(answer.all('x-frame-options')).toEqual(['SAMEORIGIN'])
  })

  test('problems are problems', async () => {
    for (const target of ['/nothing', '/thrown', '/static/b.txt']) {
      const answer = await sent({ target })
      expect(answer.all('content-type')).toEqual(['application/problem+json'])
      expect(JSON.parse(answer.body)).toMatchObject({ status: answer.status })
    }
  })
})
