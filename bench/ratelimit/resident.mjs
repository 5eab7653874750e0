import { setTimeout as delay } from 'node:timers/promises'

/**
 * Runs something often enough that what it needs is compiled and the young generation is as large as it becomes: both would otherwise count as
 * memory of the first limiter that is measured.
 */
export async function settle(run) {
  for (let i = 0; i < 300_000; i++) await run(i)
}

/** Resident memory after collections, in bytes. Needs `--expose-gc`. */
export async function residentBytes() {
  for (let i = 0; i < 4; i++) {
    globalThis.gc()
    await delay(30)
  }
  return process.memoryUsage.rss()
}
