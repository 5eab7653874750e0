import { SecurityError } from '@mosaajii/core'

/** Every code that `@mosaajii/headers` throws. */
export type HeadersErrorCode =
  | 'POLICY_REFUSED'
  | 'CROSS_SITE_REFUSED'
  | 'HOST_REFUSED'
  | 'REPORT_INVALID'
  | 'REPORT_TOO_LARGE'
  | 'REPORT_TYPE_REFUSED'
  | 'REPORTS_CAPPED'

/** An error of this package. `POLICY_REFUSED` has the place in the policy in `detail.path`, for example `csp.script-src[2]`. */
export class HeadersError extends SecurityError<HeadersErrorCode> {}

/** Refuses a policy that does not mean what it says. */
export function refuse(path: string, why: string): never {
  throw new HeadersError('POLICY_REFUSED', `${path}: ${why}`, { detail: { path } })
}

/** Refuses a value of the wrong type. */
export function mistyped(path: string, what: string): never {
  throw new TypeError(`${path}: give ${what}`)
}
