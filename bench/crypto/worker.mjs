// One measuring process: `worker.mjs <set>`. A process for each set, so that the heap and the compiled code that one leaves behind
// (the slow peers allocate megabytes) do not weigh on the figures of another; and one engine of ours a process, as in an application.
import { serve } from '../lib/worker.mjs'
import { emails, inputs, names } from './inputs.mjs'
import { fieldPeer, observedAadLength, openOurs } from './ours.mjs'
import { aws } from './peers/aws.mjs'
import { cloak } from './peers/cloak.mjs'
import { iron } from './peers/iron.mjs'
import { jose } from './peers/jose.mjs'
import { noble } from './peers/noble.mjs'
import { raw } from './peers/raw.mjs'
import { indexTasks, reencryptTasks, roundTrips } from './tasks.mjs'

const SIZES = [16, 64, 256, 1024, 4096, 16384, 65536]
const [set] = process.argv.slice(2)
const pace = process.argv.includes('--quick')
  ? {
      field: { rounds: 9, turns: 8, warmMs: 150, sliceMs: 3 },
      slow: { rounds: 5, turns: 2, warmMs: 60, sliceMs: 3 },
      size: { rounds: 2, turns: 2, warmMs: 15, sliceMs: 1 },
      rows: { rounds: 5, turns: 1, warmMs: 100, sliceMs: 10 },
    }
  : {
      field: { rounds: 31, turns: 16, warmMs: 400, sliceMs: 3 },
      slow: { rounds: 15, turns: 3, warmMs: 300, sliceMs: 4 },
      size: { rounds: 9, turns: 4, warmMs: 60, sliceMs: 2 },
      rows: { rounds: 25, turns: 2, warmMs: 300, sliceMs: 20 },
    }

/** The engine that is measured in this set, and an AAD as long as its own for the bare primitives. */
async function ourPeer(engine) {
  const native = fieldPeer((await openOurs('native')).keyring)
  const aadLength = observedAadLength(native, crypto.randomUUID())
  if (engine === 'native') return { ours: native, aadLength }
  return { ours: fieldPeer((await openOurs(engine)).keyring), aadLength }
}

async function sizes(nameOf, peers) {
  const groups = []
  for (const size of SIZES) {
    groups.push({ name: nameOf(size), tasks: await roundTrips(peers, inputs(size)), ...pace.size })
  }
  return groups
}

const SETS = {
  async field() {
    const { ours, aadLength } = await ourPeer('native')
    const peers = { raw: raw(aadLength), ours, cloak: cloak() }
    const groups = [
      { name: '24 B', tasks: await roundTrips(peers, emails()), ...pace.field },
      { name: '24 B, not ASCII', tasks: await roundTrips(peers, names()), ...pace.size },
    ]
    return { groups, notes: { aadLength } }
  },
  async slowPeers() {
    const { ours } = await ourPeer('native')
    const peers = { ours, jose: await jose(), iron: iron(), aws: aws(false), 'aws, row in context': aws(true) }
    return { groups: [{ name: '24 B, slow peers', tasks: await roundTrips(peers, emails()), ...pace.slow }] }
  },
  async portable() {
    const { ours: portable, aadLength } = await ourPeer('portable')
    const peers = { raw: raw(aadLength), portable, noble: noble(aadLength) }
    const groups = [{ name: 'portable 24 B', tasks: await roundTrips(peers, emails()), ...pace.slow }]
    return { groups: [...groups, ...(await sizes((size) => `portable ${size} B`, peers))] }
  },
  async sizes() {
    const { ours, aadLength } = await ourPeer('native')
    const quick = { raw: raw(aadLength), ours, cloak: cloak() }
    const slow = { jose: await jose(), iron: iron(), aws: aws(false) }
    const groups = [
      ...(await sizes((size) => `${size} B`, quick)),
      ...(await sizes((size) => `${size} B, slow peers`, slow)),
    ]
    return { groups }
  },
  async index() {
    return { groups: [{ name: 'blind index', tasks: await indexTasks(), ...pace.field, turns: 4 }] }
  },
  async reencrypt() {
    return { groups: [{ name: 're-encryption', tasks: await reencryptTasks(2048), ...pace.rows }] }
  },
}

const { groups, notes } = await SETS[set]()
await serve(groups, notes)
