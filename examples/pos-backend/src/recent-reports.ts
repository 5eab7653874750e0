import type { EventSink } from '@mosaajii/core'
import type { CspReport } from '@mosaajii/headers/reports'

/** A violation of a page's policy, as a browser reported it. */
export type Violation = CspReport & { readonly time: number }

/** The newest violation reports. */
export interface RecentReports extends EventSink {
  /** Newest first. */
  latest(): readonly Violation[]
  /** How many came since the start; only the newest of them are kept. */
  count(): number
}

/**
 * Keeps the newest violation reports in memory, for a page that shows them. Anybody can send reports, so they are bounded and told apart from
 * what the shop itself knows.
 *
 * @param limit how many are kept.
 */
export function recentReports(limit = 50): RecentReports {
  const kept: Violation[] = []
  let count = 0
  return {
    write: ({ name, time, data }) => {
      if (name !== 'csp.violation') return
      count++
      kept.unshift({ ...(data as unknown as CspReport), time })
      kept.length = Math.min(kept.length, limit)
    },
    latest: () => [...kept],
    count: () => count,
  }
}

/** Hands each event to several sinks. It is recorded when all of them have it. */
export function allOf(...sinks: readonly EventSink[]): EventSink {
  return {
    write: async (event) => {
      await Promise.all(sinks.map(async (sink) => sink.write(event)))
    },
  }
}
