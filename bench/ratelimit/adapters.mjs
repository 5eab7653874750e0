// The adapters beside their peers, over HTTP.
import { apart } from '../lib/apart.mjs'
import { summary } from '../lib/measure.mjs'
import { above, difference, resampledQuotient } from '../lib/rounds.mjs'
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
const FIELDS = ['ours, no fields', 'peer, no fields']

/** `starts`: how often each process is started anew. More often where ours and the peer differ by less than two starts of one program do. */
const SETS = {
  express: { applications: [...SHARED, 'peer, two fields', ...FIELDS], starts: 4 },
  'express on Redis': { applications: SHARED, starts: 4 },
  fastify: { applications: [...SHARED, 'by hand', ...FIELDS], starts: 10 },
  hono: { applications: [...SHARED, 'peer, two fields', ...FIELDS], starts: 6 },
}
const SETS_IN_MEMORY = {
  'fastify-in-memory': { ...SETS.fastify, starts: 12 },
  'hono-in-memory': { ...SETS.hono, starts: 12 },
}

export async function adapters({ runtimes, quick }) {
  const path = redisServerPath()
  const server = path === undefined ? undefined : await startRedis(path)
  try {
    const { 'express on Redis': onRedis, ...others } = SETS
    return await measured({
      runtimes,
      worker: new URL('adapters-worker.mjs', import.meta.url),
      sets: server === undefined ? others : { ...others, 'express on Redis': onRedis },
      once: quick,
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
    sets: SETS_IN_MEMORY,
    once: quick,
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
        return judged(resampledQuotient(above(tasks, ours), above(tasks, theirs)), '<=', 1)
      }),
    })),
  )
}
