// One measuring process: `adapters-worker.mjs '<framework>|<application>' <node of the load> [--redis=<port>] [--quick]`. It serves that application alone.
import { listenAll, servedTasks } from '../lib/served.mjs'
import { serve } from '../lib/worker.mjs'
import { checkLimits } from './adapters-check.mjs'

const [set, loadRuntime] = process.argv.slice(2)
const [framework, application] = set.split('|')
const redisPort = Number(process.argv.find((each) => each.startsWith('--redis='))?.slice(8))
// Warmed up for long: until all of a request's way is compiled, what is longest looks dearest. That takes up to two seconds on a core that is shared with
// the load.
const pace = process.argv.includes('--quick')
  ? { rounds: 5, turns: 4, warmMs: 1000, sliceMs: 10 }
  : { rounds: 10, turns: 10, warmMs: 3000, sliceMs: 10 }

const SERVERS = {
  express: async () => (await import('./express.mjs')).limitServers(),
  'express on Redis': async () => (await import('./express.mjs')).redisServers(redisPort),
  fastify: async () => (await import('./fastify.mjs')).limitServers(),
  hono: async () => (await import('./hono.mjs')).limitServers(),
}

const servers = await SERVERS[framework]()
const ports = await listenAll({ [application]: servers[application] })
const fields = await checkLimits(ports)
await serve([{ name: set, tasks: servedTasks(ports, loadRuntime), ...pace }], { [set]: fields[application] })
