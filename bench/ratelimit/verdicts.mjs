import { summary } from '../lib/measure.mjs'
import { digits, table } from '../lib/table.mjs'

/** The summary of a figure's rounds beside its target. */
export function judged(values, relation, target) {
  const found = summary(values)
  const met = relation === '<=' ? found.median <= target : found.median >= target
  return { ...found, target: `${relation} ${target}`, met }
}

/** One value for each Node. */
export const byNode = (nodes, judge) => Object.fromEntries(nodes.map((node) => [node, judge(node)]))

/** Median and quartiles of all costs, by runtime, group and task. */
export function summaries(costs) {
  const each = (record, change) => Object.fromEntries(Object.entries(record).map(([name, of]) => [name, change(of)]))
  return each(costs, (groups) => each(groups, (tasks) => each(tasks, summary)))
}

/** @param {{ figure: string, byNode: Record<string, object> }[]} verdicts where a Node was not measured the cell is empty */
export function verdictTable(verdicts, nodes) {
  const cell = (verdict) => {
    if (verdict === undefined) return ''
    const { median, q1, q3, n, target, met } = verdict
    const spread = n === 1 ? '' : ` [${short(q1)} ${short(q3)}]`
    return `${short(median)}${spread} ${target} ${met ? 'met' : 'MISSED'}`
  }
  return table(
    ['', ...nodes.map((node) => `Node ${node}`)],
    verdicts.map(({ figure, byNode: cells }) => [figure, ...nodes.map((node) => cell(cells[node]))]),
  )
}

const short = (value) => (Math.abs(value) < 10 ? value.toFixed(2) : digits(value))
