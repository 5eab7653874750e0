import { checkOptions, type HeaderPair } from '@mosaajii/core'
import { ownOf } from './checks.ts'
import type { Decision } from './decision.ts'
import { fieldOptionNames, LimitFields, type LimitFieldOptions } from './limit-fields.ts'
import { limitRefusal, type RateLimitRefusal } from './limit-refusal.ts'

/** Options of {@link admit}. */
export interface AdmitOptions extends LimitFieldOptions {
  /** The decision of a guard of this request, whose fields the answer has too: `dataOf(req, limitDecision)`. */
  readonly outer?: Decision
}

const optionNames = ['outer', ...fieldOptionNames]

/**
 * Lets a call go on or throws, for checks in a handler, which knows the body: an account, a voucher, an amount.
 *
 * @returns the fields for the answer: `RateLimit-Policy` and `RateLimit`.
 * @throws {RateLimitError} `QUOTA_EXCEEDED` (429) or `LIMITER_UNAVAILABLE` (503); `problems()` answers it just as it answers the refusal of a guard. The latter has what the store failed with as its `cause`, which no client sees.
 * @throws {TypeError} on wrong options, and for what is no decision, such as a promise of one.
 * @example
 * const decision = await limiter.check(['authentication'], { address, account })
 * res.set(Object.fromEntries(admit(decision)))
 */
export function admit(decision: Decision, options: AdmitOptions = {}): readonly HeaderPair[] {
  const { error, headers } = judged(decision, options, 'admit')
  if (error !== undefined) throw error
  return headers
}

/**
 * What {@link admit} would throw, for those who answer refusals in their own way.
 *
 * @returns `undefined` when the decision allows the call. Else an error with `status`, `code`, the `decision`, and in `problem` what the answer says.
 * @throws {TypeError} on wrong options.
 * @example
 * const refusal = refusalOf(await limiter.check(['api'], { address }))
 * if (refusal !== undefined) return new Response(null, { status: refusal.status, headers: refusal.problem.headers })
 */
export function refusalOf(decision: Decision, options: AdmitOptions = {}): RateLimitRefusal | undefined {
  return judged(decision, options, 'refusalOf').error
}

const plain = new LimitFields({}, 'admit')

function judged(
  decision: Decision,
  options: AdmitOptions,
  who: string,
): { readonly error: RateLimitRefusal | undefined; readonly headers: readonly HeaderPair[] } {
  if (typeof decision?.allowed !== 'boolean') {
    throw new TypeError(`${who}: give a decision: what await limiter.check(…) gave`)
  }
  checkOptions(options, who, optionNames)
  const { outer, ...shown } = ownOf(options)
  const fields = Object.keys(shown).length === 0 ? plain : new LimitFields(shown, who)
  const headers = fields.headers(decision, outer)
  return { error: decision.allowed ? undefined : limitRefusal(decision, fields.policyName, headers), headers }
}
