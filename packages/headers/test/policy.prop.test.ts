import { validateHeaderName, validateHeaderValue } from 'node:http'
import type { HeaderPair } from '@mosaajii/core'
import {
  type CompiledHeaders,
  compileHeaders,
  extendPolicy,
  HeadersError,
  type HeaderPolicy,
  NONCE,
  type PolicyChanges,
  presets,
} from '@mosaajii/headers' // prettier-ignore
import { fc, test } from '@fast-check/vitest'
import { isKeyword, isUrlScheme } from 'csp_evaluator/dist/csp.js'
import { CspParser } from 'csp_evaluator/dist/parser.js'
import { afterAll, describe, expect } from 'vitest'
import { parseDictionary } from './support/structured-fields.ts'

const nonce = 'MTIzNDU2Nzg5MDEyMzQ1Njc4'

/** What attackers and tired people write. */
const fragments = [
  ';',
  '; ',
  ',',
  ', ',
  ' ',
  '\t',
  '\n',
  '\r\n',
  '\0',
  '\x7f',
  '\u00a0',
  '\u2028',
  '\u200b',
  '\u3000',
  '\ufeff',
  '"',
  "'",
  '\\',
  '(',
  ')',
  '=',
  '*',
  '=*',
  '`',
  'script-src',
  "'unsafe-inline'",
  "'self'",
  "'none'",
  'self',
  '"self"',
  "'nonce-",
  nonce,
  "'strict-dynamic'",
  'https:',
  'HTTPS:',
  'data:',
  '//',
  '/',
  '?',
  '#',
  '@',
  '%',
  '%3B',
  '\uff1b',
  '\uff0c',
  '\uff07self\uff07',
  '\ud800',
  '\u202e',
  'a.example',
  'https://a.example',
  'https://*.a.example:8443/js/',
  'camera',
  'usb=*',
  'report-uri',
  '<script>',
  '{nonce}',
  '\u{1f4a9}',
] // prettier-ignore

const hostile = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.array(fc.constantFrom(...fragments), { minLength: 1, maxLength: 4 }).map((parts) => parts.join('')),
  },
  { weight: 2, arbitrary: fc.string({ unit: 'binary', maxLength: 30 }) },
  { weight: 1, arbitrary: fc.constantFrom(...fragments).map((one) => one.repeat(3000)) },
  {
    weight: 1,
    arbitrary: fc.constantFrom<unknown>(
      NONCE,
      null,
      undefined,
      1,
      Number.NaN,
      true,
      false,
      [],
      {},
      ['*'],
      Symbol('NONCE'),
      Object('*'),
    ),
  },
) // prettier-ignore

const harmless = fc.constantFrom<unknown>(
  NONCE,
  "'self'",
  "'none'",
  "'strict-dynamic'",
  "'unsafe-inline'",
  'https:',
  'data:',
  '*',
  'https://a.example',
  '*.a.example',
  'https://a.example:8443/js/',
  "'report-sample'",
  `'sha256-${'A'.repeat(43)}='`,
) // prettier-ignore

const some = (value: fc.Arbitrary<unknown>): fc.Arbitrary<unknown[]> => fc.uniqueArray(value, { maxLength: 4 })
const mostlyHarmless = fc.oneof(
  { weight: 3, arbitrary: some(harmless) },
  { weight: 2, arbitrary: some(fc.oneof({ weight: 4, arbitrary: harmless }, { weight: 1, arbitrary: hostile })) },
  { weight: 1, arbitrary: hostile as fc.Arbitrary<unknown[]> },
)
const anyText = hostile.map(String)
const named = (known: readonly string[], value: fc.Arbitrary<unknown>): fc.Arbitrary<Record<string, unknown>> =>
  fc.dictionary(
    fc.oneof({ weight: 12, arbitrary: fc.constantFrom(...known) }, { weight: 1, arbitrary: anyText }),
    value,
    { minKeys: 1, maxKeys: 4 },
  )

const directives = named(
  [
    'default-src',
    'script-src',
    'script-src-elem',
    'style-src',
    'img-src',
    'connect-src',
    'base-uri',
    'frame-ancestors',
    'new-src',
  ],
  mostlyHarmless,
)

/** `securityHeaders` on Fastify says that nobody need look at them before Node does. */
function expectSound(pairs: readonly HeaderPair[]): void {
  for (const [name, value] of pairs) {
    validateHeaderName(name)
    validateHeaderValue(name, value)
    expect(name).not.toBe('set-cookie')
  }
  expect(new Set(pairs.map(([name]) => name.toLowerCase())).size).toBe(pairs.length)
}

function compiled(policy: unknown): CompiledHeaders | undefined {
  const result = compiledOrRefused(policy)
  expectSound(result?.pairs(nonce) ?? [])
  return result
}

/** What was refused, or the policy. Anything else that is thrown fails the test. */
function compiledOrRefused(policy: unknown): CompiledHeaders | undefined {
  try {
    return compileHeaders(policy as HeaderPolicy)
  } catch (error) {
    if (error instanceof HeadersError || error instanceof TypeError || error instanceof RangeError) {
      expect(error.message).toMatch(/^[\x20-\x7e…]*$/)
      return undefined
    }
    throw error
  }
}

// A property that refuses everything proves nothing.
const accepted = new Map<string, number>()
const count = (what: string): void => void accepted.set(what, (accepted.get(what) ?? 0) + 1)
afterAll(() => {
  for (const [what, times] of accepted) expect(times, what).toBeGreaterThan(30)
  expect(accepted.size).toBe(5)
})

const runs = { numRuns: 2000 }

/** The parser of csp_evaluator writes keywords and schemes small, also in a directive that nobody knows: `HTTPS:`. */
const asParsed = (source: string): string =>
  isKeyword(source.toLowerCase()) || isUrlScheme(source) ? source.toLowerCase() : source

describe('no input yields what was not asked for', () => {
  test.prop([directives, fc.constantFrom('csp', 'cspReportOnly'), fc.option(anyText, { nil: '/r', freq: 3 })], runs)(
    'in a Content Security Policy',
    (csp, option, reports) => {
      const policy = compiled({ [option]: csp, reports, allow: ['new-src'] })
      if (policy === undefined) return
      count('csp')
      const pairs = policy.pairs(nonce)
      expect(pairs).toHaveLength(1)
      const [[, value] = ['', '']] = pairs
      expect(value).toMatch(/^[\x20-\x2b\x2d-\x7e]+$/)
      const asked = Object.entries(csp).map(([name, sources]) => [
        name,
        sources === true
          ? []
          : (sources as (string | typeof NONCE)[]).map((one) => (one === NONCE ? `'nonce-${nonce}'` : asParsed(one))),
      ])
      expect(Object.entries(new CspParser(value).csp.directives)).toEqual([...asked, ['report-uri', [reports]]])
    },
  )

  test.prop(
    [
      named(
        ['sandbox', 'trusted-types', 'report-uri', 'new-flag', 'img-src'],
        fc.oneof(
          hostile,
          some(fc.oneof(hostile, fc.constantFrom('allow-forms', 'shop', '/r', "'self'"))),
          fc.constant(['allow-forms']),
          fc.constant(['/r']),
        ),
      ),
    ],
    runs,
  )('in directives that take no sources', (csp) => {
    const policy = compiled({ csp, allow: ['new-flag'] })
    if (policy === undefined) return
    count('other directives')
    const value = policy.pairs(nonce)[0]?.[1] ?? ''
    const asked = Object.entries(csp).map(([name, values]) => [
      name,
      values === true ? [] : (values as unknown[]).map((one) => (one === NONCE ? `'nonce-${nonce}'` : one)),
    ])
    // The parser of csp_evaluator writes some words small, such as HTTPS: in a directive that nobody knows.
    const small = (entries: unknown): string => JSON.stringify(entries).toLowerCase()
    expect(small(Object.entries(new CspParser(value).csp.directives))).toEqual(small(asked))
  })

  const origins = fc.oneof(
    {
      weight: 3,
      arbitrary: fc.constantFrom<unknown[]>(
        [],
        ['self'],
        ['*'],
        ['self', 'https://a.example'],
        ['https://*.a.example:8443'],
      ),
    },
    {
      weight: 2,
      arbitrary: some(
        fc.oneof(
          hostile,
          fc.constantFrom('self', 'https://a.example'),
          hostile.map((one) => `https://a.example${String(one)}`),
        ),
      ),
    },
  ) // prettier-ignore
  test.prop([named(['camera', 'usb', 'payment', 'web-share', 'new-feature'], origins)], runs)(
    'in a Permissions Policy',
    (permissionsPolicy) => {
      const policy = compiled({ permissionsPolicy, allow: ['new-feature'] })
      if (policy === undefined) return
      count('features')
      const asked = Object.entries(permissionsPolicy).map(([feature, who]) => {
        const list = (who as string[]).map((one) => (one === 'self' || one === '*' ? one : `"${one}"`))
        return [feature, list[0] === '*' ? '*' : list]
      })
      expect([...parseDictionary(policy.static[0]?.[1] ?? '')]).toEqual(asked)
    },
  )

  const address = fc.oneof(
    fc.constantFrom('https://a.example/r', 'https://a.example:8443/r?a=b'),
    fc.oneof(
      hostile,
      hostile.map((one) => `https://a.example/${String(one)}`),
      hostile.map((one) => `https://${String(one)}`),
    ),
  ) // prettier-ignore
  test.prop([named(['csp', 'default', 'tills'], address)], runs)('in Reporting-Endpoints', (reportingEndpoints) => {
    const policy = compiled({ reportingEndpoints })
    if (policy === undefined) return
    count('endpoints')
    const asked = Object.entries(reportingEndpoints).map(([group, one]) => [group, `"${String(one)}"`])
    expect([...parseDictionary(policy.static[0]?.[1] ?? '')]).toEqual(asked)
    for (const [, one] of Object.entries(reportingEndpoints)) expect(new URL(String(one)).protocol).toBe('https:')
  })

  const referrer = fc.oneof(fc.constantFrom('no-referrer', 'origin', 'same-origin', 'strict-origin'), hostile)
  test.prop([fc.oneof(referrer, some(referrer))], runs)('in a Referrer-Policy', (referrerPolicy) => {
    const policy = compiled({ referrerPolicy })
    if (policy === undefined || policy.static.length === 0) return
    count('referrer')
    expect(policy.static[0]?.[1].split(', ')).toEqual([referrerPolicy].flat())
  })

  test.prop([
    fc.dictionary(
      fc.oneof(fc.constantFrom(...Object.keys(presets.strict), 'reports', 'allow', '__proto__'), anyText),
      fc.anything({ withSet: true, withMap: true, withNullPrototype: true, withSparseArray: true }),
    ),
  ])('whatever the whole policy is', (policy) => {
    const pairs = compiled(policy)?.pairs(nonce) ?? []
    for (const [name, value] of pairs) expect(`${name}: ${value}`).toMatch(/^[A-Za-z-]+: [\x20-\x7e]+$/)
    expect(new Set(pairs.map(([name]) => name)).size).toBe(pairs.length)
  })

  test.prop([fc.oneof(anyText, fc.string({ unit: fc.constantFrom(...'ABab01+/_-='), minLength: 18, maxLength: 30 }))])(
    'whatever the nonce is',
    (one) => {
      let pairs: readonly HeaderPair[]
      try {
        pairs = compileHeaders(presets.strict).dynamic(one)
      } catch (error) {
        expect(error).toBeInstanceOf(TypeError)
        return
      }
      expectSound(pairs)
      const value = pairs[0]?.[1] ?? ''
      expect(new CspParser(value).csp.directives['style-src']).toEqual(["'self'", `'nonce-${one}'`])
    },
  )
})

/** Policies that compile. */
const goodCsp = fc.dictionary(
  fc.constantFrom('default-src', 'script-src', 'style-src', 'script-src-elem', 'style-src-elem'),
  fc.uniqueArray(fc.constantFrom(NONCE, "'self'", 'https:', 'https://a.example'), { minLength: 1 }),
  { minKeys: 1 },
)
const goodPolicy = fc.record(
  {
    csp: goodCsp,
    cspReportOnly: goodCsp.map((csp) => ({ ...csp, 'report-uri': ['/r'] })),
    permissionsPolicy: fc.dictionary(fc.constantFrom('camera', 'usb'), fc.constantFrom([], ['self']), { minKeys: 1 }),
    hsts: fc.record(
      { maxAge: fc.constantFrom('365d' as const, 0), includeSubDomains: fc.boolean() },
      { requiredKeys: ['maxAge'] },
    ),
    frameOptions: fc.constantFrom('DENY' as const, 'SAMEORIGIN' as const),
    reportingEndpoints: fc.constant({ csp: 'https://a.example/r' }),
  },
  { requiredKeys: [] },
) // prettier-ignore

describe('a compiled policy', () => {
  test.prop([goodPolicy])('holds the nonce as often as NONCE was given', (policy) => {
    const asked = [policy.csp, policy.cspReportOnly]
      .flatMap((csp) => Object.values(csp ?? {}))
      .flat()
      .filter((one) => one === NONCE)
    const result = compileHeaders(policy)
    expect(result.dynamic(nonce).join(' ').split(nonce).length - 1).toBe(asked.length)
    expect(result.usesNonce).toBe(asked.length > 0)
    expect(result.static.join(' ')).not.toContain(nonce)
  })

  test.prop([goodPolicy])('is the same each time, and does not follow later changes', (policy) => {
    const changeable = structuredPolicy(policy)
    const result = compileHeaders(changeable)
    const before = result.pairs(nonce)
    expect(compileHeaders(policy).pairs(nonce)).toEqual(before)
    spoil(changeable)
    expect(result.pairs(nonce)).toEqual(before)
  })
})

/** A deep copy; `structuredClone` takes no symbols. */
function structuredPolicy<T>(value: T): T {
  if (Array.isArray(value)) return value.map(structuredPolicy) as T
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, structuredPolicy(one)])) as T
}

function spoil(value: unknown): void {
  if (typeof value !== 'object' || value === null) return
  for (const one of Object.values(value)) spoil(one)
  if (Array.isArray(value)) value.push('*')
  else Object.assign(value, { 'script-src': ['*'] })
}

const change: fc.Arbitrary<PolicyChanges> = fc.record(
  {
    csp: fc.oneof(
      fc.constantFrom(false as const, undefined),
      fc.dictionary(
        fc.constantFrom('default-src', 'script-src', 'img-src'),
        fc.oneof(fc.constantFrom(false as const, undefined), fc.constantFrom(["'self'"], [NONCE])),
      ),
    ),
    permissionsPolicy: fc.dictionary(
      fc.constantFrom('camera', 'usb'),
      fc.constantFrom(false as const, undefined, [], ['self']),
    ),
    hsts: fc.oneof(
      fc.constantFrom(false as const, undefined),
      fc.record({ maxAge: fc.constantFrom('1d' as const, 0) }),
    ),
    frameOptions: fc.constantFrom(false as const, undefined, 'DENY' as const, 'SAMEORIGIN' as const),
  },
  { requiredKeys: [] },
) // prettier-ignore

describe('extendPolicy', () => {
  test.prop([goodPolicy])('changes nothing when nothing is to be changed', (policy) => {
    expect(extendPolicy(policy, {})).toEqual(policy)
    expect(Object.keys(extendPolicy(policy, {}))).toEqual(Object.keys(policy))
  })

  test.prop([goodPolicy, change])('is the same twice as once', (policy, one) => {
    const once = extendPolicy(policy, one)
    expect(extendPolicy(once, one)).toEqual(once)
  })

  test.prop([goodPolicy, change, change])('lets the last change win', (policy, first, last) => {
    const result = extendPolicy(extendPolicy(policy, first), last)
    for (const option of ['csp', 'permissionsPolicy', 'hsts', 'frameOptions'] as const) {
      const asked: unknown = last[option]
      if (asked === false) expect(result).not.toHaveProperty(option)
      else if (typeof asked === 'string') expect(result[option]).toBe(asked)
      else
        for (const [name, value] of Object.entries(asked ?? {})) {
          const got = (result[option] as Record<string, unknown> | undefined)?.[name]
          if (value !== undefined) expect(got).toEqual(value === false ? undefined : value)
        }
    }
  })

  test.prop([goodPolicy, change])('changes neither of what it was given', (policy, one) => {
    const before = structuredPolicy([policy, one])
    spoil(extendPolicy(policy, one))
    expect([policy, one]).toEqual(before)
  })
})
