import { setTimeout as sleep } from 'node:timers/promises'
import type { Demand, OpenWindows } from '../../src/window-store.ts'

/** One call of a load, in milliseconds of the process. */
export interface LoadedCall {
  readonly begun: number
  readonly ended: number
  readonly outcome: 'admitted' | 'refused' | 'failed'
}

/** Calls that go on until they are told to stop. */
export interface Load {
  readonly calls: readonly LoadedCall[]
  stop(): Promise<void>
}

/** Asks again and again, so many at a time. Between two calls each waits a moment, as requests do. */
export function loadOn(windows: OpenWindows, demandsOf: (call: number) => readonly Demand[], atOnce: number): Load {
  const calls: LoadedCall[] = []
  let isOver = false
  let number = 0
  const worker = async (): Promise<void> => {
    while (!isOver) {
      const demands = demandsOf(number++)
      const begun = performance.now()
      const outcome = await outcomeOf(windows, demands)
      calls.push({ begun, ended: performance.now(), outcome })
      await sleep(1)
    }
  }
  const workers = Array.from({ length: atOnce }, worker)
  return {
    calls,
    async stop() {
      isOver = true
      await Promise.all(workers)
    },
  }
}

async function outcomeOf(windows: OpenWindows, demands: readonly Demand[]): Promise<LoadedCall['outcome']> {
  try {
    const { admitted } = await windows.take(demands)
    return admitted ? 'admitted' : 'refused'
  } catch {
    return 'failed'
  }
}

/** The value below which so many of a hundred lie. */
export function percentile(values: readonly number[], percent: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor((sorted.length * percent) / 100))] ?? Number.NaN
}
