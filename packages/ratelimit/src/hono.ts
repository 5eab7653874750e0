import { type GuardMiddleware, toHono } from '@mosaajii/core/hono'
import type { Decision } from './decision.ts'
import { guardCalled, type LimitGuardArguments } from './limit-guard.ts'
import type { RateLimiter } from './rate-limiter.ts'

/**
 * Limits requests on Hono 4: for the application by `app.use()`, before everything that costs, so that a 404 counts too; on a route further in
 * with its own rules, which come on top. Rules that use the address need `clientAddress()` of `@mosaajii/core/hono` before.
 *
 * @param names which rules of the limiter.
 * @returns middleware; handlers read the decision by `c.get('rateLimit')`, also by `dataOf(c, limitDecision)`.
 * @throws {TypeError | RangeError} for wrong names or options, at construction.
 * @example
 * const app = new Hono().use(clientAddress(nodeServer()), rateLimit(limiter, ['global']))
 * app.use('/api/*', rateLimit(limiter, ['api']))
 */
export function rateLimit<S, N extends string, M extends N>(
  limiter: RateLimiter<S, N>,
  names: readonly M[],
  ...options: LimitGuardArguments<S>
): GuardMiddleware<'rateLimit', Decision<N, M>> {
  return toHono(guardCalled('rateLimit', limiter, names, options))
}
