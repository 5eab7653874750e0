import { compileHeaders, extendPolicy, HeadersError, NONCE, type PolicyChanges, presets } from '@mosaajii/headers'
import { describe, expect, it } from 'vitest'

describe('extendPolicy', () => {
  it('changes, adds and removes directives, and leaves the others', () => {
    const policy = extendPolicy(presets.strict, {
      csp: {
        'img-src': ["'self'", 'https://cdn.example'],
        'font-src': false,
        'media-src': ["'self'"],
        'style-src': undefined,
      },
    })
    expect(compileHeaders(policy).dynamic('A'.repeat(24))[0]?.[1]).toBe(
      `default-src 'none'; script-src 'nonce-${'A'.repeat(24)}' 'strict-dynamic' https: 'unsafe-inline'; style-src 'self' 'nonce-${'A'.repeat(24)}'; ` +
        "img-src 'self' https://cdn.example; connect-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; object-src 'none'; " +
        "frame-ancestors 'none'; media-src 'self'; require-trusted-types-for 'script'",
    )
  })

  it('changes features, endpoints and the parts of hsts one by one', () => {
    const policy = extendPolicy(
      {
        permissionsPolicy: { camera: [], usb: [] },
        hsts: { maxAge: '365d', includeSubDomains: true },
        reportingEndpoints: { a: 'https://a.example' },
      },
      {
        permissionsPolicy: { camera: ['self'], serial: [], usb: false },
        hsts: { maxAge: '1d', includeSubDomains: false },
        reportingEndpoints: { b: 'https://b.example' },
      },
    ) // prettier-ignore
    expect(policy).toEqual({
      permissionsPolicy: { camera: ['self'], serial: [] },
      hsts: { maxAge: '1d' },
      reportingEndpoints: { a: 'https://a.example', b: 'https://b.example' },
    })
  })

  it('removes, replaces and leaves whole options', () => {
    const policy = extendPolicy(presets.api, {
      hsts: false,
      referrerPolicy: 'same-origin',
      csp: undefined,
      crossOriginResourcePolicy: false,
    })
    expect(policy).toEqual({
      csp: presets.api.csp,
      referrerPolicy: 'same-origin',
      contentTypeOptions: 'nosniff',
      frameOptions: 'DENY',
      permittedCrossDomainPolicies: 'none',
      cacheControl: 'no-store',
    })
  })

  it('adds an option that was not there', () => {
    expect(extendPolicy({}, { csp: { 'default-src': ["'none'"] } })).toEqual({ csp: { 'default-src': ["'none'"] } })
    expect(extendPolicy({ frameOptions: 'DENY' }, { permissionsPolicy: { camera: [] } })).toEqual({
      frameOptions: 'DENY',
      permissionsPolicy: { camera: [] },
    })
  })

  it('leaves an option out when nothing is left of it', () => {
    expect(extendPolicy({ csp: { 'img-src': ['*'] }, frameOptions: 'DENY' }, { csp: { 'img-src': false } })).toEqual({
      frameOptions: 'DENY',
    })
  })

  it('takes originAgentCluster: false as the value that it is', () => {
    expect(extendPolicy(presets.strict, { originAgentCluster: false }).originAgentCluster).toBe(false)
  })

  it('joins the names that policies vouch for', () => {
    const first = extendPolicy({}, { csp: { 'a-src': ['*'] }, allow: ['a-src'] })
    expect(extendPolicy(first, { permissionsPolicy: { 'b-feature': [] }, allow: ['b-feature'] }).allow).toEqual([
      'a-src',
      'b-feature',
    ])
    expect(extendPolicy(first, { csp: false, allow: false })).toEqual({})
  })

  it('gives a policy that can be extended again', () => {
    const once = extendPolicy(presets.strict, { csp: { 'script-src': [NONCE] } })
    const twice = extendPolicy(once, { csp: { 'script-src': ["'self'", NONCE] }, trustedTypes: false })
    expect(compileHeaders(twice).dynamic('A'.repeat(24))[0]?.[1]).toContain(
      `script-src 'self' 'nonce-${'A'.repeat(24)}'; `,
    )
    expect(twice).not.toHaveProperty('trustedTypes')
  })

  it('shares nothing with what it was given', () => {
    const sources = ["'self'"]
    const policy = extendPolicy({ csp: { 'img-src': sources } }, { csp: { 'font-src': sources } })
    sources.push('*')
    expect(policy).toEqual({ csp: { 'img-src': ["'self'"], 'font-src': ["'self'"] } })
  })

  const refusals: readonly (readonly [why: string, changes: unknown, path: string])[] = [
    ['an unknown directive', { csp: { 'scrpt-src': ["'self'"] } }, 'csp.scrpt-src'],
    ['the removal of an unknown directive', { csp: { 'scrpt-src': false } }, 'csp.scrpt-src'],
    ['a former directive', { csp: { 'plugin-types': ['a'] } }, 'csp.plugin-types'],
    ['an unknown directive in report-only', { cspReportOnly: { 'scrpt-src': false } }, 'cspReportOnly.scrpt-src'],
    ['an unknown feature', { permissionsPolicy: { camra: false } }, 'permissionsPolicy.camra'],
    ['__proto__ as a directive', { csp: JSON.parse('{"__proto__":false}') }, 'csp.__proto__'],
    ['a name with syntax', { allow: ['a; b'] }, 'allow[0]'],
  ]
  it.each(refusals)('refuses %s', (_why, changes, path) => {
    expect(() => extendPolicy(presets.strict, changes as PolicyChanges)).toThrow(HeadersError)
    expect(() => extendPolicy(presets.strict, changes as PolicyChanges)).toThrow(
      new RegExp(`^${path.replaceAll(/[.[\]]/g, String.raw`\$&`)}: `),
    )
  })

  it.each([
    ['an unknown option', { cps: {} }],
    ['__proto__', JSON.parse('{"__proto__":{}}')],
    ['an unknown part of hsts', { hsts: { maxage: false } }],
    ['a text for the directives', { csp: "default-src 'self'" }],
    ['an array for the directives', { csp: [] }],
    ['no changes', undefined],
    ['a map', new Map()],
  ])('refuses %s by its type', (_why, changes) => {
    expect(() => extendPolicy(presets.strict, changes as PolicyChanges)).toThrow(TypeError)
  })

  it('refuses a policy that is none', () => {
    expect(() => extendPolicy({ csp: 5 } as never, { csp: { 'img-src': ['*'] } })).toThrow('csp: give a plain object')
    expect(() => extendPolicy({ cps: {} } as never, {})).toThrow("unknown option 'cps'")
  })
})
