import type { Facts, Guard, Slot, Verdict } from '@mosaajii/core'
import { checkedCost, ownOf, refusePromise } from './checks.ts'
import type { Decision } from './decision.ts'
import { checkKnownOptions } from './known-options.ts'
import { fieldOptionNames, LimitFields, type LimitFieldOptions } from './limit-fields.ts'
import { limitRefusal } from './limit-refusal.ts'
import { type PartitionKeyOptions, partitionKeys } from './partition-keys.ts'
import { askerOf, type RateLimiter } from './rate-limiter.ts'

/** Known to `core`, which need not look at headers for each request that are made of checked names and of numbers. */
const soundHeaders = Symbol.for('@mosaajii/core/sound-headers')

/** The slot of the decision: `dataOf(req, limitDecision)` finds that of the innermost guard. */
export const limitDecision: Slot<Decision> = Object.freeze({ as: 'rateLimit' })

/** Options of {@link limitGuard} and of the adapters. */
export interface LimitGuardOptions<S> extends LimitFieldOptions {
  /** Whom the limiter is asked about. Default: the facts of the request themselves, for rules such as `key: (facts) => addressKey(facts.address)`. */
  readonly subject?: (facts: Facts) => S
  /** What a request costs. Default 1. A rule's own `cost` goes before it. */
  readonly cost?: number | ((facts: Facts) => number)
  /**
   * `false`: only looks whether the rules would admit the request, by `peek`, and counts nothing. For rules whose units come from elsewhere, such as
   * penalties and blocks. Default true.
   */
  readonly count?: boolean
  /** Tells clients in `pk` which counter is theirs: a keyed hash, never the key. Without it there is no `pk`. */
  readonly partitionKey?: PartitionKeyOptions
}

/** The options: `subject` may be left out only where the facts of a request are what the rules want. */
export type LimitGuardArguments<S> = Facts extends S
  ? [options?: LimitGuardOptions<S>]
  : [options: LimitGuardOptions<S> & { readonly subject: (facts: Facts) => S }]

const optionNames = ['subject', 'cost', 'count', 'partitionKey', ...fieldOptionNames]

/**
 * Counts each request by these rules, and refuses it with 429 when one of them is at its limit, or with 503 when the store cannot be reached
 * and a rule denies then. What passes and what is refused tells its limits in `RateLimit-Policy` and `RateLimit`
 * (draft-ietf-httpapi-ratelimit-headers-11); a refusal also in `Retry-After` and a problem of the type `quota-exceeded`. Rules that are
 * `shadow` are not told. Further in, the fields of a guard also have what the guards further out told.
 *
 * @param names which rules; those of their `with` are checked too.
 * @returns a guard whose data is the decision. `check` throws what a key function throws: `RATE_KEY_MISSING` (500), `RATE_KEY_INVALID` (400).
 * @throws {TypeError | RangeError} for wrong names or options, at construction.
 * @example
 * // One IPv6 client has 2^64 addresses: addressKey() of @mosaajii/core/address makes them one.
 * const rules = { api: { limit: 100, window: '1m', key: (facts: Facts) => addressKey(facts.address), onStoreFailure: 'allow' } } as const
 * app.use(toExpress(limitGuard(rateLimiter({ rules }), ['api'])))
 */
export function limitGuard<S, N extends string, M extends N>(
  limiter: RateLimiter<S, N>,
  names: readonly M[],
  ...options: LimitGuardArguments<S>
): Guard<'rateLimit', Decision<N, M>> {
  return guardCalled('limitGuard', limiter, names, options)
}

/** {@link limitGuard} under the name by which the application called it: messages begin with that. */
export function guardCalled<S, N extends string, M extends N>(
  who: string,
  limiter: RateLimiter<S, N>,
  names: readonly M[],
  [given]: LimitGuardArguments<S>,
): Guard<'rateLimit', Decision<N, M>> {
  checkKnownOptions(given ?? {}, who, optionNames)
  const options: LimitGuardOptions<S> = ownOf(given ?? {})
  const { subject, cost, count = true, partitionKey } = options
  const subjectName = `${who}: subject`
  if (subject !== undefined && typeof subject !== 'function') throw new TypeError(`${subjectName}: give a function`)
  if (typeof count !== 'boolean') throw new TypeError(`${who}: count: give true or false`)
  const ask = askerOf(limiter, count ? 'take' : 'peek', names, who)
  const costOf = costFunction(cost, who)
  const fields = new LimitFields(options, who, Object.keys(limiter.rules))
  const keys = partitionKey === undefined ? undefined : partitionKeys(limiter, partitionKey, who)

  const verdictOf = (decision: Decision<N, M>, facts: Facts, about: S): Verdict<Decision<N, M>> => {
    const headers = fields.headers(decision, facts.get(limitDecision), keys && ((rule) => keys(rule, about)))
    if (decision.allowed) return { pass: true, data: decision, headers }
    const error = limitRefusal(decision, fields.policyName, headers)
    return { pass: false, error, headers: error.problem.headers }
  }
  const subjectOf = (facts: Facts): S => {
    if (subject === undefined) return facts as S
    const about = subject(facts)
    refusePromise(about, subjectName)
    return about
  }
  const check: Guard<'rateLimit', Decision<N, M>>['check'] = (facts) => {
    const about = subjectOf(facts)
    const decision = ask(about, costOf(facts))
    return decision instanceof Promise
      ? decision.then((decided) => verdictOf(decided, facts, about))
      : verdictOf(decision, facts, about)
  }
  return { as: 'rateLimit', check: Object.assign(check, { [soundHeaders]: check }) }
}

type CostOptions = { readonly cost?: number }

function costFunction(cost: LimitGuardOptions<never>['cost'], who: string): (facts: Facts) => CostOptions | undefined {
  const name = `${who}: cost`
  if (typeof cost === 'function') return (facts) => ({ cost: checkedCost(cost(facts), name) })
  // Without a cost nothing is said, because what is said is checked in each call.
  const options: CostOptions | undefined = cost === undefined ? undefined : { cost }
  if (cost !== undefined && !(Number.isSafeInteger(cost) && cost > 0)) {
    throw new RangeError(`${name}: give a whole number that is at least 1, or a function of the facts`)
  }
  return () => options
}
