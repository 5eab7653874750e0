import type { HeaderPair, ProblemParts } from '@mosaajii/core'
import type { Decision } from './decision.ts'
import { RateLimitError } from './errors.ts'
import { seconds } from './rate-limit-fields.ts'

/** A refusal as an error that `problems()` answers, with all that a client should know. */
export type LimitRefusal = RateLimitError & { readonly problem: ProblemParts }

/** The draft's own type: draft-ietf-httpapi-ratelimit-headers-11, section 5.1. */
const quotaExceeded = {
  type: 'https://iana.org/assignments/http-problem-types#quota-exceeded',
  title: 'Quota Exceeded',
}

/** Where the store cannot be reached nobody knows when to come back; breakers try again several times a second. */
const failureRetry = '1'

/**
 * The error of a decision that refuses: 429 when a limit is reached, 503 when the store could not be asked.
 *
 * @param policyName how a client knows a rule.
 * @param fields what else the answer tells.
 */
export function limitRefusal(
  decision: Decision,
  policyName: (rule: string) => string,
  fields: readonly HeaderPair[],
): LimitRefusal {
  if (decision.source === 'failure') {
    const error = new RateLimitError('LIMITER_UNAVAILABLE', 'the store of the limits cannot be reached', {
      status: 503,
    })
    return Object.assign(error, { problem: { headers: [['Retry-After', failureRetry] as const, ...fields] } })
  }
  const { retryAfterMs, violated } = decision
  const headers = retryAfterMs === null ? fields : [['Retry-After', retryAfter(retryAfterMs)] as const, ...fields]
  const error = new RateLimitError('QUOTA_EXCEEDED', `refused by the limits ${violated.join(', ')}`, { status: 429 })
  return Object.assign(error, {
    problem: { ...quotaExceeded, members: { 'violated-policies': violated.map(policyName) }, headers },
  })
}

/** RFC 9110, section 10.2.3. Never 0: what was refused just now would be refused again. */
function retryAfter(ms: number): string {
  return String(Math.max(1, seconds(ms)))
}
