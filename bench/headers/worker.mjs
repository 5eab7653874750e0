// One measuring process: `worker.mjs <set> <node of the load> [--quick]`. All applications that are compared live in one process, behind a server each.
// Two processes with the same program differ by a few per cent for as long as they live (where their code and heap happen to lie), which is as
// much as is to be measured; within one process the requests of each meet the same compiled framework.
import { randomBytes } from 'node:crypto'
import { nonceSource } from '@mosaajii/headers'
import { listenAll, servedTasks } from '../lib/served.mjs'
import { serve } from '../lib/worker.mjs'
import { bridgeServers } from './bridges.mjs'
import { checkBridges, checkHeaders } from './check.mjs'

const [set, loadRuntime] = process.argv.slice(2)
const [what, framework] = set.split(' ')
const pace = process.argv.includes('--quick')
  ? { http: { rounds: 5, turns: 3, warmMs: 150, sliceMs: 8 }, nonce: { rounds: 7, turns: 4, warmMs: 100, sliceMs: 3 } }
  : { http: { rounds: 8, turns: 8, warmMs: 400, sliceMs: 10 }, nonce: { rounds: 8, turns: 8, warmMs: 300, sliceMs: 3 } }

/** On Node 20 and 22 half of what Express costs is the collector, whose work lands on whichever application runs: only many turns even it out. */
const EXPRESS_TURNS = 4

const SETS = {
  async headers() {
    const { headerServers } = await import(`./${framework}.mjs`)
    const ports = await listenAll(await headerServers())
    const counts = await checkHeaders(ports)
    const turns = pace.http.turns * (framework === 'express' ? EXPRESS_TURNS : 1)
    return { group: { tasks: servedTasks(ports, loadRuntime), ...pace.http, turns }, notes: { [set]: counts } }
  },
  async bridge() {
    const ports = await listenAll(await bridgeServers[framework]())
    await checkBridges(ports)
    return { group: { tasks: servedTasks(ports, loadRuntime), ...pace.http }, notes: {} }
  },
  nonce() {
    return { group: { tasks: nonceTasks(), ...pace.nonce }, notes: {} }
  },
}

function nonceTasks() {
  const nonce = nonceSource()
  return [
    { name: 'nonceSource()', body: nonce },
    { name: 'randomBytes(16), base64', body: () => randomBytes(16).toString('base64') },
  ]
}

const { group, notes } = await SETS[what]()
await serve([{ name: set, ...group }], notes)
