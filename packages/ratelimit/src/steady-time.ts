import type { Clock } from '@mosaajii/core'

/**
 * Makes a reading of time for measuring how long things take: milliseconds that never go back, also when the clock does or fails.
 *
 * @param clock Default: time since the process started.
 */
export function steadyTime(clock: Clock | undefined): () => number {
  let last = 0
  return () => {
    try {
      const now = clock === undefined ? performance.now() : clock.now()
      if (now > last && Number.isFinite(now)) last = now
    } catch {
      // A clock that fails moves nothing on.
    }
    return last
  }
}
