import fc from 'fast-check'
import { newTally, type Tally } from '../../packages/ratelimit/test/schedules.ts'
import { memorySchedules, playInMemory } from '../../packages/ratelimit/test/support/memory-stage.ts'
import { forgetKeys, openRedis, playOnRedis } from '../../packages/ratelimit/test/support/redis-stage.ts'
import type { FuzzOptions } from '../fuzz.ts'

/** How many schedules come from one seed. */
const batches = { memory: 10_000, redis: 1000 }

/** Plays schedules on the store in memory, or on a Redis. Throws at the first that is answered wrongly. */
export async function fuzzRatelimit(options: FuzzOptions): Promise<void> {
  if (options.redis === undefined) await fuzzMemory(options)
  else await fuzzRedis(options, options.redis)
}

async function fuzzMemory({ runs, seed, path }: FuzzOptions): Promise<void> {
  await inBatches(runs, seed, batches.memory, async (numRuns, seed, tally) => {
    const property = fc.asyncProperty(memorySchedules, async (schedule) => playInMemory(schedule, tally))
    await fc.assert(property, { numRuns, seed, ...(path !== undefined && { path }) })
  })
}

async function fuzzRedis({ runs, seed }: FuzzOptions, url: string): Promise<void> {
  const client = await openRedis(url)
  const prefix = `fuzz-${globalThis.crypto.randomUUID()}`
  try {
    await inBatches(runs, seed, batches.redis, (numRuns, seed, tally) =>
      playOnRedis(client, prefix, numRuns, seed, tally),
    )
  } finally {
    await forgetKeys(client, prefix)
    client.disconnect()
  }
}

async function inBatches(
  runs: number,
  seed: number,
  batch: number,
  play: (runs: number, seed: number, tally: Tally) => Promise<void>,
): Promise<void> {
  const tally = newTally()
  const began = performance.now()
  for (let done = 0, number = 0; done < runs; number++) {
    const some = Math.min(batch, runs - done)
    await play(some, seed + number, tally)
    done += some
    const seconds = (performance.now() - began) / 1000
    const counts = Object.entries(tally).map(([what, times]) => `${times} ${what}`)
    console.log(
      `${done} schedules in ${Math.round(seconds)} s, ${Math.round(done / seconds)}/s, seed ${seed + number}: ${counts.join(', ')}`,
    )
  }
}
