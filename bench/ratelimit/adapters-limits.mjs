// The same limit in the words of each package: so large that nobody meets it, and that what is left of it has nine digits for the whole run.
import { discardEvents } from '@mosaajii/core'
import { memoryStore, rateLimiter } from '@mosaajii/ratelimit'

export const LIMIT = 1_000_000_000
export const WINDOW = 3_600_000

/** @returns a limiter by the client's address, on the memory of this process unless a store is given */
export function ourLimiter(store = memoryStore()) {
  const api = { limit: LIMIT, window: WINDOW, key: (facts) => facts.address, onStoreFailure: 'deny' }
  return rateLimiter({ rules: { api }, store, events: discardEvents() })
}

/** Answers `{ stock: 7 }`, as an endpoint of an API does. */
export const STOCK = { stock: 7 }
