import { type Clock, isSecurityError } from '@mosaajii/core'
import fc from 'fast-check'
import { memoryStore } from '../../src/stores/memory.ts'
import type { OpenWindows, WindowRule } from '../../src/window-store.ts'
import { play, type Schedule, schedules, type Tally } from '../schedules.ts'
import { longestFineWindow } from './rules.ts'
import { SteppedTime } from './timeline.ts'

const lengths = ['short', 'usual', 'long'] as const

/** Schedules for the store in memory, three of ten for one without room. */
export const memorySchedules: fc.Arbitrary<Schedule> = fc.oneof(
  { weight: 7, arbitrary: schedules({ lengths }) },
  { weight: 3, arbitrary: schedules({ lengths, isTiny: true, maxSteps: 40 }) },
)

/** How a store is made. */
export type OpenMemory = (
  rules: readonly WindowRule[],
  options: { readonly clock: Clock; readonly maxBytes: number },
) => OpenWindows

/**
 * Plays a schedule on the store in memory. With room for every key it must answer as the definitions say. The smallest store that there is for
 * the rules may refuse more, and must admit nothing else.
 */
export async function playInMemory(
  schedule: Schedule,
  tally: Tally,
  open: OpenMemory = (rules, options) => memoryStore(options).open(rules),
): Promise<void> {
  const { rules, start, isTiny } = schedule
  const time = new SteppedTime(start)
  const maxBytes = leastBytes(rules) * (isTiny ? 1 : 2)
  const store = open(rules, { clock: time.clock, maxBytes })
  await play(schedule, { store, time, isPrecise: isTiny ? () => false : isFine, ...(isTiny && { isFull }) }, tally)
}

/** Windows up to about twelve days are kept by the millisecond. */
function isFine({ window }: WindowRule): boolean {
  return window <= longestFineWindow
}

function isFull(error: unknown): boolean {
  return isSecurityError(error) && error.code === 'WINDOW_STORE_FULL'
}

/** What the store itself says when it gets too little. */
function leastBytes(rules: readonly WindowRule[]): number {
  try {
    memoryStore({ maxBytes: 1 }).open(rules)
  } catch (error) {
    const bytes = Number(/at least (\d+)/.exec(String(error))?.[1])
    if (bytes > 0) return bytes
    throw error
  }
  throw new Error('a store of one byte was opened')
}
