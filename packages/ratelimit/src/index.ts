export type { Decision, DecisionSource, RuleState } from './decision.ts'
export { RateLimitError, type RateLimitErrorCode } from './errors.ts'
export { ratelimitEvents } from './events.ts'
export type { RateLimiterOptions, Rules } from './limiter-options.ts'
export { type CallOptions, decide, type RateLimiter, rateLimiter, type SubjectOf } from './rate-limiter.ts'
export type { Backoff, KeyPart, OnStoreFailure, Rule } from './rule.ts'
export type {
  Algorithm,
  CounterState,
  Demand,
  OpenWindows,
  Receipt,
  StoreAnswer,
  WindowBackoff,
  WindowRule,
  WindowStore,
} from './window-store.ts'
