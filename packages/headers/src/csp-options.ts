import { refused } from './errors.ts'
import { oneOf, propertiesOf } from './options.ts'
import type { CspPolicy, HeaderPolicy } from './policy.ts'

/** The two policies with what `trustedTypes` and `reports` add to them. */
export interface EffectivePolicies {
  readonly csp: CspPolicy | undefined
  readonly cspReportOnly: CspPolicy | undefined
}

const requirement = 'require-trusted-types-for'

/** Puts the options `trustedTypes` and `reports` into the policies. */
export function effectivePolicies(policy: HeaderPolicy): EffectivePolicies {
  const { csp, cspReportOnly } = withTrustedTypes(
    copyOf(policy.csp, 'csp'),
    copyOf(policy.cspReportOnly, 'cspReportOnly'),
    policy.trustedTypes,
  )
  if (policy.reports === undefined) return { csp, cspReportOnly }
  if (csp === undefined && cspReportOnly === undefined) throw refused('reports', 'there is no policy that could report')
  return {
    csp: withReports(csp, 'csp', policy.reports),
    cspReportOnly: withReports(cspReportOnly, 'cspReportOnly', policy.reports),
  }
}

function withTrustedTypes(
  csp: CspPolicy | undefined,
  cspReportOnly: CspPolicy | undefined,
  option: unknown,
): EffectivePolicies {
  if (option === undefined) return { csp, cspReportOnly }
  const required = { [requirement]: ["'script'"] }
  if (oneOf(option, 'trustedTypes', ['enforce', 'report']) === 'enforce') {
    return { csp: { ...csp, [requirement]: csp?.[requirement] ?? required[requirement] }, cspReportOnly }
  }
  if (csp?.[requirement] !== undefined)
    throw refused(`csp.${requirement}`, "it enforces what trustedTypes: 'report' only reports; remove one of them")
  return { csp, cspReportOnly: { ...(cspReportOnly ?? targetsOf(csp)), ...required } }
}

/** A policy that reports Trusted Types alone reports to where the enforced one does. */
function targetsOf(csp: CspPolicy | undefined): CspPolicy {
  return Object.fromEntries(Object.entries(csp ?? {}).filter(([name]) => name === 'report-uri' || name === 'report-to'))
}

function withReports(policy: CspPolicy | undefined, path: string, reports: string): CspPolicy | undefined {
  if (policy === undefined) return undefined
  if (policy['report-uri'] !== undefined)
    throw refused(`${path}.report-uri`, "the option 'reports' says it too; remove one of them")
  return { ...policy, 'report-uri': [reports] }
}

function copyOf(policy: unknown, path: string): CspPolicy | undefined {
  return policy === undefined ? undefined : (Object.fromEntries(propertiesOf(policy, path)) as CspPolicy)
}
