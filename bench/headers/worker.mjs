// One measuring process: `worker.mjs <set> <node of the load> [--quick]`. All applications of a set live in it, behind a server each: two processes with the
// same program differ by a few per cent for as long as they live (where their code and heap happen to lie), which is as much as is to be measured. With
// `<set>|<application>` it serves that one alone.
import { randomBytes } from 'node:crypto'
import { nonceSource } from '@mosaajii/headers'
import { listenAll, servedTasks } from '../lib/served.mjs'
import { serve } from '../lib/worker.mjs'
import { bridgeServers } from './bridges.mjs'
import { checkBridges, checkHeaders } from './check.mjs'

const [set, loadRuntime] = process.argv.slice(2)
const [group, application] = set.split('|')
const [what, framework] = group.split(' ')
const pace = process.argv.includes('--quick')
  ? {
      http: { rounds: 5, turns: 3, warmMs: 150, sliceMs: 8 },
      alone: { rounds: 5, turns: 4, warmMs: 1000, sliceMs: 10 },
      nonce: { rounds: 7, turns: 4, warmMs: 100, sliceMs: 3 },
    }
  : {
      http: { rounds: 8, turns: 8, warmMs: 400, sliceMs: 10 },
      // By itself each must first let all of a request's way be compiled, on the core that it shares with its load. Then for long: half of the CPU time of
      // a request on Express is the collector's on Node 20 and 22, which comes in pieces of many requests.
      alone: { rounds: 10, turns: 24, warmMs: 3000, sliceMs: 10 },
      nonce: { rounds: 8, turns: 8, warmMs: 300, sliceMs: 3 },
    }

const SETS = {
  async headers() {
    const { headerServers } = await import(`./${framework}.mjs`)
    const servers = await headerServers()
    if (application !== undefined) {
      const port = await listenAll({ [application]: servers[application] })
      return { tasks: servedTasks(port, loadRuntime), ...pace.alone, notes: {} }
    }
    const ports = await listenAll(servers)
    const counts = await checkHeaders(ports)
    return { tasks: servedTasks(ports, loadRuntime), ...pace.http, notes: { [set]: counts } }
  },
  async bridge() {
    const ports = await listenAll(await bridgeServers[framework]())
    await checkBridges(ports)
    return { tasks: servedTasks(ports, loadRuntime), ...pace.http, notes: {} }
  },
  nonce() {
    return { tasks: nonceTasks(), ...pace.nonce, notes: {} }
  },
}

function nonceTasks() {
  const nonce = nonceSource()
  return [
    { name: 'nonceSource()', body: nonce },
    { name: 'randomBytes(16), base64', body: () => randomBytes(16).toString('base64') },
  ]
}

const { notes, ...measured } = await SETS[what]()
await serve([{ name: set, ...measured }], notes)
