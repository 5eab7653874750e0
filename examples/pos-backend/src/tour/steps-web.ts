import { createHash } from 'node:crypto'
import { ask, type RawAnswer, sendRaw } from './client.ts'
import { expect, type Step } from './report.ts'
import type { World } from './world.ts'

/** The steps that look at what a browser gets, and at what it must not do. */
export function webSteps(world: World): readonly Step[] {
  return [
    { name: 'page headers', prove: () => pageHeaders(world) },
    { name: 'API headers', prove: () => apiHeaders(world) },
    { name: 'headers of errors', prove: () => errorHeaders(world) },
    { name: 'violation report', prove: () => reportViolation(world) },
    { name: 'forged requests', prove: () => forgeRequests(world) },
    { name: 'foreign host', prove: () => askAsForeignHost(world) },
  ]
}

async function pageHeaders({ child: { origin } }: World): Promise<string> {
  const [first, second] = [await sendRaw(origin, { path: '/' }), await sendRaw(origin, { path: '/' })]
  const [nonce, other] = [nonceOf(first), nonceOf(second)]
  expect(nonce.length === 24 && other.length === 24 && nonce !== other, 'a nonce of its own in each answer', [
    nonce,
    other,
  ])
  for (const wanted of [`default-src 'none'`, `base-uri 'none'`, `require-trusted-types-for 'script'`]) {
    expect(policyOf(first).includes(wanted), `the policy of pages with ${wanted}`, policyOf(first))
  }
  const marked = first.text.match(/<(style|script) nonce="[^"]*"/g)?.join(' ')
  const all = `<style nonce="${nonce}" <script nonce="${nonce}"`
  expect(marked === all, 'the style and the script with the nonce of their own answer', marked)
  const [, src = '', integrity] = /src="([^"]+)" integrity="([^"]+)"/.exec(first.text) ?? []
  const script = await sendRaw(origin, { path: src })
  const digest = `sha384-${createHash('sha384').update(script.text).digest('base64')}`
  expect(script.status === 200 && digest === integrity, `the script to have the digest ${integrity}`, digest)
  return 'the preset strict with Trusted Types; two answers, two nonces, each on its own style and script; the script file has its SRI digest'
}

async function apiHeaders({ child: { origin } }: World): Promise<string> {
  const answer = await sendRaw(origin, { path: '/customers?limit=1' })
  const wanted = `default-src 'none'; frame-ancestors 'none'`
  expect(answer.status === 200 && policyOf(answer) === wanted, `the policy ${wanted}`, policyOf(answer))
  const { 'cache-control': cache, 'x-powered-by': powered } = answer.headers
  expect(cache === 'no-store' && powered === undefined, 'no-store and no X-Powered-By', [cache, powered])
  return 'the preset api: nothing may be loaded from an answer, framed or stored; X-Powered-By is gone'
}

async function errorHeaders({ child: { origin } }: World): Promise<string> {
  const json = { 'content-type': 'application/json' }
  const requests = [
    { path: '/nothing', status: 404 },
    { path: '/admin/keys', status: 403 },
    { path: '/?after=x', status: 422 },
    { path: '/customers', method: 'POST', headers: json, body: '{', status: 400 },
    { path: '/customers', method: 'POST', headers: { 'content-type': 'text/plain' }, body: '{}', status: 415 },
    { path: '/customers', method: 'POST', headers: json, body: ' '.repeat(70_000), status: 413 },
  ]
  for (const { status, ...request } of requests) {
    const answer = await sendRaw(origin, request)
    expect(answer.status === status, `status ${status} of ${request.path}`, `${answer.status} ${answer.text}`)
    const { 'content-type': type } = answer.headers
    expect(type === 'application/problem+json', 'problem details', type)
    expect(policyOf(answer).includes(`frame-ancestors 'none'`), `the headers on a ${status}`, answer.headers)
  }
  return `${requests.map(({ status }) => status).join(', ')}: problem details, and each carries the headers`
}

async function reportViolation({ child: { origin } }: World): Promise<string> {
  const forbidden = await sendRaw(origin, { path: '/reports/try' })
  expect(forbidden.text.includes('<script>document.'), 'a page with a script that has no nonce', forbidden.text)
  const report = {
    'document-uri': `${origin}/reports/try?card=4000000000000010`,
    'effective-directive': 'script-src-elem',
    'blocked-uri': 'https://evil.example/<b>bold',
    'script-sample': 'a text of the page',
  }
  const sent = await sendRaw(origin, {
    method: 'POST',
    path: '/csp-reports',
    headers: { 'content-type': 'application/csp-report', 'sec-fetch-site': 'same-origin' },
    body: JSON.stringify({ 'csp-report': report }),
  })
  expect(sent.status === 204, 'the report to be taken', sent.status)
  const { text } = await ask(origin, 'GET', '/reports')
  expect(text.includes('<td>script-src-elem</td>') && text.includes('evil.example'), 'it on the page', text)
  const leaked = ['4000000000000010', 'a text of the page', '<b>'].filter((part) => text.includes(part))
  expect(leaked.length === 0, 'no query, no sample and no HTML of the report', leaked)
  return 'what a browser reports stands on /reports: escaped, without the query of the page and without its text'
}

async function forgeRequests({ child: { origin } }: World): Promise<string> {
  const page = await sendRaw(origin, { path: '/' })
  const [cookie = ''] = page.headers['set-cookie']?.[0]?.split(';') ?? []
  const [, token = ''] = /name="token" value="([^"]+)"/.exec(page.text) ?? []
  expect(
    token.length === 43 && !page.text.includes(cookie.slice(5)),
    'a token for this cookie, and not the cookie itself',
    token,
  )
  const post = (path: string, body: string, headers: Record<string, string>) =>
    sendRaw(origin, {
      method: 'POST',
      path,
      headers: { 'content-type': 'application/x-www-form-urlencoded', cookie, ...headers },
      body,
    })
  const forged = [
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
    { origin: 'https://evil.example' },
  ]
  for (const headers of forged)
    mustBeRefused(await post('/admin/rotate', `token=${token}`, headers), 403, 'CROSS_SITE_REFUSED')
  const own = { 'sec-fetch-site': 'same-origin' }
  const found = await post('/', 'email=nobody%40example.com', own)
  expect(found.status === 200, 'the form of the own page to pass', found.status)
  mustBeRefused(await post('/admin/rotate', `token=${token}`, { ...own, cookie: 'shop=x' }), 403, 'FORM_TOKEN_WRONG')
  return 'a form with the right cookie and token is refused when another site sends it, and the token with another cookie; the own form passes'
}

async function askAsForeignHost({ child: { origin } }: World): Promise<string> {
  for (const host of ['evil.example', `localhost.evil.example:${new URL(origin).port}`]) {
    mustBeRefused(await sendRaw(origin, { path: '/', headers: { host } }), 400, 'HOST_REFUSED')
  }
  return 'a site that points its own name at this machine reads nothing (DNS rebinding)'
}

function mustBeRefused({ status, text }: RawAnswer, wanted: number, code: string): void {
  const seen = text.startsWith('{') ? (JSON.parse(text) as { code?: string }).code : undefined
  expect(status === wanted && seen === code, `a refusal as ${wanted} ${code}`, `${status} ${text}`)
}

function policyOf({ headers }: RawAnswer): string {
  return String(headers['content-security-policy'])
}

function nonceOf(answer: RawAnswer): string {
  return /script-src 'nonce-([^']+)'/.exec(policyOf(answer))?.[1] ?? ''
}
