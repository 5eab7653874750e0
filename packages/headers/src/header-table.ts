import type { Build } from './build.ts'
import { cspText, reportOnlyText } from './csp.ts'
import { hstsText } from './hsts.ts'
import { elementsOf, oneOf, refuseRepeats } from './options.ts'
import { permissionsPolicyText } from './permissions-policy.ts'
import type { HeaderPolicy } from './policy.ts'
import { refused } from './errors.ts'
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
  ['originAgentCluster', 'Origin-Agent-Cluster', booleanText],
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
  const known = words(list)
  return (value, path) => oneOf(value, path, known)
}

function booleanText(value: unknown, path: string): string {
  if (typeof value !== 'boolean') throw new TypeError(`${path}: give true or false`)
  return value ? '?1' : '?0'
}

function cacheControlText(value: unknown, path: string): string | undefined {
  return oneOf(value, path, ['no-store', 'no-store on html']) === 'no-store' ? 'no-store' : undefined
}

const leaky = ['unsafe-url', 'no-referrer-when-downgrade']

function referrerPolicyText(value: unknown, path: string, build: Build): string {
  const list = Array.isArray(value) ? elementsOf(value, path, referrerPolicies.length) : undefined
  const policies = list?.map((one, index) => oneOf(one, `${path}[${index}]`, referrerPolicies)) ?? [
    oneOf(value, path, referrerPolicies),
  ]
  const last = policies.at(-1)
  if (last === undefined) throw refused(path, 'it is empty; leave it out')
  refuseRepeats(policies, path)
  if (leaky.includes(last)) build.warn(path, `${last} gives whole addresses, with their queries, to other sites`)
  return policies.join(', ')
}
