// One measuring process: `memory-worker.mjs '<framework>-in-memory|<application>' [--quick]`. It serves that application alone, on connections in memory.
import { memoryTask } from '../lib/memory.mjs'
import { serve } from '../lib/worker.mjs'

const [set] = process.argv.slice(2)
const [framework, application] = set.split(/-in-memory\|/)
// Warmed up for long: until all of a request's way is compiled, what is longest looks dearest.
const pace = process.argv.includes('--quick')
  ? { rounds: 5, turns: 4, warmMs: 600, sliceMs: 10 }
  : { rounds: 10, turns: 4, warmMs: 1000, sliceMs: 10 }

const { headerServers } = await import(`./${framework}.mjs`)
const servers = await headerServers()
await serve([{ name: set, tasks: [memoryTask(application, servers[application])], ...pace }])
