import { extendPolicy, type HeaderPolicy, presets } from '@mosaajii/headers'
import { describe, expect, it } from 'vitest'
import { chromiumPath } from '../../../../test/services.ts'
import { marksOf } from './chromium.ts'
import { frameworkNames } from './frameworks.ts'
import { html, labCertificate, openLab, patience, type Routes, script, type Site } from './lab.ts'

const chromium = chromiumPath()
const certificate = labCertificate(chromium)

const flags = [
  // The Reporting API would wait for a minute.
  '--short-reporting-delay',
  `--ignore-certificate-errors-spki-list=${certificate?.spki}`,
]

/** A page that is refused one handler by strict, and asks for the stock, which the report-only policy reports. */
const routes: Routes = {
  '/': (nonce) =>
    html(
      `<p onclick="1"></p><script nonce="${nonce}">fetch('/stock').then(({ status }) => mark('stock ' + status))</script>`,
    ),
  '/stock': () => script('1'),
}

const refused = { directive: 'script-src-attr', blocked: 'inline', disposition: 'enforce' }
const reported = { directive: 'connect-src', blocked: 'ORIGIN/stock', disposition: 'report' }
const reportOnly = { 'connect-src': ["'none'"] }

const lab = openLab(chromium, flags)

describe.skipIf(!chromium || !certificate).each(frameworkNames)(
  'violation reports on %s, from Chromium',
  (framework) => {
    const visited = async (policy: HeaderPolicy | ((origin: string) => HeaderPolicy), tls = false): Promise<Site> => {
      const site = await lab.site(framework, {
        policy,
        routes,
        fetchMetadata: {},
        certificate: tls ? certificate : undefined,
      })
      const page = await lab.visit(`${site.origin}/?token=secret#fragment`)
      await expect.poll(() => marksOf(page), patience).toEqual(['stock 200'])
      return site
    }

    /** Waits for as many reports as there are; each must have come in its own way and name its own policy. */
    const expectReports = async (site: Site, type: string, expected: readonly object[]): Promise<void> => {
      await expect.poll(() => site.reports.length, patience).toBeGreaterThanOrEqual(expected.length)
      const uploads = site.seen.filter(({ path }) => path === '/csp-reports')
      for (const { headers, status } of uploads) expect([headers['content-type'], status()]).toEqual([type, 204])
      const reports = JSON.parse(JSON.stringify(site.reports).replaceAll(site.origin, 'ORIGIN')) as object[]
      expect(reports).toHaveLength(expected.length)
      for (const fields of expected) {
        expect(reports).toContainEqual(expect.objectContaining({ name: 'csp.violation', page: 'ORIGIN/', ...fields }))
      }
      expect(JSON.stringify(reports)).not.toMatch(/secret|fragment|nonce-/)
    }

    it('come by report-uri from the enforced policy', async () => {
      const site = await visited(extendPolicy(presets.strict, { reports: '/csp-reports' }))
      await expectReports(site, 'application/csp-report', [refused])
    })

    it('come by report-uri from the report-only policy, which refuses nothing', async () => {
      const csp = { 'script-src': false, 'default-src': false } as const
      const policy = extendPolicy(presets.strict, { csp, cspReportOnly: reportOnly, reports: '/csp-reports' })
      const site = await visited(policy)
      await expectReports(site, 'application/csp-report', [reported])
    })

    it('come by report-uri from each of both policies, under its own disposition', async () => {
      const site = await visited(extendPolicy(presets.strict, { cspReportOnly: reportOnly, reports: '/csp-reports' }))
      await expectReports(site, 'application/csp-report', [refused, reported])
    })

    it('come by report-to over https from each of both policies', async () => {
      const site = await visited((origin) => withReportTo(origin), true)
      await expectReports(site, 'application/reports+json', [refused, reported])
    })

    it('come once, by report-to, where a policy has both', async () => {
      const site = await visited((origin) => extendPolicy(withReportTo(origin), { reports: '/csp-reports' }), true)
      await expectReports(site, 'application/reports+json', [refused, reported])
    })

    it('do not come when nothing is against a policy', async () => {
      const quiet = { '/': (nonce: string) => html(`<script nonce="${nonce}">mark('page')</script>`) }
      const site = await lab.site(framework, {
        policy: extendPolicy(presets.strict, { reports: '/csp-reports' }),
        routes: quiet,
      })
      const page = await lab.visit(site.origin)
      // A request that the page sends afterwards arrives afterwards.
      await page.evaluate(`fetch('/later')`)
      await expect.poll(() => site.seen.map(({ path }) => path), patience).toContain('/later')
      expect(site.reports).toEqual([])
    })
  },
)

function withReportTo(origin: string): HeaderPolicy {
  return extendPolicy(presets.strict, {
    reportingEndpoints: { csp: `${origin}/csp-reports` },
    csp: { 'report-to': ['csp'] },
    cspReportOnly: { ...reportOnly, 'report-to': ['csp'] },
  })
}
