import { fc, test } from '@fast-check/vitest'
import { describe, expect } from 'vitest'
import { HeadersError } from '../src/errors.ts'
import { type CspReport, parseReports } from '../src/parse-reports.ts'

const types = fc.constantFrom('application/csp-report', 'application/reports+json')
const fieldNames = [
  'csp-report',
  'type',
  'body',
  'effective-directive',
  'violated-directive',
  'effectiveDirective',
  'blocked-uri',
  'blockedURL',
  'document-uri',
  'documentURL',
  'disposition',
  'source-file',
  'sourceFile',
  'line-number',
  'columnNumber',
  '__proto__',
  'constructor',
]
const texts = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.webUrl({ withQueryParameters: true, withFragments: true }),
  fc.constantFrom('csp-violation', 'inline', 'img-src'),
)
const { value: hostile } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 5 },
    texts,
    fc.double(),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie('value'), { maxLength: 4 }),
    fc
      .uniqueArray(fc.constantFrom(...fieldNames), { maxLength: 6 })
      .chain((names) =>
        fc
          .tuple(...names.map(() => tie('value')))
          .map((values) => Object.fromEntries(names.map((name, i) => [name, values[i]]))),
      ),
  ),
}))

/** What a report may look like, whoever sent it. */
function expectClean(report: CspReport): void {
  for (const value of Object.values(report)) {
    if (typeof value === 'number') expect(Number.isSafeInteger(value) && value >= 0).toBe(true)
    else expect(value).toMatch(/^[\x21-\x7e]{1,400}$/)
  }
  expect(report.directive).toMatch(/^[a-z][a-z-]*$/)
  expect(['enforce', 'report']).toContain(report.disposition)
  for (const address of [report.blocked, report.page, report.source ?? '']) expect(address).not.toMatch(/[?#;]/)
}

describe('whatever is sent', () => {
  test.prop(
    [
      types,
      fc.oneof(
        hostile.map((value) => JSON.stringify(value)),
        fc.string(),
        fc.uint8Array(),
      ),
    ],
    { numRuns: 2000 },
  )('only HeadersError is thrown, and what is returned is clean', (type, body) => {
    try {
      for (const report of parseReports(type, body)) expectClean(report)
    } catch (error) {
      if (!(error instanceof HeadersError)) throw error
      expect([400, 413]).toContain(error.status)
    }
  })

  /** Letters that stand nowhere else in a report. */
  const secrets = fc.string({ unit: fc.constantFrom(...'XQZW7890'), minLength: 8, maxLength: 24 })
  test.prop([types, secrets, fc.string(), fc.webPath(), fc.constantFrom('enforce', 'report')], { numRuns: 1000 })(
    'no query, fragment, user info, sample or nonce is in it',
    (type, secret, noise, path, disposition) => {
      const clean = path.replaceAll(/[XQZW7890]/g, 'a')
      const address = `https://${secret}:${secret}@shop.example${clean}?${secret}=${secret}#${secret}`
      const nonced = `https://shop.example/'nonce-${secret}'?x`
      const fields = {
        'document-uri': address,
        'blocked-uri': nonced,
        'source-file': `data:text/html,${secret}`,
        'effective-directive': `script-src 'nonce-${secret}'`,
        'original-policy': `script-src 'nonce-${secret}'`,
        'script-sample': secret + noise,
        sample: secret,
        referrer: address,
        disposition,
      }
      const body =
        type === 'application/csp-report'
          ? { 'csp-report': fields }
          : [{ type: 'csp-violation', url: address, body: fields }]
      const reports = parseReports(type, JSON.stringify(body))
      expect(reports).toHaveLength(1)
      expect(JSON.stringify(reports)).not.toContain(secret)
      reports.forEach(expectClean)
    },
  )
})
