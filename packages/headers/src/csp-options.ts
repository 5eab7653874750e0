import { refused } from './errors.ts'
import { oneOf, recordOf } from './options.ts'
import type { CspPolicy, HeaderPolicy } from './policy.ts'
import { reportAddress } from './reporting.ts'

/** The two policies. */
interface Policies {
  readonly csp: CspPolicy | undefined
  readonly cspReportOnly: CspPolicy | undefined
}

const requirement = 'require-trusted-types-for'

/** Puts the options `trustedTypes` and `reports` into the policies. */
export function effectivePolicies(policy: HeaderPolicy): Policies {
  const { csp, cspReportOnly } = withTrustedTypes(policy)
  const { reports } = policy
  if (reports === undefined) return { csp, cspReportOnly }
  const address = reportAddress(reports, 'reports')
  if (csp === undefined && cspReportOnly === undefined) throw refused('reports', 'there is no policy that could report')
  return {
    csp: csp && added(csp, 'csp', 'report-uri', address),
    cspReportOnly: cspReportOnly && added(cspReportOnly, 'cspReportOnly', 'report-uri', address),
  }
}

function withTrustedTypes({ csp, cspReportOnly, trustedTypes }: HeaderPolicy): Policies {
  if (trustedTypes === undefined) return { csp, cspReportOnly }
  const enforced = added(csp, 'csp', requirement, "'script'")
  if (oneOf(trustedTypes, 'trustedTypes', ['enforce', 'report']) === 'enforce') return { csp: enforced, cspReportOnly }
  return { csp, cspReportOnly: added(cspReportOnly ?? targetsOf(csp), 'cspReportOnly', requirement, "'script'") }
}

/** A policy that does nothing but report Trusted Types reports to where the enforced one does. */
function targetsOf(csp: CspPolicy | undefined): CspPolicy {
  return Object.fromEntries(Object.entries(csp ?? {}).filter(([name]) => name.startsWith('report-')))
}

function added(policy: CspPolicy = {}, path: string, directive: string, value: string): CspPolicy {
  if (Object.hasOwn(recordOf(policy, path), directive)) {
    throw refused(`${path}.${directive}`, 'trustedTypes or reports says this too')
  }
  return { ...policy, [directive]: [value] }
}
