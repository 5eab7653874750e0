import { type GuardHandler, toExpress } from '@mosaajii/core/express'
import type { Decision } from './decision.ts'
import { guardCalled, type LimitGuardArguments } from './limit-guard.ts'
import type { RateLimiter } from './rate-limiter.ts'

/**
 * Limits requests on Express 5: for the application by `app.use()`, before everything that costs, so that a 404 counts too; on a router or a
 * route further in with its own rules, which come on top.
 *
 * @param names which rules of the limiter.
 * @returns middleware; handlers read the decision by `dataOf(req, limitDecision)`, templates in `res.locals.rateLimit`.
 * @throws {TypeError | RangeError} for wrong names or options, at construction.
 * @example
 * app.use(rateLimit(limiter, ['global']))
 * app.use('/api', rateLimit(limiter, ['api']))
 */
export function rateLimit<S, N extends string, M extends N>(
  limiter: RateLimiter<S, N>,
  names: readonly M[],
  ...options: LimitGuardArguments<S>
): GuardHandler<'rateLimit', Decision<N, M>> {
  return toExpress(guardCalled('rateLimit', limiter, names, options))
}
