import { SecurityError, type SecurityErrorOptions } from './security-error.ts'

/** Every code that `@mosaajii/core` itself throws. */
export type CoreErrorCode = 'GUARD_NOT_RUN' | 'ADDRESS_SOURCE_MISSING' | 'ADDRESS_UNTRUSTED' | 'ROUTE_UNKNOWN'

/** Shorthand for an error of one of this package's codes. */
export function coreError(
  code: CoreErrorCode,
  message: string,
  options?: SecurityErrorOptions,
): SecurityError<CoreErrorCode> {
  return new SecurityError(code, message, options)
}
