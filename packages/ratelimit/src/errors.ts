import { SecurityError } from '@mosaajii/core'

/** Every code that `@mosaajii/ratelimit` throws. */
export type RateLimitErrorCode =
  | 'QUOTA_EXCEEDED'
  | 'LIMITER_UNAVAILABLE'
  | 'RATE_KEY_MISSING'
  | 'RATE_KEY_INVALID'
  | 'WINDOW_STORE_FAILED'
  | 'WINDOW_STORE_FULL'

/** An error of this package. */
export class RateLimitError extends SecurityError<RateLimitErrorCode> {}
