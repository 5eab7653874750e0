// The adapters beside their peers, over HTTP.
import { apart } from '../lib/apart.mjs'
import { summary } from '../lib/measure.mjs'
import { above, difference, quotient } from '../lib/rounds.mjs'
import { table } from '../lib/table.mjs'
import { redisServerPath, startRedis } from './redis-server.mjs'
import { byNode, judged, summaries } from './verdicts.mjs'

const PEERS = {
  express: 'express-rate-limit',
  'express on Redis': 'express-rate-limit and rate-limit-redis',
  fastify: '@fastify/rate-limit',
  'fastify-in-memory': '@fastify/rate-limit',
  hono: 'hono-rate-limiter',
  'hono-in-memory': 'hono-rate-limiter',
}

/** Which of ours is compared with which of the peer's. */
const PAIRS = [
  ['ours', 'peer'],
  ['ours', 'peer, two fields'],
  ['ours, no fields', 'peer, no fields'],
]

const SHARED = ['bare', 'bare again', 'ours', 'peer']
const APPLICATIONS = {
  express: [...SHARED, 'peer, two fields', 'ours, no fields', 'peer, no fields'],
  'express on Redis': SHARED,
  fastify: [...SHARED, 'ours, no fields', 'peer, no fields'],
  hono: [...SHARED, 'peer, two fields', 'ours, no fields', 'peer, no fields'],
}

/** How often each process is started anew. Without the network's noise what is left is that between starts. */
const STARTS = 4
const STARTS_IN_MEMORY = 12

export async function adapters({ runtimes, quick }) {
  const path = redisServerPath()
  const server = path === undefined ? undefined : await startRedis(path)
  try {
    const { 'express on Redis': onRedis, ...others } = APPLICATIONS
    return await measured({
      runtimes,
      worker: new URL('adapters-worker.mjs', import.meta.url),
      sets: server === undefined ? others : { ...others, 'express on Redis': onRedis },
      starts: quick ? 1 : STARTS,
      args: [process.execPath, ...(server ? [`--redis=${server.port}`] : []), ...(quick ? ['--quick'] : [])],
    })
  } finally {
    await server?.stop()
  }
}

/** On these the two differ by less than what the network makes of them. */
export function adaptersInMemory({ runtimes, quick }) {
  return measured({
    runtimes,
    worker: new URL('adapters-memory-worker.mjs', import.meta.url),
    sets: { 'fastify-in-memory': APPLICATIONS.fastify, 'hono-in-memory': APPLICATIONS.hono },
    starts: quick ? 1 : STARTS_IN_MEMORY,
    args: quick ? ['--quick'] : [],
  })
}

async function measured({ runtimes, ...how }) {
  const { costs, notes } = await apart({ runtimes, ...how })
  const nodes = runtimes.map(({ name }) => name)
  const figures = { fields: notes, cpuMicroseconds: summaries(costs) }
  return { text: report(costs, nodes, notes), verdicts: verdictsOf(costs, nodes), figures }
}

const named = (set, task) => task.replace('peer', PEERS[set])

function report(costs, nodes, notes) {
  const rows = Object.keys(notes).flatMap((set) => {
    const cells = (value) => nodes.map((node) => value(costs[node][set]))
    return [
      [`${set}, bare: all of it`, ...cells((tasks) => spread(tasks.bare))],
      [`${set}, bare again`, ...cells((tasks) => spread(difference(tasks['bare again'], tasks.bare)))],
      ...Object.keys(costs[nodes[0]][set])
        .filter((task) => !task.startsWith('bare'))
        .sort((a, b) => a.localeCompare(b, 'en'))
        .map((task) => [
          `${set}, ${named(set, task)} (${notes[set][task]} fields)`,
          ...cells((tasks) => spread(above(tasks, task))),
        ]),
    ]
  })
  return [
    'CPU time of a request above the bare framework, in us: median [quartiles]. "bare again" is the noise.',
    table(['', ...nodes.map((node) => `Node ${node}`)], rows),
  ].join('\n\n')
}

function spread(values) {
  const { median, q1, q3 } = summary(values)
  return `${median.toFixed(2)} [${q1.toFixed(2)} ${q3.toFixed(2)}]`
}

function verdictsOf(costs, nodes) {
  return Object.keys(costs[nodes[0]]).flatMap((set) =>
    PAIRS.filter(([, theirs]) => theirs in costs[nodes[0]][set]).map(([ours, theirs]) => ({
      figure: `${set}: ${ours} / ${named(set, theirs)}`,
      byNode: byNode(nodes, (node) => {
        const tasks = costs[node][set]
        return judged(quotient(above(tasks, ours), above(tasks, theirs)), '<=', 1)
      }),
    })),
  )
}
