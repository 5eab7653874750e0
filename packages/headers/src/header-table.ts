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

/**
 * Each option that is a header, in the order in which they are sent. The names are in lower case, as HTTP/2 has them: any other is a new string for
 * Node at each answer, to be looked up anew.
 */
export const headerTable: readonly (readonly [option: keyof HeaderPolicy, header: string, write: Write])[] = [
  ['csp', 'content-security-policy', cspText],
  ['cspReportOnly', 'content-security-policy-report-only', reportOnlyText],
  ['hsts', 'strict-transport-security', hstsText],
  ['permissionsPolicy', 'permissions-policy', permissionsPolicyText],
  ['referrerPolicy', 'referrer-policy', referrerPolicyText],
  ['contentTypeOptions', 'x-content-type-options', wordOf('nosniff')],
  ['frameOptions', 'x-frame-options', wordOf('DENY SAMEORIGIN')],
  [
    'crossOriginOpenerPolicy',
    'cross-origin-opener-policy',
    wordOf('same-origin same-origin-allow-popups noopener-allow-popups unsafe-none'),
  ],
  ['crossOriginEmbedderPolicy', 'cross-origin-embedder-policy', wordOf('require-corp credentialless unsafe-none')],
  ['crossOriginResourcePolicy', 'cross-origin-resource-policy', wordOf('same-origin same-site cross-origin')],
  ['originAgentCluster', 'origin-agent-cluster', (value, path) => (flagOf(value, path) ? '?1' : '?0')],
  ['dnsPrefetchControl', 'x-dns-prefetch-control', wordOf('off on')],
  [
    'permittedCrossDomainPolicies',
    'x-permitted-cross-domain-policies',
    wordOf('none master-only by-content-type by-ftp-filename all none-this-response'),
  ],
  ['reportingEndpoints', 'reporting-endpoints', reportingEndpointsText],
  ['cacheControl', 'cache-control', cacheControlText],
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
