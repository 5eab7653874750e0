import { createHash } from 'node:crypto'
import { expect, onTestFinished, test, vi } from 'vitest'
import { leave, type RawAnswer, type RawRequest, rawExchange } from './support/client.ts'
import { adminToken, onEachFramework, type TestShop } from './support/test-shop.ts'

const form = { 'content-type': 'application/x-www-form-urlencoded' }
const json = { 'content-type': 'application/json' }

function policyOf({ headers }: RawAnswer): Map<string, string> {
  const policy = String(headers['content-security-policy'])
  return new Map(policy.split(';').map((part) => [part.trim().split(' ', 1)[0] ?? '', part.trim()]))
}

function nonceOf(answer: RawAnswer): string {
  return /'nonce-([^']+)'/.exec(policyOf(answer).get('script-src') ?? '')?.[1] ?? ''
}

function codeOf({ status, headers, text }: RawAnswer): [number, unknown] {
  expect(headers['content-type']).toBe('application/problem+json')
  return [status, (JSON.parse(text) as { code?: string }).code]
}

onEachFramework((openTestShop) => {
  test.each(['/', '/reports', '/reports/try', '/?after=x'])(
    '%s is no page without the policy of pages',
    async (path) => {
      const shop = await openTestShop()
      const answer = await shop.send({ path })
      const policy = policyOf(answer)
      expect(policy.get('default-src')).toBe(`default-src 'none'`)
      expect(policy.get('frame-ancestors')).toBe(`frame-ancestors 'none'`)
      expect(policy.get('base-uri')).toBe(`base-uri 'none'`)
      expect(policy.get('report-uri')).toBe('report-uri /csp-reports')
      expect(policy.get('require-trusted-types-for')).toBe(`require-trusted-types-for 'script'`)
      expect(answer.headers).toMatchObject({ 'x-content-type-options': 'nosniff', 'cache-control': 'no-store' })
    },
  )

  test('the style and the script of a page carry the nonce of their answer, and each answer has another', async () => {
    const shop = await openTestShop()
    const answers = [await shop.send({ path: '/' }), await shop.send({ path: '/' })]
    const nonces = answers.map(nonceOf)
    expect(new Set(nonces).size).toBe(2)
    for (const [i, { text }] of answers.entries()) {
      const marked = text.match(/<(style|script) nonce="[^"]+"/g)
      expect(marked).toEqual([`<style nonce="${nonces[i]}"`, `<script nonce="${nonces[i]}"`])
      // The policy blocks these, so they would only break the page.
      expect(text).not.toMatch(/ style="| on\w+="|<script>|<style>/)
    }
  })

  test('the script is what its digest says, and makes no HTML', async () => {
    const shop = await openTestShop()
    const page = await shop.send({ path: '/' })
    const [, src = '', integrity] =
      /<script nonce="[^"]+" src="([^"]+)" integrity="([^"]+)" defer>/.exec(page.text) ?? []
    const script = await shop.send({ path: src })
    expect([script.status, script.headers['content-type']]).toEqual([200, 'text/javascript; charset=utf-8'])
    expect(integrity).toBe(`sha384-${createHash('sha384').update(script.text).digest('base64')}`)
    expect(script.text).not.toMatch(/innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval|Function/)
  })

  test('the API has the policy of an API, which lets nothing be loaded', async () => {
    const shop = await openTestShop()
    const answer = await shop.send({ path: '/customers' })
    expect([...policyOf(answer).values()]).toEqual(
      expect.arrayContaining([`default-src 'none'`, `frame-ancestors 'none'`]),
    )
    expect([...policyOf(answer).keys()]).not.toContain('script-src')
    expect(answer.headers['cache-control']).toBe('no-store')
  })

  test('every answer carries the headers, whatever it is', async () => {
    const shop = await openTestShop()
    const requests: [number, RawRequest][] = [
      [200, { path: '/' }],
      [200, { method: 'HEAD', path: '/' }],
      [200, { path: '/assets/shop.js' }],
      [200, { path: '/assets/icon.svg' }],
      [201, { method: 'POST', path: '/customers', headers: json, body: '{"name":"Ada","email":"ada@example.com"}' }],
      [400, { method: 'POST', path: '/customers', headers: json, body: '{' }],
      [400, { path: '/', headers: { host: 'evil.example' } }],
      [400, { path: '/', headers: { host: 'a b' } }],
      [403, { path: '/admin/keys' }],
      [403, { method: 'POST', path: '/', headers: { ...form, 'sec-fetch-site': 'cross-site' }, body: 'email=a' }],
      [404, { path: '/nothing' }],
      [404, { method: 'DELETE', path: '/customers' }],
      [413, { method: 'POST', path: '/customers', headers: json, body: ' '.repeat(70_000) }],
      [415, { method: 'POST', path: '/customers', headers: { 'content-type': 'nonsense' }, body: '{}' }],
      [415, { method: 'POST', path: '/csp-reports', headers: json, body: '{}' }],
      [422, { path: '/?after=x' }],
    ]
    for (const [status, request] of requests) {
      const answer = await shop.send(request)
      expect([request.path, answer.status]).toEqual([request.path, status])
      expect(policyOf(answer).get('frame-ancestors')).toBe(`frame-ancestors 'none'`)
      expect(answer.headers['x-content-type-options']).toBe('nosniff')
      expect(answer.headers['x-powered-by'] ?? answer.headers['server']).toBeUndefined()
      if (status >= 400) expect(answer.headers['content-type']).toBe('application/problem+json')
    }
    shop.sql('drop table customers')
    const broken = await shop.send({ path: '/' })
    expect([broken.status, policyOf(broken).has('frame-ancestors')]).toEqual([500, true])
  })

  test.each([
    ['is no HTTP', 'nonsense\r\n\r\n', '400'],
    ['names no host', 'GET / HTTP/1.1\r\nConnection: close\r\n\r\n', '400'],
    ['expects the unknown', 'GET / HTTP/1.1\r\nHost: localhost\r\nExpect: x\r\nConnection: close\r\n\r\n', '417'],
    ['has too many headers', `GET / HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`, '431'],
    [
      'has an address that does not decode',
      'GET /customers/%zz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n',
      '40',
    ],
  ])('what %s is answered with the headers too', async (_, bytes, status) => {
    const { port } = await openTestShop()
    const answer = await rawExchange(port, bytes)
    expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status}`))
    expect(answer.toLowerCase()).toContain('content-security-policy: ')
    expect(answer).toContain('application/problem+json')
  })

  test('a client that leaves in the middle of its body is no error of the program', async () => {
    const shop = await openTestShop()
    const logged = vi.spyOn(console, 'error').mockImplementation(() => undefined)
    onTestFinished(() => logged.mockRestore())
    await leave(
      shop.port,
      'POST /customers HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{',
    )
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect(logged).not.toHaveBeenCalled()
    expect((await shop.send({ path: '/customers' })).status).toBe(200)
  })

  test('a connection still serves after a body that was too large', async () => {
    const shop = await openTestShop()
    const refused = await shop.send({ method: 'POST', path: '/customers', headers: json, body: ' '.repeat(300_000) })
    expect(codeOf(refused)).toEqual([413, 'BODY_TOO_LARGE'])
    expect((await shop.send({ path: '/customers' })).status).toBe(200)
  })
})

onEachFramework((openTestShop) => {
  const crossSite = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' }

  /** Everything that a request of the page has, so that only what the browser says of its origin can stop it. */
  async function forged(shop: TestShop): Promise<RawRequest> {
    const { headers, text } = await shop.send({ path: '/' })
    const cookie = headers['set-cookie']?.[0]?.split(';')[0] ?? ''
    const [, token = ''] = /name="token" value="([^"]+)"/.exec(text) ?? []
    return { method: 'POST', path: '/admin/rotate', headers: { ...form, cookie }, body: `token=${token}` }
  }

  test.each([
    ['a form of another site', crossSite],
    ['a form of a sibling domain', { ...crossSite, 'sec-fetch-site': 'same-site' }],
    [
      'a script of another site',
      { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'empty' },
    ],
    ['an old browser on another site', { origin: 'https://evil.example' }],
    ['another port of this machine', { origin: 'http://localhost:1' }],
  ])('%s changes nothing', async (_, headers) => {
    const shop = await openTestShop()
    const request = await forged(shop)
    expect(codeOf(await shop.send({ ...request, headers: { ...request.headers, ...headers } }))).toEqual([
      403,
      'CROSS_SITE_REFUSED',
    ])
    expect((await shop.shop.keys.use()).length).toBe(2)
    const create = {
      method: 'POST',
      path: '/customers',
      headers: { ...json, ...headers },
      body: '{"name":"A","email":"a@b.example"}',
    }
    expect((await shop.send(create)).status).toBe(403)
  })

  test('the own page, a link to it, and what is no browser pass', async () => {
    const shop = await openTestShop()
    const request = await forged(shop)
    const own = { 'sec-fetch-site': 'same-origin', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' }
    expect((await shop.send({ ...request, headers: { ...request.headers, ...own } })).status).toBe(303)
    expect((await shop.send({ path: '/', headers: crossSite })).status).toBe(200)
    expect((await shop.ask('GET', '/admin/keys', undefined, { 'x-admin-token': adminToken })).status).toBe(200)
  })

  test('other hosts are refused, whatever the path', async () => {
    const shop = await openTestShop()
    for (const host of ['evil.example', 'localhost.evil.example', '127.0.0.1.evil.example', 'localhost@evil.example']) {
      for (const path of ['/', '/customers', '/nothing', '/csp-reports', '/assets/shop.js']) {
        expect((await shop.send({ path, headers: { host } })).status).toBe(400)
      }
      expect(codeOf(await shop.send({ path: '/', headers: { host: 'evil.example' } }))).toEqual([400, 'HOST_REFUSED'])
    }
    for (const host of ['localhost', 'LOCALHOST:9', '127.0.0.1:3000', '[::1]:3000']) {
      expect((await shop.send({ path: '/customers', headers: { host } })).status).toBe(200)
    }
  })

  test('a browser gets one cookie, which scripts and other sites do not see', async () => {
    const shop = await openTestShop()
    const first = await shop.send({ path: '/' })
    const [set = ''] = first.headers['set-cookie'] ?? []
    expect(set).toMatch(/^shop=[A-Za-z0-9_-]{32}; Path=\/; HttpOnly; SameSite=Strict$/)
    const cookie = set.split(';')[0] ?? ''
    const again = await shop.send({ path: '/', headers: { cookie: `other=1; ${cookie}` } })
    expect(again.headers['set-cookie']).toBeUndefined()
    const tokens = [first, again].map(({ text }) => /name="token" value="([^"]+)"/.exec(text)?.[1])
    expect(tokens[0]).toBe(tokens[1])
    for (const bad of ['shop=', 'shop=short', `shop=${'x'.repeat(33)}`, 'shop=<b>', 'SHOP=x']) {
      expect((await shop.send({ path: '/', headers: { cookie: bad } })).headers['set-cookie']?.length).toBe(1)
    }
    // Only what has forms needs one.
    expect((await shop.send({ path: '/reports' })).headers['set-cookie']).toBeUndefined()
    expect((await shop.send({ path: '/customers' })).headers['set-cookie']).toBeUndefined()
  })
})
