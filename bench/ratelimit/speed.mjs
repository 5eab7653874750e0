// Checks a second in memory, at several numbers of keys.
import { interleave } from '../lib/interleave.mjs'
import { summary } from '../lib/measure.mjs'
import { joined, quotient } from '../lib/rounds.mjs'
import { digits, table } from '../lib/table.mjs'
import { byNode, judged, summaries } from './verdicts.mjs'

const SIZES = [1_000, 100_000, 1_000_000]
const TIMES_THE_PEER = 2
/** Of two processes with much memory the one that is started first was slower, by up to a tenth in every trial: each is so once. */
const ORDERS = [
  ['ours', 'peer'],
  ['peer', 'ours'],
]

const ROWS = [
  { name: 'ours, one rule, strict', who: 'ours', task: 'one rule' },
  { name: 'ours, one rule, exact', who: 'ours', task: 'one rule, exact' },
  { name: 'rate-limiter-flexible, one limiter', who: 'peer', task: 'one rule' },
  { name: 'ours, two rules in one call', who: 'ours', task: 'two rules' },
  { name: 'rate-limiter-flexible, two limiters', who: 'peer', task: 'two rules' },
  { name: 'ours, refused', who: 'ours', task: 'refused' },
  { name: 'rate-limiter-flexible, refused', who: 'peer', task: 'refused' },
]

/** @param {{ runtimes: { name: string, exec: string }[], quick: boolean }} o */
export async function speed({ runtimes, quick }) {
  const worker = new URL('speed-worker.mjs', import.meta.url)
  const runs = []
  // One size after the other: a process of a peer with a million keys is large.
  for (const size of SIZES) {
    for (const order of quick ? ORDERS.slice(0, 1) : ORDERS) {
      const sets = order.map((who) => `${who} ${size}`)
      runs.push(await interleave({ runtimes, worker, sets, args: quick ? ['--quick'] : [] }))
    }
  }
  const costs = joined(runs)
  const nodes = runtimes.map(({ name }) => name)
  return {
    text: report(costs, nodes),
    verdicts: verdictsOf(costs, nodes),
    figures: { cpuMicroseconds: summaries(costs) },
  }
}

const cost = (costs, node, size, { who, task }) => costs[node][`${size} keys, ${who}`][task]

function report(costs, nodes) {
  const rows = SIZES.flatMap((size) =>
    ROWS.map((row) => [
      `${size.toLocaleString('en')} keys: ${row.name}`,
      ...nodes.map((node) => {
        const { median } = summary(cost(costs, node, size, row))
        return `${digits(median)} us, ${thousands(1e6 / median)}`
      }),
    ]),
  )
  return [
    'A check in memory, awaited, keys drawn at random: CPU time, and checks a second of CPU time.',
    table(['', ...nodes.map((node) => `Node ${node}`)], rows),
  ].join('\n\n')
}

const thousands = (perSecond) => `${Math.round(perSecond / 1000)}k/s`

function verdictsOf(costs, nodes) {
  return SIZES.flatMap((size) =>
    [
      ['one rule', 'one rule'],
      ['one rule, exact', 'one rule'],
      ['two rules', 'two rules'],
    ].map(([ours, peer]) => ({
      figure: `checks/s of rate-limiter-flexible, ${size.toLocaleString('en')} keys, ${ours}`,
      byNode: byNode(nodes, (node) => {
        const theirs = cost(costs, node, size, { who: 'peer', task: peer })
        return judged(quotient(theirs, cost(costs, node, size, { who: 'ours', task: ours })), '>=', TIMES_THE_PEER)
      }),
    })),
  )
}
