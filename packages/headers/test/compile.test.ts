import {
  type CspPolicy,
  compileHeaders,
  describe as described,
  type HeaderPolicy,
  NONCE,
  presets,
} from '@mosaajii/headers'
import { describe, expect, it } from 'vitest'

const nonce = 'MTIzNDU2Nzg5MDEyMzQ1Njc4'

/** The one header that a policy makes. */
function headerOf(policy: HeaderPolicy): string | undefined {
  const pairs = compileHeaders(policy).pairs(nonce)
  expect(pairs.length).toBeLessThan(2)
  return pairs[0]?.join(': ')
}

describe('a compiled policy', () => {
  it('keeps apart what is the same on each answer and what is not', () => {
    const compiled = compileHeaders({
      csp: { 'script-src': [NONCE], 'style-src': [NONCE] },
      cspReportOnly: { 'default-src': ["'self'"], 'script-src': ["'self'", NONCE] },
      reports: '/r',
      frameOptions: 'DENY',
    })
    expect(compiled.static).toEqual([['x-frame-options', 'DENY']])
    expect(compiled.usesNonce).toBe(true)
    const dynamic = [
      ['content-security-policy', `script-src 'nonce-${nonce}'; style-src 'nonce-${nonce}'; report-uri /r`],
      ['content-security-policy-report-only', `default-src 'self'; script-src 'self' 'nonce-${nonce}'; report-uri /r`],
    ]
    expect(compiled.dynamic(nonce)).toEqual(dynamic)
    expect(compiled.pairs(nonce)).toEqual([...compiled.static, ...dynamic])
  })

  it('has nothing to fill in without NONCE', () => {
    const compiled = compileHeaders(presets.api)
    expect([compiled.usesNonce, compiled.dynamic(nonce)]).toEqual([false, []])
    expect(compiled.pairs()).toEqual(compiled.static)
  })

  it('makes a fresh nonce for one that nobody gave, the same in both policies', () => {
    const both: CspPolicy = { 'script-src': [NONCE] }
    const compiled = compileHeaders({ csp: both, cspReportOnly: both, reports: '/r' })
    const noncesOf = (): string[] => compiled.pairs().map(([, value]) => /'nonce-([\w+/-]{24})'/.exec(value)?.[1] ?? '')
    const [first, second] = noncesOf()
    expect(first).toHaveLength(24)
    expect(second).toBe(first)
    expect(noncesOf()[0]).not.toBe(first)
  })

  it.each(['A'.repeat(22), 'A'.repeat(256), `${'A'.repeat(22)}==`, `${'Aa0+/'.repeat(5)}=`, 'Aa0-_'.repeat(5)])(
    'takes the nonce %s',
    (one) => {
      // prettier-ignore
      expect(compileHeaders({ csp: { 'script-src': [NONCE] } }).dynamic(one)[0]?.[1]).toBe(`script-src 'nonce-${one}'`)
    },
  )

  it.each([
    ['too short', 'A'.repeat(21)],
    ['too long', 'A'.repeat(257)],
    ['empty', ''],
    ['with a quote', `${'A'.repeat(22)}'`],
    ['with a semicolon', `${'A'.repeat(22)}; script-src *`],
    ['with a space', `${'A'.repeat(11)} ${'A'.repeat(11)}`],
    ['with a line feed', `${'A'.repeat(22)}\n`],
    ['with padding inside', `${'A'.repeat(11)}=${'A'.repeat(11)}`],
    ['with too much padding', `${'A'.repeat(22)}===`],
    ['with a letter outside ASCII', `${'A'.repeat(22)}é`],
    ['no text', 1],
    ['undefined', undefined],
    ['something that would be a text', { toString: () => 'A'.repeat(24) }],
  ])('refuses a nonce that is %s', (_why, one) => {
    expect(() => compileHeaders({ csp: { 'script-src': [NONCE] } }).dynamic(one as string)).toThrow(TypeError)
  })

  it('does not change', () => {
    const compiled = compileHeaders(presets.strict)
    const parts = [compiled, compiled.static, compiled.warnings, ...compiled.static]
    expect(parts.every(Object.isFrozen)).toBe(true)
  })

  it('does not follow the policy that it came from', () => {
    const sources: string[] = ["'self'"]
    const csp = { 'img-src': sources }
    const policy = { csp, hsts: { maxAge: '365d' as const } }
    const compiled = compileHeaders(policy)
    const before = described(compiled)
    sources.push('*')
    Object.assign(csp, { 'script-src': ['*'] })
    Object.assign(policy, { hsts: { maxAge: 0 } })
    expect(described(compiled)).toBe(before)
  })

  it('reads each property once, so that a getter cannot answer twice', () => {
    let asked = 0
    const csp: CspPolicy = {
      get 'img-src'() {
        asked += 1
        return asked === 1 ? ["'self'"] : ['*; script-src *']
      },
    }
    expect(headerOf({ csp, reports: '/r' })).toBe("content-security-policy: img-src 'self'; report-uri /r")
    expect(asked).toBe(1)
  })

  it('reads everything once', () => {
    const reads = new Map<string, number>()
    const counting = (value: unknown, path: string): unknown => {
      if (typeof value !== 'object' || value === null) return value
      return new Proxy(Array.isArray(value) ? [...(value as unknown[])] : { ...value }, {
        get: (target, key) => {
          const at = `${path}.${String(key)}`
          reads.set(at, (reads.get(at) ?? 0) + 1)
          return counting(Reflect.get(target, key), at)
        },
      })
    }
    const policy = {
      ...presets.strict,
      csp: { ...presets.strict.csp, 'report-to': ['csp'] },
      cspReportOnly: { 'img-src': ["'self'"] },
      reports: '/r',
      referrerPolicy: ['no-referrer', 'same-origin'],
      reportingEndpoints: { csp: 'https://a.example/r' },
      allow: ['new-src'],
    }
    compileHeaders(counting(policy, 'policy') as HeaderPolicy)
    expect(reads.get('policy.csp.script-src.3')).toBe(1)
    expect([...reads].filter(([, times]) => times !== 1)).toEqual([])
  })

  it('reads each element once', () => {
    let asked = 0
    const sources = new Proxy(["'self'"], {
      get: (target, key, receiver) =>
        key === '0' && (asked += 1) > 1 ? '*; script-src *' : (Reflect.get(target, key, receiver) as unknown),
    })
    expect(headerOf({ csp: { 'img-src': sources } })).toBe("content-security-policy: img-src 'self'")
  })

  it('says nothing when nothing is asked', () => {
    expect(compileHeaders({}).pairs()).toEqual([])
    expect(compileHeaders({ csp: undefined } as unknown as HeaderPolicy).pairs()).toEqual([])
  })
})

describe('the values of headers', () => {
  const cases: readonly (readonly [HeaderPolicy, string])[] = [
    [{ csp: { sandbox: true } }, 'content-security-policy: sandbox'],
    [
      { csp: { sandbox: ['allow-forms', 'allow-scripts'], 'upgrade-insecure-requests': true } },
      'content-security-policy: sandbox allow-forms allow-scripts; upgrade-insecure-requests',
    ],
    [
      { csp: { 'trusted-types': ['shop', 'dompurify', "'allow-duplicates'"] } },
      "content-security-policy: trusted-types shop dompurify 'allow-duplicates'",
    ],
    [{ csp: { 'trusted-types': ["'none'"] } }, "content-security-policy: trusted-types 'none'"],
    [
      { csp: { 'report-uri': ['/a?b=c&d', 'https://a.example/r'] } },
      'content-security-policy: report-uri /a?b=c&d https://a.example/r',
    ],
    [
      { csp: { 'default-src': ["'self'"] }, reports: '/r' },
      "content-security-policy: default-src 'self'; report-uri /r",
    ],
    [{ trustedTypes: 'enforce' }, "content-security-policy: require-trusted-types-for 'script'"],
    [
      { cspReportOnly: { 'img-src': ['*'] }, reports: 'https://a.example/r' },
      'content-security-policy-report-only: img-src *; report-uri https://a.example/r',
    ],
    [{ hsts: { maxAge: 0 } }, 'strict-transport-security: max-age=0'],
    [
      { hsts: { maxAge: 31_536_000_000, preload: false, includeSubDomains: false } },
      'strict-transport-security: max-age=31536000',
    ],
    [
      { hsts: { maxAge: '730d', includeSubDomains: true, preload: true } },
      'strict-transport-security: max-age=63072000; includeSubDomains; preload',
    ],
    [
      {
        permissionsPolicy: {
          camera: [],
          'web-share': ['*'],
          payment: ['self', 'https://pay.example', 'https://*.pay.example:8443'],
        },
      },
      'permissions-policy: camera=(), web-share=*, payment=(self "https://pay.example" "https://*.pay.example:8443")',
    ],
    [{ referrerPolicy: 'no-referrer' }, 'referrer-policy: no-referrer'],
    [
      { referrerPolicy: ['no-referrer', 'strict-origin-when-cross-origin'] },
      'referrer-policy: no-referrer, strict-origin-when-cross-origin',
    ],
    [{ contentTypeOptions: 'nosniff' }, 'x-content-type-options: nosniff'],
    [{ frameOptions: 'SAMEORIGIN' }, 'x-frame-options: SAMEORIGIN'],
    [{ crossOriginOpenerPolicy: 'noopener-allow-popups' }, 'cross-origin-opener-policy: noopener-allow-popups'],
    [{ crossOriginEmbedderPolicy: 'credentialless' }, 'cross-origin-embedder-policy: credentialless'],
    [{ crossOriginResourcePolicy: 'same-site' }, 'cross-origin-resource-policy: same-site'],
    [{ originAgentCluster: false }, 'origin-agent-cluster: ?0'],
    [{ dnsPrefetchControl: 'on' }, 'x-dns-prefetch-control: on'],
    [{ permittedCrossDomainPolicies: 'none-this-response' }, 'x-permitted-cross-domain-policies: none-this-response'],
    [
      { reportingEndpoints: { csp: 'https://a.example/r?a=1', default: 'https://b.example' } },
      'reporting-endpoints: csp="https://a.example/r?a=1", default="https://b.example"',
    ],
    [{ cacheControl: 'no-store' }, 'cache-control: no-store'],
  ] // prettier-ignore

  it.each(cases)('%o', (policy, header) => {
    expect(headerOf(policy)).toBe(header)
  })

  it('of no-store on pages is left to the moment when the answer is written', () => {
    const compiled = compileHeaders({ cacheControl: 'no-store on html' })
    expect([compiled.static, compiled.cacheControl]).toEqual([[], 'no-store on html'])
  })
})

describe('trustedTypes: report', () => {
  it('makes a policy that only reports', () => {
    const compiled = compileHeaders({ csp: { 'default-src': ["'self'"] }, trustedTypes: 'report', reports: '/r' })
    expect(compiled.static).toEqual([
      ['content-security-policy', "default-src 'self'; report-uri /r"],
      ['content-security-policy-report-only', "require-trusted-types-for 'script'; report-uri /r"],
    ])
  })

  it('joins the one that is there', () => {
    const compiled = compileHeaders({
      cspReportOnly: { 'img-src': ["'self'"], 'report-uri': ['/mine'] },
      trustedTypes: 'report',
    })
    expect(compiled.static).toEqual([
      ['content-security-policy-report-only', "img-src 'self'; report-uri /mine; require-trusted-types-for 'script'"],
    ])
  })

  it('reports to where the enforced policy does', () => {
    const csp: CspPolicy = { 'default-src': ["'self'"], 'report-uri': ['/mine'], 'report-to': ['csp'] }
    const compiled = compileHeaders({ csp, trustedTypes: 'report', reportingEndpoints: { csp: 'https://a.example/r' } })
    expect(compiled.static[1]).toEqual([
      'content-security-policy-report-only',
      "report-uri /mine; report-to csp; require-trusted-types-for 'script'",
    ])
  })
})

describe('warnings', () => {
  const strict = presets.strict.csp
  const cases: readonly (readonly [why: string, policy: HeaderPolicy, warning: RegExp])[] = [
    [
      "'unsafe-eval'",
      { csp: { ...strict, 'script-src': [NONCE, "'unsafe-eval'"] } },
      /^csp\.script-src: 'unsafe-eval' turns text into code$/,
    ],
    ['scripts from anywhere', { csp: { ...strict, 'script-src': [NONCE, 'https:'] } }, /^csp\.script-src: https:/],
    ['scripts from data', { csp: { ...strict, 'script-src': [NONCE, 'data:'] } }, /^csp\.script-src: data:/],
    ['scripts from blobs', { csp: { ...strict, 'script-src-elem': [NONCE, 'blob:'] } }, /^csp\.script-src-elem: blob:/],
    ['a wildcard', { csp: { ...strict, 'default-src': ['*'] } }, /^csp\.default-src: \*/],
    ['a wildcard with a scheme', { csp: { ...strict, 'object-src': ['https://*'] } }, /^csp\.object-src: https:\/\/\*/],
    [
      'plain http',
      { csp: { ...strict, 'img-src': ['http://a.example'] } },
      /^csp\.img-src: http:\/\/a\.example can be changed/,
    ],
    [
      'plain sockets',
      { csp: { ...strict, 'connect-src': ['ws://a.example'] } },
      /^csp\.connect-src: ws:\/\/a\.example can be changed/,
    ],
    ['an address', { csp: { ...strict, 'img-src': ['192.168.1.5'] } }, /^csp\.img-src: 192\.168\.1\.5/],
    ['a top-level domain', { csp: { ...strict, 'img-src': ['*.example'] } }, /^csp\.img-src: \*\.example/],
    ['no scripts named', { csp: { 'img-src': ["'self'"], 'base-uri': ["'none'"] } }, /^csp: has no script-src/],
    ['no base-uri', { csp: { 'default-src': ["'none'"], 'script-src': [NONCE] } }, /^csp: has no base-uri/],
    ['frame options that say less', { csp: strict ?? {}, frameOptions: 'SAMEORIGIN' }, /^frameOptions: /],
    [
      'frame options that say more',
      { csp: { ...strict, 'frame-ancestors': ["'self'", 'https://a.example'] }, frameOptions: 'DENY' },
      /^frameOptions: /,
    ],
    ['a referrer that tells all', { referrerPolicy: 'unsafe-url' }, /^referrerPolicy: unsafe-url/],
    [
      'a referrer that tells much',
      { referrerPolicy: ['no-referrer', 'no-referrer-when-downgrade'] },
      /^referrerPolicy: /,
    ],
    ['a short time', { hsts: { maxAge: '1d' } }, /^hsts\.maxAge: 86400 seconds are few$/],
  ] // prettier-ignore

  it.each(cases)('%s', (_why, policy, warning) => {
    const { warnings } = compileHeaders(policy)
    expect(warnings).toHaveLength(1)
    expect(warnings[0]).toMatch(warning)
  })

  it.each([
    [
      'a fallback',
      { csp: { ...strict, 'script-src': [NONCE, "'strict-dynamic'", 'https:', 'http:', '*', "'unsafe-inline'"] } },
    ],
    ['images from anywhere', { csp: { ...strict, 'img-src': ['https:', 'data:'] } }],
    ['this machine', { csp: { ...strict, 'connect-src': ['ws://localhost:3000', 'http://127.0.0.1:8080'] } }],
    [
      'frame options that say the same',
      { csp: { ...strict, 'frame-ancestors': ["'self'"] }, frameOptions: 'SAMEORIGIN' },
    ],
    ['HSTS switched off', { hsts: { maxAge: 0 } }],
  ] satisfies [string, HeaderPolicy][])('not of %s', (_what, policy) => {
    expect(compileHeaders(policy).warnings).toEqual([])
  })
})

describe('a description', () => {
  it('is what people read', () => {
    const compiled = compileHeaders({
      csp: {
        'default-src': ["'self'"],
        'script-src': [NONCE, "'unsafe-eval'"],
        'base-uri': ["'none'"],
        'upgrade-insecure-requests': true,
      },
      permissionsPolicy: { camera: [], payment: ['self'] },
      hsts: { maxAge: '365d', includeSubDomains: true },
      referrerPolicy: ['no-referrer', 'same-origin'],
      cacheControl: 'no-store on html',
    })
    expect(described(compiled)).toBe(
      [
        'content-security-policy',
        "  default-src 'self'",
        "  script-src 'nonce-{nonce}' 'unsafe-eval'",
        "  base-uri 'none'",
        '  upgrade-insecure-requests',
        'strict-transport-security: max-age=31536000; includeSubDomains',
        'permissions-policy',
        '  camera=()',
        '  payment=(self)',
        'referrer-policy: no-referrer, same-origin',
        'cache-control: no-store (text/html only)',
        'Warnings',
        "  csp.script-src: 'unsafe-eval' turns text into code",
      ].join('\n'),
    )
  })

  it('refuses what is no compiled policy', () => {
    expect(() => described(presets.strict as never)).toThrow('describe: give what compileHeaders() returned')
  })
})
