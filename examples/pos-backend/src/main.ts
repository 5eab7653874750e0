import { countedWhere } from './counted-where.ts'
import { greeting } from './greeting.ts'
import { insideTarget, seed } from './seed.ts'
import { type RunningServer, startServer } from './server.ts'
import { readSettings, type Settings } from './settings.ts'

/** `npm start`: the shop on http://localhost:3000. */
async function main(): Promise<void> {
  const settings = readSettings(process.env, process.argv.slice(2))
  // Nothing that this process starts shall inherit it.
  delete process.env['MOSAAJII_SECRET']
  const server = await startServer(settings)
  endWithSignals(server)
  console.log(await greetingOf(server, settings))
  if (await server.shop.reencryption.interrupted()) {
    await server.shop.reencryption.start()
    console.log('A re-encryption was interrupted; it goes on from where it was.')
  }
  await seedIfEmpty(server, settings)
}

async function greetingOf(server: RunningServer, settings: Settings): Promise<string> {
  const { adminToken, refresh, framework, tls, limits, redis } = settings
  const { shop, origin, plainOrigin } = server
  const keys = await shop.keys.use()
  const active = keys.find((key) => key.purpose === 'data' && key.state === 'active')
  const version = active?.version ?? 1
  return greeting({
    origin,
    framework,
    adminToken,
    refresh,
    version,
    apiLimit: limits.api,
    counted: countedWhere(redis?.url, server.limits.isReachable()),
    pid: process.pid,
    ...(plainOrigin !== undefined && { plainOrigin }),
    ...(tls && { certFile: tls.certFile }),
  })
}

async function seedIfEmpty(server: RunningServer, { seed: customers }: Settings): Promise<void> {
  if (customers === 0 || (await server.shop.customers.count()) > 0) return
  console.log(`The shop is empty: ${customers} generated customers come in.`)
  const step = Math.max(100, Math.ceil(customers / 500) * 100)
  const started = performance.now()
  const payments = Math.ceil(customers / 20)
  const onProgress = (done: number): void => {
    if (done % step === 0 || done === customers) console.log(`  ${done} of ${customers}`)
  }
  await seed({ target: insideTarget(server.shop), customers, payments, onProgress })
  console.log(`Seeded in ${((performance.now() - started) / 1000).toFixed(1)} s.`)
}

function endWithSignals(server: RunningServer): void {
  let ending = false
  const end = (): void => {
    if (ending) process.exit(1)
    ending = true
    server.close().then(
      () => process.exit(0),
      () => process.exit(1),
    )
  }
  process.on('SIGINT', end)
  process.on('SIGTERM', end)
  // Only a parent that opened a channel can close it: the tour.
  process.on('disconnect', end)
}

function explain(error: unknown): string {
  const { code, port, message } = error as { code?: string; port?: number; message?: string }
  if (code === 'EADDRINUSE') return `Port ${port} is taken. Choose another one: PORT=3001 npm start`
  return `The shop could not start: ${message ?? 'unknown error'}`
}

main().catch((error: unknown) => {
  console.error(explain(error))
  process.exitCode = 1
})
