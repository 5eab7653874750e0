import { type GuardHook, type GuardPlugin, toHook, toPlugin } from '@mosaajii/core/fastify'
import type { Decision } from './decision.ts'
import { guardCalled, type LimitGuardArguments } from './limit-guard.ts'
import type { RateLimiter } from './rate-limiter.ts'

declare module 'fastify' {
  interface FastifyReply {
    /** The decision of the innermost limit, where `rateLimit` is registered or on the route. */
    rateLimit: Decision
  }
}

/**
 * Limits requests on Fastify 5, for all routes of the scope that registers it, whatever the order; a 404 counts too. A URL that does not decode
 * (400), or has a parameter longer than `maxParamLength` (414), passes no hook of Fastify's and is not counted.
 *
 * @param names which rules of the limiter.
 * @returns a plugin; handlers read the decision in `reply.rateLimit`, also by `dataOf(request, limitDecision)`.
 * @throws {TypeError | RangeError} for wrong names or options, at construction.
 * @example
 * await app.register(rateLimit(limiter, ['global']))
 */
export function rateLimit<S, N extends string, M extends N>(
  limiter: RateLimiter<S, N>,
  names: readonly M[],
  ...options: LimitGuardArguments<S>
): GuardPlugin<'rateLimit', Decision<N, M>> {
  return toPlugin(guardCalled('rateLimit', limiter, names, options))
}

/**
 * {@link rateLimit} for one route, as its `onRequest` hook. Its rules come on top of those of the scope.
 *
 * @throws {TypeError | RangeError} for wrong names or options, at construction.
 * @example
 * app.post('/vouchers', { onRequest: rateLimitHook(limiter, ['vouchers']) }, handler)
 */
export function rateLimitHook<S, N extends string, M extends N>(
  limiter: RateLimiter<S, N>,
  names: readonly M[],
  ...options: LimitGuardArguments<S>
): GuardHook<'rateLimit', Decision<N, M>> {
  return toHook(guardCalled('rateLimitHook', limiter, names, options))
}
