// Decisions on a Redis: what they cost here and there.
import { interleave } from '../lib/interleave.mjs'
import { summary } from '../lib/measure.mjs'
import { joined, quotient } from '../lib/rounds.mjs'
import { digits, table } from '../lib/table.mjs'
import { redisServerPath, startRedis } from './redis-server.mjs'
import { byNode, judged, summaries } from './verdicts.mjs'

const PEER = 'rate-limiter-flexible'
const TENTHS = ['K = 10', 'K = 10, each call in a new part']
const SERVER_TIMES_THE_PEER = 1.6
const CLIENT_OF_THREE_CALLS = 0.55

export async function redis({ runtimes, quick }) {
  const path = redisServerPath()
  if (path === undefined) {
    const text =
      'Redis was left out: there is no redis-server in PATH. Install it, for example by apt-get install redis-server.'
    return { text, verdicts: [], figures: {} }
  }
  const server = await startRedis(path)
  try {
    const worker = new URL('redis-worker.mjs', import.meta.url)
    const args = [String(server.port), ...(quick ? ['--quick'] : [])]
    const costs = joined([await interleave({ runtimes, worker, sets: ['redis'], args })])
    const nodes = runtimes.map(({ name }) => name)
    const figures = { version: server.version, microseconds: summaries(costs) }
    return { text: report(costs, nodes, server), verdicts: verdictsOf(costs, nodes), figures }
  } finally {
    await server.stop()
  }
}

function report(costs, nodes, { version }) {
  const groups = costs[nodes[0]]
  const concurrencies = [...new Set(Object.keys(groups).map((group) => Number(/^redis (\d+)/.exec(group)[1])))].sort(
    (a, b) => a - b,
  )
  const rows = concurrencies.flatMap((concurrency) =>
    Object.keys(groups[`redis ${concurrency}, client`])
      .sort((a, b) => a.localeCompare(b, 'en'))
      .map((task) => [
        `${concurrency} at a time: ${task}`,
        ...nodes.map((node) => cell(costs[node], concurrency, task)),
      ]),
  )
  return [
    `A decision on Redis ${version}: CPU time of the client / of the server in us, and decisions a second on the clock.`,
    table(['', ...nodes.map((node) => `Node ${node}`)], rows),
  ].join('\n\n')
}

function cell(groups, concurrency, task) {
  const [client, server, clock] = ['client', 'server', 'clock'].map(
    (what) => summary(groups[`redis ${concurrency}, ${what}`][task]).median,
  )
  return `${digits(client)} / ${digits(server)}, ${Math.round(1e6 / clock)}/s`
}

function verdictsOf(costs, nodes) {
  const verdict = (figure, group, ours, peer, most) => ({
    figure,
    byNode: byNode(nodes, (node) => judged(quotient(costs[node][group][ours], costs[node][group][peer]), '<=', most)),
  })
  const three = ['ours, three rules in one call', `${PEER}, three calls`]
  return [
    ...[1, 50, 200].flatMap((concurrency) =>
      TENTHS.map((tenth) =>
        verdict(
          `server, ${tenth} / ${PEER}, ${concurrency} at a time`,
          `redis ${concurrency}, server`,
          `ours, strict, ${tenth}`,
          PEER,
          SERVER_TIMES_THE_PEER,
        ),
      ),
    ),
    verdict('client, three rules in one call / three calls', 'redis 50, client', ...three, CLIENT_OF_THREE_CALLS),
  ]
}
