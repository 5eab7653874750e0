// What an object inherits, hides or gets from a polluted Object.prototype is no part of a policy: refused where someone may have meant it,
// unread where nobody did.
import { runInNewContext } from 'node:vm'
import {
  checkFetchMetadata,
  clearSiteData,
  compileHeaders,
  extendPolicy,
  fetchMetadataGuard,
  type HeaderPolicy,
} from '@mosaajii/headers'
import { allowedHosts } from '@mosaajii/headers/allowed-hosts'
import { afterEach, describe, expect, test } from 'vitest'
import { parseReports } from '../src/parse-reports.ts'
import { reportReceiver } from '../src/report-receiver.ts'
import { facts } from './support/facts.ts'

const compile = (policy: object): readonly string[] =>
  compileHeaders(policy as HeaderPolicy)
    .pairs()
    .map(([name, value]) => `${name}: ${value}`)

/** An object below one that inherits nothing itself. */
function heir(inherited: object, own: object): object {
  const base: object = Object.assign(Object.create(null) as object, inherited)
  return Object.assign(Object.create(base) as object, own)
}

function hidden(visible: object, name: string, value: unknown): object {
  return Object.defineProperty({ ...visible }, name, { value, enumerable: false })
}

describe('is refused', () => {
  test.each<[what: string, policy: object]>([
    ['a policy that inherits', heir({ csp: { 'default-src': ["'none'"] } }, { contentTypeOptions: 'nosniff' })],
    ['directives that inherit', { csp: heir({ 'script-src': ["'none'"] }, { 'img-src': ["'self'"] }) }],
    ['HSTS that inherits', { hsts: heir({ includeSubDomains: true }, { maxAge: '365d' }) }],
    [
      'an instance',
      new (class {
        contentTypeOptions = 'nosniff'
      })(),
    ],
    ['a policy that hides an option', hidden({ contentTypeOptions: 'nosniff' }, 'csp', { 'default-src': ["'none'"] })],
    ['directives that hide one', { csp: hidden({ 'img-src': ["'self'"] }, 'script-src', ["'none'"]) }],
  ])('%s', (_what, policy) => {
    expect(() => compile(policy)).toThrow(/: give a plain object$/)
    expect(() => compile(extendPolicy(policy, {}))).toThrow(/: give a plain object$/)
  })

  test('other options that inherit or hide', () => {
    for (const make of [
      () => fetchMetadataGuard(heir({ origins: ['https://pay.example'] }, {})),
      () => fetchMetadataGuard(hidden({}, 'sameSite', true)),
      () => checkFetchMetadata({}, heir({}, { method: 'GET' }) as { method: string }),
      () => clearSiteData(heir({ cookie: 'sid' }, {})),
      () => allowedHosts(heir({}, { hosts: ['shop.example'] }) as { hosts: string[] }),
    ]) {
      expect(make).toThrow(/: give a plain object$/)
    }
  })
})

test('an object without a prototype, and one of another realm, are plain', () => {
  expect(compile(Object.assign(Object.create(null) as object, { contentTypeOptions: 'nosniff' }))).toHaveLength(1)
  const foreign = runInNewContext(`({ csp: { 'default-src': ["'none'"] }, hsts: { maxAge: '365d' } })`) as object
  expect(compile(foreign)).toEqual([
    "content-security-policy: default-src 'none'",
    'strict-transport-security: max-age=31536000',
  ])
})

describe('a polluted Object.prototype adds nothing:', () => {
  const names = new Set<string>()
  const pollute = (name: string, value: unknown): void => {
    names.add(name)
    // oxlint-disable-next-line no-extend-native -- what a polluted prototype looks like
    Object.defineProperty(Object.prototype, name, { value, configurable: true, enumerable: true, writable: true })
  }
  afterEach(() => {
    for (const name of names) Reflect.deleteProperty(Object.prototype, name)
  })

  const policy = (): object => ({ hsts: { maxAge: '365d', includeSubDomains: true }, contentTypeOptions: 'nosniff' })
  const expected = ['strict-transport-security: max-age=31536000; includeSubDomains', 'x-content-type-options: nosniff']

  test.each<[name: string, value: unknown]>([
    ['preload', true],
    ['csp', { 'default-src': ['*'] }],
    ['cspReportOnly', { 'default-src': ['*'], 'report-uri': ['/x'] }],
    ['frameOptions', 'SAMEORIGIN'],
    ['cacheControl', 'no-store'],
    ['reports', '/x'],
    ['trustedTypes', 'report'],
    ['reportingEndpoints', { x: 'https://evil.example' }],
  ])('policies, with %s', (name, value) => {
    pollute(name, value)
    expect(compile(policy())).toEqual(expected)
    expect(compile(extendPolicy(policy() as HeaderPolicy, {}))).toEqual(expected)
  })

  test('names that a policy vouches for', () => {
    pollute('allow', ['evil-src'])
    expect(() => compile({ csp: { 'evil-src': ['*'] } })).toThrow(/no known directive/)
    expect(() => extendPolicy({}, { csp: { 'evil-src': ['*'] } })).toThrow(/no known directive/)
  })

  test('warnings are not lost', () => {
    pollute('base-uri', ["'none'"])
    const { warnings } = compileHeaders({ csp: { 'script-src': ["'self'"] }, trustedTypes: 'enforce' })
    expect(warnings).toEqual(['csp: has no base-uri'])
  })

  test('fetch metadata', () => {
    pollute('sameSite', true)
    pollute('frames', true)
    pollute('origins', ['https://evil.example'])
    const forged = { 'sec-fetch-site': 'same-site', origin: 'https://evil.example' }
    expect(checkFetchMetadata(forged, { method: 'POST' })).toEqual({ allowed: false, reason: 'same-site' })
    const framed = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'iframe' }
    expect(fetchMetadataGuard().check(facts({ headers: framed }))).toMatchObject({ pass: false })
    pollute('method', 'GET')
    expect(() => checkFetchMetadata({}, {} as { method: string })).toThrow(TypeError)
  })

  test('the logout', () => {
    pollute('directives', ['cookies'])
    pollute('domain', 'example')
    pollute('path', '/x')
    expect(clearSiteData()).toEqual([['Clear-Site-Data', '"storage"']])
    expect(clearSiteData({ cookie: 'sid' })[1]?.[1]).toMatch(/^sid=; Path=\/; Max-Age=0/)
  })

  test('hosts', () => {
    pollute('hosts', ['evil.example'])
    expect(() => allowedHosts({} as { hosts: string[] })).toThrow(TypeError)
  })

  test('limits of reports', () => {
    const long = JSON.stringify({ 'csp-report': { 'violated-directive': 'img-src', x: 'x'.repeat(70_000) } })
    pollute('maxBytes', 1_000_000)
    pollute('maxReports', 1)
    expect(() => parseReports('application/csp-report', long)).toThrow(/65536 bytes/)
    const item = { type: 'csp-violation', body: { effectiveDirective: 'img-src' } }
    expect(parseReports('application/reports+json', JSON.stringify([item, item]))).toHaveLength(2)
    expect(reportReceiver({ events: { write: () => undefined } }).maxBytes).toBe(65_536)
  })

  test('the budget of reports', () => {
    pollute('burst', 1)
    const receiver = reportReceiver({ events: { write: () => undefined } })
    receiver.admit('application/csp-report', '2')
    expect(() => receiver.admit('application/csp-report', '2')).not.toThrow()
  })
})
