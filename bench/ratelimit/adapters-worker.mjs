// One measuring process: `adapters-worker.mjs <framework> <node of the load> [--redis=<port>] [--quick]`. All applications that are compared live in it.
import { listenAll, servedTasks } from '../lib/served.mjs'
import { serve } from '../lib/worker.mjs'
import { checkLimits } from './adapters-check.mjs'

const [set, loadRuntime] = process.argv.slice(2)
const redisPort = Number(process.argv.find((each) => each.startsWith('--redis='))?.slice(8))
// Longer warmed up than others: until all of a request's way is compiled, what is longest looks dearest.
const pace = process.argv.includes('--quick')
  ? { rounds: 5, turns: 3, warmMs: 500, sliceMs: 8 }
  : { rounds: 6, turns: 8, warmMs: 1000, sliceMs: 10 }

const SERVERS = {
  express: async () => (await import('./express.mjs')).limitServers(),
  'express on Redis': async () => (await import('./express.mjs')).redisServers(redisPort),
  fastify: async () => (await import('./fastify.mjs')).limitServers(),
  hono: async () => (await import('./hono.mjs')).limitServers(),
}

const ports = await listenAll(await SERVERS[set]())
const fields = await checkLimits(ports)
await serve([{ name: set, tasks: servedTasks(ports, loadRuntime), ...pace }], { [set]: fields })
