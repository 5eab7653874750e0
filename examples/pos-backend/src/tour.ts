import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runSteps, seconds } from './tour/report.ts'
import { basicSteps } from './tour/steps-basics.ts'
import { keySteps } from './tour/steps-keys.ts'
import { World } from './tour/world.ts'

/** `npm run tour`: shows what the SDK does for the shop, and checks each step. Exit code 0 when all of it held, else 1. */
async function tour(): Promise<boolean> {
  const started = performance.now()
  const world = new World(await mkdtemp(join(tmpdir(), 'pos-tour-')))
  const cleanUp = async (): Promise<void> => {
    await world.kill()
    await rm(world.folder, { recursive: true, force: true, maxRetries: 3 })
  }
  const giveUp = (): void => {
    console.log('The tour was ended before its time, or took too long.')
    void cleanUp().finally(() => process.exit(1))
  }
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, giveUp)
  const limit = setTimeout(giveUp, 180_000)
  try {
    const passed = await runSteps([...basicSteps(world), ...keySteps(world)])
    if (!passed) console.log(`The server printed:\n${world.printed()}`)
    console.log(`${passed ? 'All steps hold' : 'The tour failed'} (${seconds(started)}).`)
    return passed
  } finally {
    clearTimeout(limit)
    await cleanUp()
  }
}

process.exitCode = (await tour()) ? 0 : 1
