import { settableClock } from '@mosaajii/core/testing'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { memoryStore } from '../src/stores/memory.ts'
import { windowStoreContract } from '../src/testing.ts'
import type { OpenWindows } from '../src/window-store.ts'
import { newTally } from './schedules.ts'
import { testContract } from './support/contract.ts'
import { memorySchedules, type OpenMemory, playInMemory } from './support/memory-stage.ts'

describe('the contract', () => {
  let clock = settableClock()
  const make = () => {
    clock = settableClock()
    return memoryStore({ clock })
  }
  testContract(windowStoreContract({ make, advance: (ms) => clock.advance(ms) }))
})

// A million and more: `npm run fuzz -- ratelimit --runs=1000000`.
test('20,000 schedules admit never more than the limit in any trailing window', { timeout: 120_000 }, async () => {
  const tally = newTally()
  await fc.assert(
    fc.asyncProperty(memorySchedules, async (schedule) => playInMemory(schedule, tally)),
    { numRuns: 20_000 },
  )
  for (const [what, times] of Object.entries(tally)) expect(times, what).toBeGreaterThan(10_000)
})

test('many of them fill the store, so that keys share overflow counters', async () => {
  let overflowing = 0
  const open: OpenMemory = (rules, options) => {
    const store = memoryStore(options)
    const windows = store.open(rules)
    const peek: OpenWindows['peek'] = (demands) => {
      if (store.usage().some((table) => table.overflowing > 0)) overflowing++
      return windows.peek(demands)
    }
    return {
      take: (demands) => windows.take(demands),
      peek,
      penalize: (demands) => windows.penalize(demands),
      refund: (receipts) => windows.refund(receipts),
      reset: (rule, key) => windows.reset(rule, key),
      block: (rule, key, forMs) => windows.block(rule, key, forMs),
    }
  }
  await fc.assert(
    fc.asyncProperty(memorySchedules, async (schedule) => playInMemory(schedule, newTally(), open)),
    { numRuns: 600 },
  )
  expect(overflowing).toBeGreaterThan(50)
})
