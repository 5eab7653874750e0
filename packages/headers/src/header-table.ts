import type { Build } from './build.ts'
import { cspText, reportOnlyText } from './csp.ts'
import { hstsText } from './hsts.ts'
import { flagOf, isEmpty, listOf, oneOf } from './options.ts'
import { permissionsPolicyText } from './permissions-policy.ts'
import type { HeaderPolicy } from './policy.ts'
import { reportingEndpointsText } from './reporting.ts'
import { referrerPolicies, words } from './tables.ts'

/** Checks the value of an option and writes the value of its header; `undefined` when no header follows from it alone. */
type Write = (value: unknown, path: string, build: Build) => string | undefined

/** Each option that is a header, in the order in which they are sent. */
export const headerTable: readonly (readonly [option: keyof HeaderPolicy, header: string, write: Write])[] = [
  ['csp', 'Content-Security-Policy', cspText],
  ['cspReportOnly', 'Content-Security-Policy-Report-Only', reportOnlyText],
  ['hsts', 'Strict-Transport-Security', hstsText],
  ['permissionsPolicy', 'Permissions-Policy', permissionsPolicyText],
  ['referrerPolicy', 'Referrer-Policy', referrerPolicyText],
  ['contentTypeOptions', 'X-Content-Type-Options', wordOf('nosniff')],
  ['frameOptions', 'X-Frame-Options', wordOf('DENY SAMEORIGIN')],
  [
    'crossOriginOpenerPolicy',
    'Cross-Origin-Opener-Policy',
    wordOf('same-origin same-origin-allow-popups noopener-allow-popups unsafe-none'),
  ],
  ['crossOriginEmbedderPolicy', 'Cross-Origin-Embedder-Policy', wordOf('require-corp credentialless unsafe-none')],
  ['crossOriginResourcePolicy', 'Cross-Origin-Resource-Policy', wordOf('same-origin same-site cross-origin')],
  ['originAgentCluster', 'Origin-Agent-Cluster', (value, path) => (flagOf(value, path) ? '?1' : '?0')],
  ['dnsPrefetchControl', 'X-DNS-Prefetch-Control', wordOf('off on')],
  [
    'permittedCrossDomainPolicies',
    'X-Permitted-Cross-Domain-Policies',
    wordOf('none master-only by-content-type by-ftp-filename all none-this-response'),
  ],
  ['reportingEndpoints', 'Reporting-Endpoints', reportingEndpointsText],
  ['cacheControl', 'Cache-Control', cacheControlText],
]

/** Every option of a policy. */
export const policyOptions: readonly string[] = [
  ...headerTable.map(([option]) => option),
  'trustedTypes',
  'reports',
  'allow',
]

function wordOf(list: string): Write {
  return (value, path) => oneOf(value, path, words(list))
}

function cacheControlText(value: unknown, path: string): string | undefined {
  return oneOf(value, path, ['no-store', 'no-store on html']) === 'no-store' ? 'no-store' : undefined
}

function referrerPolicyText(value: unknown, path: string, build: Build): string {
  const one = (each: unknown, at: string): string => oneOf(each, at, referrerPolicies)
  const policies = Array.isArray(value) ? listOf(value, path, one, isEmpty) : [one(value, path)]
  const last = policies.at(-1) as string
  if (/^unsafe|downgrade$/.test(last)) build.warn(path, `${last} tells other sites whole addresses`)
  return policies.join(', ')
}
