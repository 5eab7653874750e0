import { policyOptions } from './header-table.ts'
import { checkOptions } from './options.ts'
import { snapshotOf } from './snapshot.ts'

/** A copy of a policy, or of changes to one, of which no option is unknown. */
export function policyOf(value: unknown): Record<string, unknown> {
  const policy = snapshotOf(value) as Record<string, unknown>
  checkOptions(policy, 'policy', policyOptions)
  return policy
}
