import { type HeaderPair, isSecurityError, type ProblemParts } from '@mosaajii/core'
import type { Decision } from './decision.ts'
import { RateLimitError } from './errors.ts'
import { causeOf } from './failure-cause.ts'
import { seconds } from './rate-limit-fields.ts'

/** A refusal as an error: what `problems()` answers, and what an error handler of your own finds by {@link isRateLimitRefusal}. */
export type RateLimitRefusal = RateLimitError & {
  readonly code: 'QUOTA_EXCEEDED' | 'LIMITER_UNAVAILABLE'
  readonly status: 429 | 503
  /** What the answer says: all that a client should know. */
  readonly problem: ProblemParts & { readonly headers: readonly HeaderPair[] }
  /** What the limiter said. Logs that print the error's own fields do not show it. */
  readonly decision: Decision
}

/**
 * Tells whether a caught value is a limit's refusal, of a guard or of `admit()`, also one of another copy of this package.
 *
 * @example
 * app.use((error, req, res, next) => {
 *   if (!isRateLimitRefusal(error)) return next(error)
 *   const { status, problem, decision } = error
 *   res.status(status).set(Object.fromEntries(problem.headers)).send(pageFor(decision.retryAfterMs))
 * })
 */
export function isRateLimitRefusal(error: unknown): error is RateLimitRefusal {
  if (!isSecurityError(error) || !codes.has(error.code)) return false
  try {
    const { decision, problem } = error as Partial<RateLimitRefusal>
    return decision?.allowed === false && Array.isArray(problem?.headers)
  } catch {
    return false
  }
}

const codes: ReadonlySet<string> = new Set(['QUOTA_EXCEEDED', 'LIMITER_UNAVAILABLE'])

/** The draft's own type: draft-ietf-httpapi-ratelimit-headers-11, section 5.1. */
const quotaExceeded = {
  type: 'https://iana.org/assignments/http-problem-types#quota-exceeded',
  title: 'Quota Exceeded',
}

/** Where the store cannot be reached nobody knows when to come back; breakers try again several times a second. */
const failureRetry = '1'

/**
 * The error of a decision that refuses: 429 when a limit is reached, 503 when the store could not be asked, with what that failed with as its cause.
 *
 * @param policyName how a client knows a rule.
 * @param fields what else the answer tells.
 */
export function limitRefusal(
  decision: Decision,
  policyName: (rule: string) => string,
  fields: readonly HeaderPair[],
): RateLimitRefusal {
  if (decision.source === 'failure') {
    const error = new RateLimitError('LIMITER_UNAVAILABLE', 'the store of the limits cannot be reached', {
      status: 503,
      ...causeOf(decision),
    })
    return withDecision(error, decision, { headers: [['Retry-After', failureRetry] as const, ...fields] })
  }
  const { retryAfterMs, violated } = decision
  const headers = retryAfterMs === null ? fields : [['Retry-After', retryAfter(retryAfterMs)] as const, ...fields]
  const error = new RateLimitError('QUOTA_EXCEEDED', `refused by the limits ${violated.join(', ')}`, { status: 429 })
  const members = { 'violated-policies': violated.map(policyName) }
  return withDecision(error, decision, { ...quotaExceeded, members, headers })
}

function withDecision(error: RateLimitError, decision: Decision, problem: ProblemParts): RateLimitRefusal {
  // Not enumerable: whoever logs errors by their fields wants no counters in each line.
  Object.defineProperty(error, 'decision', { value: decision })
  return Object.assign(error, { problem }) as RateLimitRefusal
}

/** RFC 9110, section 10.2.3. Never 0: what was refused just now would be refused again. */
function retryAfter(ms: number): string {
  return String(Math.max(1, seconds(ms)))
}
