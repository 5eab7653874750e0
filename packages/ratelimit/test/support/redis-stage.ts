import fc from 'fast-check'
import { type Cluster, Redis } from 'ioredis'
import { limiterRedisOptions, redisStore } from '../../src/redis.ts'
import { play, type Schedule, schedules, type Tally } from '../schedules.ts'
import { connected } from './redis-client.ts'
import { RealTime } from './timeline.ts'

/** How long a step waits at most, in milliseconds. */
const longestStep = 30
/** How many schedules go on at once: most of the time each of them waits. */
const lanes = 64
/** So far apart are the seeds of the lanes: the next batch begins beside this one's. */
const seedStep = 1_000_003

/** Schedules for a store with a clock of its own: mostly of windows that a step can outlast. */
const redisSchedules: fc.Arbitrary<Schedule> = fc.oneof(
  { weight: 4, arbitrary: schedules({ lengths: ['short'], maxSteps: 25 }) },
  { weight: 1, arbitrary: schedules({ lengths: ['short', 'usual', 'long'], maxSteps: 25 }) },
)

let played = 0

/**
 * Plays schedules on a real server or cluster, many at once. Its clock must be that of this machine.
 *
 * @param prefix what the names of all keys begin with. Each schedule adds to it.
 * @throws {Error} at the first that is answered wrongly.
 */
export async function playOnRedis(
  client: Redis | Cluster,
  prefix: string,
  runs: number,
  seed: number,
  tally: Tally,
): Promise<void> {
  const property = fc.asyncProperty(redisSchedules, async (schedule) => {
    const store = redisStore({ client, prefix: `${prefix}:${played++}`, deadline: 10_000 }).open(schedule.rules)
    const time = new RealTime(longestStep)
    await play(schedule, { store, time, isPrecise: () => true, isSpread: client.isCluster }, tally)
  })
  const all = Array.from({ length: Math.min(lanes, runs) }, async (_, lane) => {
    const numRuns = Math.floor((runs + lane) / lanes)
    // A schedule that is played again in real time may end otherwise, so the first failure is shown as it was.
    if (numRuns > 0) await fc.assert(property, { numRuns, seed: seed + lane * seedStep, endOnFailure: true })
  })
  await Promise.all(all)
}

/** Connects to a server as a limiter's client does. */
export function openRedis(url: string): Promise<Redis> {
  return connected(new Redis(url, { ...limiterRedisOptions, retryStrategy: () => null }))
}

/** Removes what schedules left. It would go by itself, but the counters of the longest windows after a year. */
export async function forgetKeys(client: Redis, prefix: string): Promise<void> {
  for await (const keys of client.scanStream({ match: `${prefix}:*`, count: 1000 })) {
    const names = keys as readonly string[]
    if (names.length > 0) await client.unlink([...names])
  }
}
