import { discardEvents } from '@mosaajii/core'
import { memoryStore, rateLimiter } from '@mosaajii/ratelimit'
import { expressStore, fastifyStore, flexible, honoStore } from './contenders.mjs'

const HOUR = 3_600_000
const BLOCK = 32
const MILLION = 1_000_000

/**
 * @param {number} bytes promised for a key; the store may take a tenth more, and keeps a part of that back for overflow
 * @param {object} rule besides its window and key
 * @param {number} passes how many times each key is counted
 * @param {{ cost?: number, step?: number }} options the cost of each, and how far the clock goes between them
 */
const ours = (bytes, rule, passes, { cost = 1, step = 1 } = {}) => {
  return (keys) => {
    let time = MILLION
    const store = memoryStore({ maxBytes: Math.round(bytes * keys * 1.1), clock: { now: () => time } })
    const rules = { rule: { window: HOUR, key: (address) => address, onStoreFailure: 'deny', ...rule } }
    const limiter = rateLimiter({ rules, store, events: discardEvents() })
    const names = ['rule']
    return {
      passes,
      count: async (address) => (await limiter.check(names, address, { cost })).allowed,
      passed: () => (time += step),
      used: () => used(store, keys),
    }
  }
}

/** The bytes of the blocks that hold something, and what is reserved beside blocks. */
function used(store, keys) {
  const [usage] = store.usage()
  if (usage.counters !== keys || usage.overflowing !== 0) {
    throw new Error(`${usage.counters} of ${keys} keys have a counter of their own`)
  }
  return { blocks: usage.used * BLOCK, rest: usage.bytes - usage.blocks * BLOCK }
}

const peer = (count) => ({ passes: 1, count })

const EXACT = { limit: 64, algorithm: 'exact' }
const STRICT = { limit: MILLION, algorithm: 'strict', subWindows: 60 }

/** At most 64 bytes and 4 a hit; 360 for a full key. */
export const MOST = { 'one hit': 68, 'ten hits': 104, full: 360 }

/** What is measured: each makes a limiter for so many keys and says how to count one. */
export const sizeSubjects = {
  'exact, one hit': ours(MOST['one hit'], EXACT, 1),
  'exact, ten hits': ours(MOST['ten hits'], EXACT, 10),
  'exact, full: 64 hits': ours(MOST.full, EXACT, 16, { cost: 4 }),
  'strict, one hit': ours(MOST['one hit'], STRICT, 1),
  'strict, ten hits, in ten parts': ours(MOST['ten hits'], STRICT, 10, { step: HOUR / 60 }),
  'strict, full: in all 60 parts': ours(MOST.full, STRICT, 60, { step: HOUR / 60 }),
  'rate-limiter-flexible, one hit': () => peer(flexible(MILLION)),
  'express-rate-limit, one hit': () => peer(expressStore(MILLION)),
  '@fastify/rate-limit, one hit, room for all': (keys) => peer(fastifyStore(MILLION, keys)),
  'hono-rate-limiter, one hit': () => peer(honoStore(MILLION)),
}
