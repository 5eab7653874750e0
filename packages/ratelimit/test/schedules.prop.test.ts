import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { OpenWindows } from '../src/window-store.ts'
import { newTally, play, schedules, type Tally } from './schedules.ts'
import { brokenStores } from './support/broken-stores.ts'
import { NaiveWindows } from './support/naive-store.ts'
import { SteppedTime } from './support/timeline.ts'

const everyLength = schedules({ lengths: ['short', 'usual', 'long'] })

/** Plays schedules on a store that keeps no precise promise less than the definitions. */
async function playAll(open: (clock: { now(): number }) => OpenWindows, numRuns: number, seed: number): Promise<Tally> {
  const tally = newTally()
  await fc.assert(
    fc.asyncProperty(everyLength, async (schedule) => {
      const time = new SteppedTime(schedule.start)
      await play(schedule, { store: open(time.clock), time, isPrecise: () => true }, tally)
    }),
    { numRuns, seed, endOnFailure: true },
  )
  return tally
}

test('a store over plain arrays passes, and schedules do everything often', async () => {
  const tally = await playAll((clock) => new NaiveWindows(clock), 300, 4)
  for (const [what, times] of Object.entries(tally)) expect(times, what).toBeGreaterThan(100)
})

describe('schedules find a store that', () => {
  test.each(Object.entries(brokenStores))('%s', async (_, { open }) => {
    await expect(playAll(open, 3000, 1)).rejects.toThrow('Property failed')
  })
})
