// The cost of single calls of node:crypto and Buffer: the parts list behind the native engine.
import { interleave } from '../lib/interleave.mjs'
import { summary } from '../lib/measure.mjs'
import { table } from '../lib/table.mjs'

/**
 * @param {{ runtimes: { name: string, version: string, exec: string }[], quick: boolean }} o
 * @returns {Promise<{ text: string, figures: object }>}
 */
export async function run({ runtimes, quick }) {
  const worker = new URL('worker.mjs', import.meta.url)
  const measured = await interleave({ runtimes, worker, sets: ['micro'], args: quick ? ['--quick'] : [] })
  const cpuMicroseconds = {}
  for (const [node, { costs }] of Object.entries(measured)) {
    cpuMicroseconds[node] = Object.fromEntries(Object.entries(costs.micro).map(([task, all]) => [task, summary(all)]))
  }
  return { text: report(cpuMicroseconds, runtimes), figures: { cpuMicroseconds } }
}

function report(figures, runtimes) {
  const nodes = runtimes.map(({ name }) => name)
  const tasks = [...new Set(nodes.flatMap((node) => Object.keys(figures[node])))].sort((a, b) =>
    a.localeCompare(b, 'en'),
  )
  const cell = (node, task) => figures[node][task]?.median.toFixed(3) ?? '-'
  const rows = tasks.map((task) => [task, ...nodes.map((node) => cell(node, task))])
  return `CPU time of one call in us, median.\n\n${table(['', ...nodes.map((node) => `Node ${node}`)], rows)}`
}
