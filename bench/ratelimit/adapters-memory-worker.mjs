// One measuring process: `adapters-memory-worker.mjs '<framework>-in-memory|<application>' [--quick]`. It serves that application alone, on connections
// in memory. That it counts is checked over the network.
import { applicationInMemory, serveInMemory } from '../lib/memory.mjs'
import { listenAll } from '../lib/served.mjs'
import { checkLimits } from './adapters-check.mjs'

const { set, framework, application } = applicationInMemory()
const { limitServers } = await import(`./${framework}.mjs`)
const { [application]: server } = await limitServers()
const fields = await checkLimits(await listenAll({ [application]: server }))
await serveInMemory(set, server, { [set]: fields[application] })
