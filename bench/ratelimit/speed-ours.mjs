import { discardEvents } from '@mosaajii/core'
import { memoryStore, rateLimiter } from '@mosaajii/ratelimit'

const HUGE = 1_000_000_000
const key = (address) => address
const onStoreFailure = 'deny'

/**
 * The checks that are measured, each on a limiter of its own that has room for all keys.
 *
 * @param {number} keys how many there are
 */
export function checks(keys) {
  const wide = { limit: HUGE, window: '1m', key, onStoreFailure }
  // About as many live hits a key whatever the number of keys: of more, each is drawn more rarely.
  const exact = { limit: 1024, window: Math.max(100, keys / 10), algorithm: 'exact', key, onStoreFailure }
  const full = { limit: 1, window: '1h', key, onStoreFailure }
  return {
    'one rule': checkOf(keys, { wide }),
    'one rule, exact': checkOf(keys, { exact }),
    'two rules': checkOf(keys, { one: wide, other: { ...wide, limit: HUGE / 2 } }),
    refused: checkOf(keys, { full }),
  }
}

/** The default memory, or enough for several hits of each key. */
function checkOf(keys, rules) {
  const maxBytes = Math.max(2 ** 26, keys * 256)
  const limiter = rateLimiter({ rules, store: memoryStore({ maxBytes }), events: discardEvents() })
  const names = Object.keys(rules)
  return { check: (address) => limiter.check(names, address), allows: ({ allowed }) => allowed }
}
