export { admit, type AdmitOptions, refusalOf } from './admit.ts'
export type { Decision, DecisionSource, RuleState } from './decision.ts'
export { RateLimitError, type RateLimitErrorCode } from './errors.ts'
export { ratelimitEvents } from './events.ts'
export type { LimitFieldOptions } from './limit-fields.ts'
export { limitDecision, limitGuard, type LimitGuardArguments, type LimitGuardOptions } from './limit-guard.ts'
export { isRateLimitRefusal, type RateLimitRefusal } from './limit-refusal.ts'
export type { RateLimiterOptions, Rules } from './limiter-options.ts'
export type { PartitionKeyOptions } from './partition-keys.ts'
export type { TableUsage } from './memory/counter-table.ts'
export { type ManualOptions, type ManualRuleName, presets } from './presets.ts'
export { type CallOptions, decide, type RateLimiter, rateLimiter, type SubjectOf } from './rate-limiter.ts'
export type { Backoff, KeyPart, OnStoreFailure, Rule } from './rule.ts'
export { type MemoryStore, memoryStore, type MemoryStoreOptions } from './stores/memory.ts'
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
