// Security headers and the bridges beside their peers, over HTTP: runs the workers and prints what they found.
import { apart } from '../lib/apart.mjs'
import { ensureBuilt } from '../lib/built.mjs'
import { interleave } from '../lib/interleave.mjs'
import { quantile, summary } from '../lib/measure.mjs'
import { above, difference, joined, mean, quotient, resampledQuotient } from '../lib/rounds.mjs'
import { listenAll } from '../lib/served.mjs'
import { digits, table } from '../lib/table.mjs'
import { checkHeaders } from './check.mjs'

const FRAMEWORKS = ['express', 'fastify', 'hono']
const PEERS = { express: 'helmet', fastify: '@fastify/helmet', hono: 'hono secureHeaders' }
const PARTS = [...FRAMEWORKS, 'nonce']

/**
 * Whose applications have a process each. Express changes the prototypes of its requests and responses, and what the engine learns of those of one
 * application it forgets at those of the next, where they share a process.
 */
const APART = ['express']
const STARTS = 12

/** Above the bare framework: ours as a part of the peer. */
const SHARE_OF_PEER = { express: 1 / 2, fastify: 1 / 3, hono: 0.9 }
const NONCE_NANOSECONDS = 50

const ROWS = ['set by hand, as ours', 'ours', 'peer', 'set by hand, equal', 'ours, equal', 'peer, equal']
const BRIDGE_ROWS = ['one by hand', 'one guard', 'three by hand', 'three guards']

/**
 * @param {{ runtimes: { name: string, version: string, exec: string }[], quick: boolean, only?: string[] }} o `only`: frameworks, `nonce`
 * @returns {Promise<{ text: string, figures: object }>}
 * @throws {RangeError} when `only` names something else
 */
export async function run({ runtimes, quick, only = PARTS }) {
  const sets = setsOf(only)
  ensureBuilt(['core', 'headers'])
  const worker = new URL('worker.mjs', import.meta.url)
  const args = [process.execPath, ...(quick ? ['--quick'] : [])]
  const runs = []
  for (let i = 0; i < (sets.length === 0 ? 0 : quick ? 1 : 3); i++) {
    runs.push(await interleave({ runtimes, worker, sets, args }))
  }
  const nodes = runtimes.map(({ name }) => name)
  const apartOnes = await inProcessesOfTheirOwn({ runtimes, quick, only, worker, args })
  const costs = merged(nodes, joined(runs), apartOnes.costs)
  const verdicts = [...shareVerdicts(costs, nodes), ...nonceVerdicts(costs, nodes), ...bridgeVerdicts(costs, nodes)]
  const notes = { ...runs[0]?.[nodes[0]]?.notes, ...apartOnes.notes }
  return { text: report(costs, nodes, verdicts, notes), figures: { verdicts, notes, ...figuresOf(costs) } }
}

function setsOf(only) {
  const unknown = only.find((part) => !PARTS.includes(part))
  if (unknown !== undefined) throw new RangeError(`--only: "${unknown}" is none of ${PARTS.join(', ')}`)
  const chosen = FRAMEWORKS.filter((framework) => only.includes(framework))
  const nonce = only.includes('nonce') ? ['nonce'] : []
  const together = chosen.filter((each) => !APART.includes(each))
  return [...together.map((each) => `headers ${each}`), ...chosen.map((each) => `bridge ${each}`), ...nonce]
}

async function inProcessesOfTheirOwn({ runtimes, quick, only, worker, args }) {
  const sets = APART.filter((framework) => only.includes(framework)).map((framework) => `headers ${framework}`)
  const notes = {}
  for (const set of sets) notes[set] = await checkedHere(set.split(' ')[1])
  const served = { applications: ['bare', 'bare again', ...ROWS], starts: STARTS }
  const { costs } = await apart({
    runtimes,
    worker,
    sets: Object.fromEntries(sets.map((set) => [set, served])),
    once: quick,
    args,
  })
  return { costs, notes }
}

/** Checks all applications of a framework in this process: those that measure have one each, and two must be there to be compared. */
async function checkedHere(framework) {
  const { headerServers } = await import(`./${framework}.mjs`)
  const servers = await headerServers()
  try {
    return await checkHeaders(await listenAll(servers))
  } finally {
    for (const server of Object.values(servers)) server.close()
  }
}

const merged = (nodes, one, other) => byNode(nodes, (node) => ({ ...one[node], ...other[node] }))

/** The frameworks that were measured. */
const measured = (costs, nodes) => FRAMEWORKS.filter((framework) => costs[nodes[0]][`headers ${framework}`])

function shareVerdicts(costs, nodes) {
  const verdict = (framework, variant) => ({
    figure: `${framework}: ours / ${PEERS[framework]}${variant}`,
    byNode: byNode(nodes, (node) => {
      const tasks = costs[node][`headers ${framework}`]
      const divided = APART.includes(framework) ? resampledQuotient : quotient
      const share = summary(divided(above(tasks, `ours${variant}`), above(tasks, `peer${variant}`)))
      return {
        ...share,
        target: `<= ${digits(SHARE_OF_PEER[framework])}`,
        met: share.median <= SHARE_OF_PEER[framework],
      }
    }),
  })
  return measured(costs, nodes).flatMap((framework) => [verdict(framework, ''), verdict(framework, ', equal')])
}

function nonceVerdicts(costs, nodes) {
  if (!costs[nodes[0]].nonce) return []
  const judged = byNode(nodes, (node) => {
    const nanoseconds = summary(costs[node].nonce['nonceSource()'].map((cost) => cost * 1000))
    return { ...nanoseconds, target: `<= ${NONCE_NANOSECONDS}`, met: nanoseconds.median <= NONCE_NANOSECONDS }
  })
  return [{ figure: 'nonceSource(), ns a call', byNode: judged }]
}

/**
 * Within noise: the median of guard / by hand, whole requests, is no higher than what the same middleware measured twice shows in one round of
 * twenty. Which of the two came first is chance, so that one takes 0.96 of the other is as much noise as that the other takes 1.04 of it.
 */
function bridgeVerdicts(costs, nodes) {
  const verdict = (framework, guarded, byHand) => ({
    figure: `${framework}: ${guarded} / ${byHand}`,
    byNode: byNode(nodes, (node) => {
      const tasks = costs[node][`bridge ${framework}`]
      const twice = [tasks[byHand], tasks[`${byHand}, again`]]
      const ratio = summary(quotient(tasks[guarded], mean(...twice)))
      const noise = quantile(
        quotient(...twice).map((each) => Math.max(each, 1 / each)),
        0.95,
      )
      return { ...ratio, target: `<= ${noise.toFixed(3)}`, met: ratio.median <= noise }
    }),
  })
  return bridged(costs, nodes).flatMap((framework) => [
    verdict(framework, 'one guard', 'one by hand'),
    verdict(framework, 'three guards', 'three by hand'),
  ])
}

const bridged = (costs, nodes) => FRAMEWORKS.filter((framework) => costs[nodes[0]][`bridge ${framework}`])

const byNode = (nodes, judge) => Object.fromEntries(nodes.map((node) => [node, judge(node)]))

function report(costs, nodes, verdicts, notes) {
  return [
    'CPU time of a request above the bare framework, in us: median [quartiles]. "bare again" is the noise.',
    headerTable(costs, nodes, notes),
    'CPU time of a request above the framework without a guard, in us: median [quartiles].',
    bridgeTable(costs, nodes),
    'A nonce, CPU time in ns.',
    nonceTable(costs, nodes),
    'Verdicts: median of the ratios of each round, on Express of those of resampled starts [quartiles], beside the target.',
    verdictTable(verdicts, nodes),
  ].join('\n\n')
}

function headerTable(costs, nodes, notes) {
  const rows = measured(costs, nodes).flatMap((framework) => {
    const group = `headers ${framework}`
    const cells = (value) => nodes.map((node) => value(costs[node][group]))
    const named = (row) => row.replace('peer', PEERS[framework])
    const counted = { ours: notes[group].ours, peer: notes[group].peer }
    return [
      [`${framework}, bare: all of it`, ...cells((tasks) => spread(tasks.bare))],
      [`${framework}, bare again`, ...cells((tasks) => spread(difference(tasks['bare again'], tasks.bare)))],
      ...ROWS.map((row) => [
        `${framework}, ${named(row)} (${counted[row] ?? (row.endsWith('equal') ? notes[group].equal : notes[group].ours)} headers)`,
        ...cells((tasks) => spread(above(tasks, row))),
      ]),
    ]
  })
  return table(['', ...nodes.map((node) => `Node ${node}`)], rows)
}

function bridgeTable(costs, nodes) {
  const rows = bridged(costs, nodes).flatMap((framework) => {
    const cells = (value) => nodes.map((node) => value(costs[node][`bridge ${framework}`]))
    return [
      [`${framework}, no guard: all of it`, ...cells((tasks) => spread(tasks['no guard']))],
      ...BRIDGE_ROWS.map((row) => [
        `${framework}, ${row}`,
        ...cells((tasks) => spread(difference(tasks[row], tasks['no guard']))),
      ]),
    ]
  })
  return table(['', ...nodes.map((node) => `Node ${node}`)], rows)
}

function nonceTable(costs, nodes) {
  const rows = Object.keys(costs[nodes[0]].nonce ?? {}).map((task) => [
    task,
    ...nodes.map((node) => digits(summary(costs[node].nonce[task]).median * 1000)),
  ])
  return table(['', ...nodes.map((node) => `Node ${node}`)], rows)
}

function spread(values) {
  const { median, q1, q3 } = summary(values)
  return `${median.toFixed(2)} [${q1.toFixed(2)} ${q3.toFixed(2)}]`
}

function verdictTable(verdicts, nodes) {
  const cell = ({ median, q1, q3, target, met }) =>
    `${digits3(median)} [${digits3(q1)} ${digits3(q3)}] ${target} ${met ? 'met' : 'MISSED'}`
  return table(
    ['', ...nodes.map((node) => `Node ${node}`)],
    verdicts.map(({ figure, byNode: cells }) => [figure, ...nodes.map((node) => cell(cells[node]))]),
  )
}

const digits3 = (value) => (value < 10 ? value.toFixed(3) : digits(value))

function figuresOf(costs) {
  const cpuMicroseconds = {}
  for (const [node, groups] of Object.entries(costs)) {
    cpuMicroseconds[node] = {}
    for (const [group, tasks] of Object.entries(groups)) {
      cpuMicroseconds[node][group] = Object.fromEntries(
        Object.entries(tasks).map(([task, all]) => [task, summary(all)]),
      )
    }
  }
  return { cpuMicroseconds }
}
