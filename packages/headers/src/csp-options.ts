import { target } from './csp-values.ts'
import { refuse } from './errors.ts'
import { oneOf, recordOf } from './options.ts'
import { reportAddress } from './reporting.ts'

type Snapshot = Record<string, unknown>

/** Writes what the options `trustedTypes` and `reports` ask for into the policies of a snapshot. */
export function applyShortcuts(policy: Snapshot): void {
  const { trustedTypes, reports } = policy
  if (trustedTypes !== undefined) {
    const report = oneOf(trustedTypes, 'trustedTypes', ['enforce', 'report']) === 'report'
    // To report, the enforced policy must not have it either; only a copy is changed.
    add(report ? { ...policy } : policy, 'csp', 'require-trusted-types-for', "'script'")
    if (report) {
      policy['cspReportOnly'] ??= targetsOf(policy['csp'])
      add(policy, 'cspReportOnly', 'require-trusted-types-for', "'script'")
    }
  }
  if (reports !== undefined) {
    const address = reportAddress(reports, 'reports')
    const options = ['csp', 'cspReportOnly'].filter((option) => policy[option] !== undefined)
    if (options.length === 0) refuse('reports', 'needs csp or cspReportOnly')
    for (const option of options) add(policy, option, 'report-uri', address)
  }
}

/** A policy that does nothing but report to where the enforced one does. */
function targetsOf(csp: unknown = {}): object {
  return Object.fromEntries(Object.entries(csp as object).filter(([name]) => target.test(name)))
}

function add(policy: Snapshot, option: string, directive: string, value: string): void {
  const before = recordOf(policy[option] ?? {}, option)
  if (Object.hasOwn(before, directive)) refuse(`${option}.${directive}`, 'is in trustedTypes or reports too')
  policy[option] = { __proto__: null, ...before, [directive]: [value] }
}
