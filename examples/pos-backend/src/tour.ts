import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type FrameworkName, frameworkNames } from './http/framework.ts'
import { readFramework, readRedis } from './settings.ts'
import { runSteps, seconds } from './tour/report.ts'
import { basicSteps } from './tour/steps-basics.ts'
import { keySteps } from './tour/steps-keys.ts'
import { limitSteps } from './tour/steps-limits.ts'
import { webSteps } from './tour/steps-web.ts'
import { type SeedSize, World } from './tour/world.ts'

const full: SeedSize = { customers: 3000, payments: 150 }
const small: SeedSize = { customers: 800, payments: 40 }

/**
 * `npm run tour`: shows what the SDK does for the shop, and checks each step, on each framework; `-- --framework=express` on one, and with
 * `-- --redis=redis://…` the limits are counted there. Exit code 0 when all of it held, else 1.
 */
async function tour(frameworks: readonly FrameworkName[], redis: string): Promise<boolean> {
  const started = performance.now()
  for (const [i, framework] of frameworks.entries()) {
    console.log(`${i === 0 ? '' : '\n'}The shop on ${framework}:`)
    // One of them with many rows is enough: they lie behind the same domain.
    if (!(await tourOn(framework, i === 0 ? full : small, redis))) {
      console.log(`The tour failed on ${framework} (${seconds(started)}).`)
      return false
    }
  }
  console.log(`\nAll steps hold on ${frameworks.join(', ')} (${seconds(started)}).`)
  return true
}

async function tourOn(framework: FrameworkName, size: SeedSize, redis: string): Promise<boolean> {
  const world = new World(await mkdtemp(join(tmpdir(), 'pos-tour-')), framework, size, redis)
  const cleanUp = async (): Promise<void> => {
    await world.kill()
    await rm(world.folder, { recursive: true, force: true, maxRetries: 3 })
  }
  const giveUp = (): void => {
    console.log('The tour was ended before its time, or took too long.')
    void cleanUp().finally(() => process.exit(1))
  }
  const signals = ['SIGINT', 'SIGTERM'] as const
  for (const signal of signals) process.once(signal, giveUp)
  const limit = setTimeout(giveUp, 180_000)
  try {
    const passed = await runSteps([...basicSteps(world), ...webSteps(world), ...limitSteps(world), ...keySteps(world)])
    if (!passed) console.log(`The server printed:\n${world.printed()}`)
    return passed
  } finally {
    clearTimeout(limit)
    for (const signal of signals) process.off(signal, giveUp)
    await cleanUp()
  }
}

function wanted(): readonly FrameworkName[] {
  const one = readFramework(process.argv.slice(2), process.env['POS_FRAMEWORK'])
  return one === undefined ? frameworkNames : [one]
}

try {
  const redis = readRedis(process.argv.slice(2), process.env)
  process.exitCode = (await tour(wanted(), redis?.url ?? '')) ? 0 : 1
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}
