import fc from 'fast-check'
import { newTally, type Tally } from '../../packages/ratelimit/test/schedules.ts'
import { memorySchedules, playInMemory } from '../../packages/ratelimit/test/support/memory-stage.ts'
import type { FuzzOptions } from '../fuzz.ts'

const batch = 10_000

/** Schedules on the store in memory. Throws at the first that is answered wrongly. */
export async function fuzzRatelimit({ runs, seed, path }: FuzzOptions): Promise<void> {
  const tally = newTally()
  const began = process.hrtime.bigint()
  for (let done = 0; done < runs; ) {
    const numRuns = Math.min(batch, runs - done)
    await fc.assert(
      fc.asyncProperty(memorySchedules, async (schedule) => playInMemory(schedule, tally)),
      { numRuns, seed: seed + done / batch, ...(path !== undefined && { path }) },
    )
    done += numRuns
    report(done, seed + (done - numRuns) / batch, began, tally)
  }
}

function report(done: number, seed: number, began: bigint, tally: Tally): void {
  const seconds = Number(process.hrtime.bigint() - began) / 1e9
  const counts = Object.entries(tally).map(([what, times]) => `${times} ${what}`)
  const rate = Math.round(done / seconds)
  console.log(
    `${done} schedules in ${Math.round(seconds)} s (${rate}/s), the last from seed ${seed}: ${counts.join(', ')}`,
  )
}
