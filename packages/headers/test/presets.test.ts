import { compileHeaders, extendPolicy, type HeaderPolicy, presets } from '@mosaajii/headers'
import { CspEvaluator, DEFAULT_CHECKS, STRICTCSP_CHECKS } from 'csp_evaluator'
import { Severity } from 'csp_evaluator/dist/finding.js'
import { CspParser } from 'csp_evaluator/dist/parser.js'
import { describe, expect, it } from 'vitest'

const nonce = 'MTIzNDU2Nzg5MDEyMzQ1Njc4'

const headersOf = (policy: HeaderPolicy): Record<string, string> =>
  Object.fromEntries(compileHeaders(policy).pairs(nonce))

const noFeatures =
  'accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), hid=(), idle-detection=(), local-fonts=(), ' +
  'magnetometer=(), microphone=(), midi=(), payment=(), serial=(), usb=(), xr-spatial-tracking=()'

describe('strict', () => {
  it('sends exactly this', () => {
    expect(headersOf(presets.strict)).toEqual({
      'content-security-policy':
        `default-src 'none'; script-src 'nonce-${nonce}' 'strict-dynamic' https: 'unsafe-inline'; style-src 'self' 'nonce-${nonce}'; ` +
        "img-src 'self'; font-src 'self'; connect-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; object-src 'none'; " +
        "frame-ancestors 'none'; require-trusted-types-for 'script'",
      'strict-transport-security': 'max-age=31536000; includeSubDomains',
      'permissions-policy': noFeatures,
      'referrer-policy': 'strict-origin-when-cross-origin',
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-resource-policy': 'same-origin',
      'origin-agent-cluster': '?1',
      'x-dns-prefetch-control': 'off',
      'x-permitted-cross-domain-policies': 'none',
    })
    expect(compileHeaders(presets.strict).cacheControl).toBe('no-store on html')
  })

  const reportingEndpoints = { csp: 'https://shop.example/csp-reports' }
  const variants: readonly (readonly [string, HeaderPolicy])[] = [
    ['as it is', presets.strict],
    ['with reports', extendPolicy(presets.strict, { reports: '/csp-reports' })],
    ['with reports to an address', extendPolicy(presets.strict, { reports: 'https://reports.example/csp' })],
    [
      'with a report group',
      extendPolicy(presets.strict, { csp: { 'report-to': ['csp'] }, reportingEndpoints, reports: '/csp-reports' }),
    ],
  ]

  it.each(variants)('leaves the CSP Evaluator nothing to say, %s', (_how, policy) => {
    const { csp } = new CspParser(headersOf(policy)['content-security-policy'] ?? '')
    // The strict checks judge the policy as it is written, so they come first.
    const findings = new CspEvaluator(csp).evaluate([...STRICTCSP_CHECKS], [...DEFAULT_CHECKS])
    expect(findings.filter(({ severity }) => severity !== Severity.NONE)).toEqual([])
    expect(compileHeaders(policy).warnings).toEqual([])
  })

  it('would hear of it if it had something to say', () => {
    const { csp } = new CspParser(headersOf(presets.manual)['content-security-policy'] ?? '')
    const findings = new CspEvaluator(csp).evaluate([...STRICTCSP_CHECKS], [...DEFAULT_CHECKS])
    expect(findings.some(({ severity }) => severity < Severity.NONE)).toBe(true)
  })
})

describe('api', () => {
  it('sends exactly this', () => {
    expect(headersOf(presets.api)).toEqual({
      'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
      'strict-transport-security': 'max-age=31536000; includeSubDomains',
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'cross-origin-resource-policy': 'same-origin',
      'x-permitted-cross-domain-policies': 'none',
      'cache-control': 'no-store',
    })
    const { usesNonce, warnings, cacheControl } = compileHeaders(presets.api)
    expect({ usesNonce, warnings, cacheControl }).toEqual({ usesNonce: false, warnings: [], cacheControl: 'no-store' })
  })
})

describe('manual', () => {
  it('sends what the operations manual says, word for word', () => {
    expect(headersOf(presets.manual)).toEqual({
      'content-security-policy':
        `default-src 'self'; script-src 'self' 'nonce-${nonce}'; style-src 'self' 'nonce-${nonce}'; img-src 'self' data: https:; ` +
        "font-src 'self'; connect-src 'self'; frame-ancestors 'none'; base-uri 'self'; form-action 'self'",
      'x-frame-options': 'DENY',
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'strict-origin-when-cross-origin',
      'permissions-policy': noFeatures,
      'strict-transport-security': 'max-age=31536000; includeSubDomains; preload',
    })
    expect(compileHeaders(presets.manual).warnings).toEqual([])
  })

  it('is the only one that asks for preloading', () => {
    expect(
      Object.entries(presets)
        .filter(([, { hsts }]) => hsts?.preload)
        .map(([name]) => name),
    ).toEqual(['manual'])
  })
})

it('presets cannot be changed', () => {
  const frozen = (value: unknown): boolean =>
    typeof value !== 'object' || value === null || (Object.isFrozen(value) && Object.values(value).every(frozen))
  expect(frozen(presets)).toBe(true)
})
