// One measuring process: `adapters-memory-worker.mjs '<framework>-in-memory|<application>' [--quick]`. It serves that application alone, on connections
// in memory. That it counts is checked over the network.
import { memoryTask } from '../lib/memory.mjs'
import { listenAll } from '../lib/served.mjs'
import { serve } from '../lib/worker.mjs'
import { checkLimits } from './adapters-check.mjs'

const [set] = process.argv.slice(2)
const [framework, application] = set.split(/-in-memory\|/)
// Warmed up for long: until all of a request's way is compiled, what is longest looks dearest.
const pace = process.argv.includes('--quick')
  ? { rounds: 5, turns: 4, warmMs: 600, sliceMs: 10 }
  : { rounds: 10, turns: 4, warmMs: 1000, sliceMs: 10 }

const { limitServers } = await import(`./${framework}.mjs`)
const { [application]: server } = await limitServers()
const fields = await checkLimits(await listenAll({ [application]: server }))
await serve([{ name: set, tasks: [memoryTask(application, server)], ...pace }], { [set]: fields[application] })
