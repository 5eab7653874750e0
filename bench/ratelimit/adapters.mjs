// The adapters beside their peers, over HTTP.
import { interleave } from '../lib/interleave.mjs'
import { summary } from '../lib/measure.mjs'
import { above, difference, joined, quotient } from '../lib/rounds.mjs'
import { table } from '../lib/table.mjs'
import { redisServerPath, startRedis } from './redis-server.mjs'
import { byNode, judged, summaries } from './verdicts.mjs'

const PEERS = {
  express: 'express-rate-limit',
  'express on Redis': 'express-rate-limit and rate-limit-redis',
  fastify: '@fastify/rate-limit',
  hono: 'hono-rate-limiter',
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

/** How often each process is started anew: no two of the same program are equally fast. */
const STARTS = 4

export async function adapters({ runtimes, quick }) {
  const path = redisServerPath()
  const server = path === undefined ? undefined : await startRedis(path)
  try {
    const worker = new URL('adapters-worker.mjs', import.meta.url)
    const sets = Object.keys(PEERS).filter((set) => server !== undefined || !set.endsWith('Redis'))
    const args = [process.execPath, ...(server ? [`--redis=${server.port}`] : []), ...(quick ? ['--quick'] : [])]
    const runs = []
    // A few processes at a time: each has one for its load beside it.
    for (const set of sets) {
      const apart = APPLICATIONS[set].map((application) => `${set}|${application}`)
      for (const runtime of runtimes) {
        for (let i = 0; i < (quick ? 1 : STARTS); i++) {
          runs.push(await interleave({ runtimes: [runtime], worker, sets: apart, args }))
        }
      }
    }
    const nodes = runtimes.map(({ name }) => name)
    const notes = grouped(Object.assign({}, ...runs.flatMap((run) => Object.values(run).map((each) => each.notes))))
    const costs = mapped(joined(runs), (sets) =>
      mapped(grouped(sets), (applications) => mapped(applications, (tasks) => Object.values(tasks)[0])),
    )
    const figures = { fields: notes, cpuMicroseconds: summaries(costs) }
    return { text: report(costs, nodes, notes), verdicts: verdictsOf(costs, nodes), figures }
  } finally {
    await server?.stop()
  }
}

/** What was found of `set|application`, by set and then by application. */
function grouped(found) {
  const groups = {}
  for (const [name, value] of Object.entries(found)) {
    const [set, application] = name.split('|')
    ;(groups[set] ??= {})[application] = value
  }
  return groups
}

const mapped = (object, change) =>
  Object.fromEntries(Object.entries(object).map(([name, value]) => [name, change(value)]))

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
