// Field encryption beside its peers: runs the workers and prints what they found.
import { ensureBuilt } from '../lib/built.mjs'
import { interleave } from '../lib/interleave.mjs'
import { pairedRatio, summary } from '../lib/measure.mjs'
import { digits, table } from '../lib/table.mjs'

const NOTES = {
  raw: 'raw createCipheriv',
  ours: 'ours, native engine',
  portable: 'ours, portable engine',
  noble: '@noble/ciphers gcm',
  cloak: '@47ng/cloak',
  jose: 'jose, JWE dir',
  iron: 'iron-webcrypto',
  aws: 'AWS Encryption SDK, cached',
  'aws, row in context': 'AWS Encryption SDK, row in context',
}

// The processes of each Node version; worker.mjs says what each measures.
const SETS = ['field', 'slowPeers', 'portable', 'sizes', 'index', 'reencrypt']

const atLeast = (goal) => ({ text: `>= ${goal}`, met: (value) => value >= goal })
const atMost = (goal) => ({ text: `<= ${goal}`, met: (value) => value <= goal })

/** The acceptance figures: which two tasks of which group are divided, and what the quotient should be on which Node. */
const VERDICTS = [
  {
    figure: 'raw / ours, 24 B',
    group: '24 B',
    above: 'raw',
    below: 'ours',
    target: (node) => atLeast(node === '24' ? 0.47 : 0.6),
  },
  { figure: 'cloak / ours, 24 B', group: '24 B', above: 'cloak', below: 'ours', target: () => atLeast(1) },
  { figure: 'AWS SDK / ours, 24 B', group: '24 B, slow peers', above: 'aws', below: 'ours', target: () => atLeast(40) },
  {
    figure: 'index (exact) / HMAC',
    group: 'blind index',
    above: 'ours, exact',
    below: 'bare HMAC',
    target: () => atMost(1.5),
  },
  {
    figure: 'index (email) / HMAC',
    group: 'blind index',
    above: 'ours, email',
    below: 'bare HMAC',
    target: () => atMost(1.5),
  },
  ...['one', 'two'].map((fields) => ({
    figure: `re-encryption (${fields}) / open + seal`,
    group: 're-encryption',
    above: `ours, ${fields}`,
    below: 'open + seal by hand',
    target: () => atMost(1.5),
  })),
]

/**
 * @param {{ runtimes: { name: string, version: string, exec: string }[], quick: boolean }} o
 * @returns {Promise<{ text: string, figures: object }>}
 */
export async function run({ runtimes, quick }) {
  ensureBuilt(['core', 'crypto'])
  const worker = new URL('worker.mjs', import.meta.url)
  const measured = await interleave({ runtimes, worker, sets: SETS, args: quick ? ['--quick'] : [] })
  const nodes = runtimes.map(({ name }) => name)
  const verdicts = VERDICTS.map((verdict) => judge(verdict, measured, nodes))
  return { text: report(measured, nodes, verdicts), figures: { verdicts, ...figuresOf(measured) } }
}

function judge({ figure, group, above, below, target }, measured, nodes) {
  const byNode = {}
  for (const node of nodes) {
    const costs = measured[node].costs[group]
    const ratio = pairedRatio(costs[above], costs[below])
    const goal = target(node)
    byNode[node] = { ...ratio, target: goal.text, met: goal.met(ratio.median) }
  }
  return { figure, byNode }
}

function report(measured, nodes, verdicts) {
  const { costs, notes } = measured[nodes[0]]
  const bySize = Object.keys(costs).filter((group) => /^(\d+ B|24 B, not ASCII)$/.test(group) && group !== '24 B')
  return [
    `Seal and open of 24 bytes of text, CPU time in us (and times ours). AAD: ${notes.aadLength} bytes.`,
    fieldTable(measured, nodes),
    'Blind index of an e-mail address and re-encryption of a field, CPU time in us.',
    costTable(measured, nodes, ['blind index', 're-encryption']),
    ...nodes.flatMap((node) => [
      `Seal and open by size on Node ${node}, CPU time in us.`,
      sizeTable(measured[node].costs, bySize),
    ]),
    'Verdicts: median of the ratios of each round [quartiles], beside the target.',
    verdictTable(verdicts, nodes),
  ].join('\n\n')
}

/** All peers at 24 bytes, each against the engine of ours that was measured in the same process. */
function fieldTable(measured, nodes) {
  const line = (group, task, ours) => [
    NOTES[task],
    ...nodes.map((node) => {
      const costs = measured[node].costs[group]
      return `${digits(summary(costs[task]).median)} (${digits(pairedRatio(costs[task], costs[ours]).median)})`
    }),
  ]
  return table(
    ['', ...nodes.map((node) => `Node ${node}`)],
    [
      ...['raw', 'ours', 'cloak'].map((task) => line('24 B', task, 'ours')),
      ...['jose', 'iron', 'aws', 'aws, row in context'].map((task) => line('24 B, slow peers', task, 'ours')),
      ...['portable', 'noble'].map((task) => line('portable 24 B', task, 'portable')),
    ],
  )
}

function costTable(measured, nodes, groups) {
  const rows = groups.flatMap((group) =>
    Object.keys(measured[nodes[0]].costs[group])
      .sort((a, b) => a.localeCompare(b, 'en'))
      .map((task) => [
        `${group}: ${task}`,
        ...nodes.map((node) => digits(summary(measured[node].costs[group][task]).median)),
      ]),
  )
  return table(['', ...nodes.map((node) => `Node ${node}`)], rows)
}

function sizeTable(costs, groups) {
  const tasks = ['raw', 'ours', 'cloak', 'jose', 'iron', 'aws', 'portable', 'noble']
  const cell = (group, task) => {
    const found = [group, `${group}, slow peers`, `portable ${group}`].map((name) => costs[name]?.[task]).find(Boolean)
    return found ? digits(summary(found).median) : '-'
  }
  const ratio = (group) => digits(pairedRatio(costs[group].raw, costs[group].ours).median)
  return table(
    ['', ...tasks, 'raw / ours'],
    [...groups].sort(bySizeThenName).map((group) => [group, ...tasks.map((task) => cell(group, task)), ratio(group)]),
  )
}

function verdictTable(verdicts, nodes) {
  const cell = ({ median, q1, q3, target, met }) =>
    `${digits(median)} [${digits(q1)} ${digits(q3)}] ${target} ${met ? 'met' : 'MISSED'}`
  return table(
    ['', ...nodes.map((node) => `Node ${node}`)],
    verdicts.map(({ figure, byNode }) => [figure, ...nodes.map((node) => cell(byNode[node]))]),
  )
}

const bySizeThenName = (a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10) || a.length - b.length

function figuresOf(measured) {
  const cpuMicroseconds = {}
  for (const [node, { costs }] of Object.entries(measured)) {
    cpuMicroseconds[node] = {}
    for (const [group, tasks] of Object.entries(costs)) {
      cpuMicroseconds[node][group] = Object.fromEntries(
        Object.entries(tasks).map(([task, all]) => [task, summary(all)]),
      )
    }
  }
  return { aadLength: Object.values(measured)[0].notes.aadLength, cpuMicroseconds }
}
