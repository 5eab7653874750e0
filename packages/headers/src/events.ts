import type { EventsOf } from '@mosaajii/core'

/** The events of this package: what a log can check at run time. */
export const headersEvents = {
  /** A browser reported that something was against a policy, or would have been. */
  'csp.violation': {
    required: false,
    fields: {
      directive: 'string',
      blocked: 'string',
      page: 'string',
      disposition: 'string',
      source: 'string?',
      line: 'number?',
      column: 'number?',
    },
  },
  /** Requests that the report endpoint refused unread because there were too many, and reports that it left out of those it read. */
  'csp.dropped': { required: false, fields: { requests: 'number', reports: 'number' } },
} as const

declare module '@mosaajii/core' {
  interface SecurityEvents extends EventsOf<typeof headersEvents> {}
}
