import { expect, test } from 'vitest'
import { reportsPage } from '../src/http/reports-page.ts'
import { page } from '../src/http/route.ts'
import { recentReports } from '../src/recent-reports.ts'
import { onEachFramework, type TestShop } from './support/test-shop.ts'

async function report(
  shop: TestShop,
  fields: Record<string, unknown> = {},
  headers: Record<string, string> = {},
): Promise<number> {
  const { status } = await shop.send({
    method: 'POST',
    path: '/csp-reports',
    headers: { 'content-type': 'application/csp-report', ...headers },
    body: JSON.stringify({
      'csp-report': {
        'document-uri': `http://localhost:${shop.port}/reports/try?secret=1`,
        'effective-directive': 'script-src-elem',
        'blocked-uri': 'inline',
        'line-number': 42,
        disposition: 'enforce',
        ...fields,
      },
    }),
  })
  return status
}

onEachFramework((openTestShop) => {
  test('a violation that a browser reports is shown, without the query of the page', async () => {
    const shop = await openTestShop()
    expect((await shop.send({ path: '/reports' })).text).toContain('No reports yet')
    expect(await report(shop)).toBe(204)
    const { text } = await shop.send({ path: '/reports' })
    expect(text).toContain('<td>script-src-elem</td><td>inline</td>')
    expect(text).toContain(`<td>http://localhost:${shop.port}/reports/try</td>`)
    expect(text).not.toContain('secret')
    expect((await shop.send({ path: '/' })).text).toContain('<a href="/reports">Violation reports: 1</a>')
    expect(shop.events.named('csp.violation').length).toBe(1)
  })

  test('a page in a sandbox is another site to its browser, and reports all the same', async () => {
    const shop = await openTestShop()
    expect(await report(shop, {}, { origin: 'null', 'sec-fetch-site': 'cross-site' })).toBe(204)
  })

  test('the Reporting API sends another form, which is read too', async () => {
    const shop = await openTestShop()
    const body = {
      documentURL: `https://localhost/`,
      effectiveDirective: 'img-src',
      blockedURL: 'https://evil.example/x.png?y',
      disposition: 'report',
    }
    const { status } = await shop.send({
      method: 'POST',
      path: '/csp-reports',
      headers: { 'content-type': 'application/reports+json' },
      body: JSON.stringify([{ type: 'csp-violation', age: 1, url: 'https://localhost/', user_agent: 'x', body }]),
    })
    expect(status).toBe(204)
    const { text } = await shop.send({ path: '/reports' })
    expect(text).toContain('<td>img-src (reported only)</td><td>https://evil.example/x.png</td>')
  })

  test('anybody can send reports, so nothing in them becomes HTML or a link', async () => {
    const shop = await openTestShop()
    await report(shop, {
      'blocked-uri': 'https://evil.example/"><script>alert(1)</script>',
      'source-file': `https://evil.example/"><b>x`,
    })
    const { text } = await shop.send({ path: '/reports' })
    expect(text).not.toMatch(/<script>|<b>|href="https?:/)
    expect(text.match(/<tr>/g)?.length).toBe(2)
  })

  test('they are limited in size and in number', async () => {
    const shop = await openTestShop()
    expect(await report(shop, { 'source-file': 'x'.repeat(70_000) })).toBe(413)
    const statuses = await Promise.all(Array.from({ length: 110 }, () => report(shop)))
    expect(statuses.filter((status) => status === 204).length).toBeGreaterThan(50)
    expect(statuses).toContain(429)
    const { text } = await shop.send({ path: '/reports' })
    expect(text.match(/<td>script-src-elem/g)?.length).toBe(50)
  })

  test('the page to try holds what its policy forbids', async () => {
    const shop = await openTestShop()
    const { headers, text } = await shop.send({ path: '/reports/try' })
    expect(text).toContain('<script>document.')
    expect(text).toContain('onclick="document.')
    expect(headers['content-security-policy']).toMatch(/script-src 'nonce-/)
  })
})

test('only the newest reports are kept, and all are counted', () => {
  const reports = recentReports(2)
  const data = { directive: 'img-src', blocked: 'x', page: 'y', disposition: 'enforce' }
  for (const time of [1, 2, 3]) void reports.write({ name: 'csp.violation', time, data })
  void reports.write({ name: 'csp.dropped', time: 4, data: { requests: 1, reports: 0 } })
  expect([reports.latest().map(({ time }) => time), reports.count()]).toEqual([[3, 2], 3])
})

test('the page escapes every text of a report', () => {
  const text = '"><b>x'
  const report = { directive: text, blocked: text, page: text, source: text, disposition: 'enforce', time: 0 } as const
  expect(page(reportsPage([report], 'nonce')).text).not.toContain('<b>')
})
