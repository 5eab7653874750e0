// One measuring process: `memory-worker.mjs '<framework>-in-memory|<application>' [--quick]`. It serves that application alone, on connections in memory.
import { applicationInMemory, serveInMemory } from '../lib/memory.mjs'

const { set, framework, application } = applicationInMemory()
const { headerServers } = await import(`./${framework}.mjs`)
const { [application]: server } = await headerServers()
await serveInMemory(set, server)
