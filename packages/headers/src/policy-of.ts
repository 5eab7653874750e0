import { policyOptions } from './header-table.ts'
import { optionsOf } from './own-options.ts'

/** A copy of a policy, or of changes to one, of which no option is unknown. */
export function policyOf(value: unknown): Record<string, unknown> {
  return optionsOf(value as Record<string, unknown>, 'policy', policyOptions)
}
