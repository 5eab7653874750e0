import { isSecurityError, type Problem } from '@mosaajii/core'
import type { RefusalCount } from '../refusal-count.ts'

/** What `problems()` tells of each error: refusals of the limits are counted, and what nobody expected is logged. */
export function onProblem(refusals: RefusalCount): (error: unknown, problem: Problem) => void {
  return (error, problem) => {
    refusals.see(error)
    logUnexpected(error, problem)
  }
}

/**
 * An error that is neither the SDK's nor the shop's own goes to the server's log, its class and stack
 * only, because its message may quote data.
 */
function logUnexpected(error: unknown, { status }: Problem): void {
  if (!isSecurityError(error) && status >= 500) console.error(`unexpected ${describe(error)}`)
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return typeof error
  const frames = (error.stack ?? '').split('\n').filter((line) => line.startsWith('    at '))
  return [error.name, ...frames].join('\n')
}
