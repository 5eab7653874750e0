import type { EventsOf } from '@mosaajii/core'

/** The events of this package: what a log can check at run time. */
export const ratelimitEvents = {
  /**
   * Calls were refused. Sampled: at most so many for each counter and in all; `suppressed` counts the refusals of any counter that were not told
   * since the event before. Rules on trial (`shadow`) are sampled and counted apart from the others. `subject` is a keyed hash of the counter's key, the same within a process.
   */
  'ratelimit.refused': {
    required: false,
    fields: { rule: 'string', subject: 'string', source: 'string', shadow: 'boolean', suppressed: 'number' },
  },
  /**
   * The store could not be reached, and rules went their own way (`onStoreFailure`). Told once for each outage, with the reason of the first failure
   * that is told: one word, never a message.
   */
  'ratelimit.storeFailed': { required: false, fields: { reason: 'string' } },
  /** The store answers again. */
  'ratelimit.recovered': { required: false, fields: { afterMs: 'number', failures: 'number' } },
} as const

declare module '@mosaajii/core' {
  interface SecurityEvents extends EventsOf<typeof ratelimitEvents> {}
}
