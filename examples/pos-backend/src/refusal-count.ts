import { isSecurityError } from '@mosaajii/core'

/** How many requests the limits refused. Events are sampled, so they are not what to count by. */
export interface RefusalCount {
  /** Since the start of this process. */
  count(): number
  /** Takes any error that a request ended with. */
  see(error: unknown): void
}

/** Begins to count. */
export function refusalCount(): RefusalCount {
  let count = 0
  return {
    count: () => count,
    see: (error) => {
      if (isSecurityError(error) && error.code === 'QUOTA_EXCEEDED') count++
    },
  }
}
