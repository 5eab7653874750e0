import type { EventSink } from '@mosaajii/core'

/** How many requests the limits refused. */
export interface RefusalCount extends EventSink {
  /** Since the start of this process. Those that no event has told yet are missing. */
  count(): number
}

/** Counts the refusals that events tell of: an event says how many it stands for. */
export function refusalCount(): RefusalCount {
  let count = 0
  return {
    write: ({ name, data }) => {
      if (name === 'ratelimit.refused') count += 1 + Number(data['suppressed'])
    },
    count: () => count,
  }
}
