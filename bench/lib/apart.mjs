import { interleave } from './interleave.mjs'
import { quantile } from './measure.mjs'
import { joined, mapped } from './rounds.mjs'

/**
 * Measures each application in a process of its own, as they are deployed. No two processes of one program are equally fast, so each is started anew
 * several times. A few live at a time: those of one set on one runtime.
 *
 * @param {object} o
 * @param {{ name: string, exec: string }[]} o.runtimes
 * @param {URL} o.worker gets `set|application` as its first argument, and measures one group of that name with one task
 * @param {Record<string, { applications: readonly string[], starts: number }>} o.sets the applications that are compared, by set, and how often each is
 * started
 * @param {boolean} o.once starts each once
 * @param {string[]} o.args further arguments of the worker
 * @returns {Promise<{ costs: Record<string, Record<string, Record<string, number[]>>>, notes: Record<string, Record<string, unknown>> }>} costs by
 * runtime, set and application, one of each start (the median of its rounds); notes by set and application
 */
export async function apart({ runtimes, worker, sets, once, args }) {
  const runs = []
  for (const [set, { applications, starts }] of Object.entries(sets)) {
    const names = applications.map((application) => `${set}|${application}`)
    for (const runtime of runtimes) {
      for (let i = 0; i < (once ? 1 : starts); i++) {
        runs.push(summedUp(await interleave({ runtimes: [runtime], worker, sets: names, args })))
      }
    }
  }
  const notes = Object.assign({}, ...runs.flatMap((run) => Object.values(run).map((each) => each.notes)))
  const costs = mapped(joined(runs), (groups) => grouped(mapped(groups, (tasks) => Object.values(tasks)[0])))
  return { costs, notes: grouped(notes) }
}

/** With the median of its rounds for each task, in place of them. */
const summedUp = (run) =>
  mapped(run, ({ costs, notes }) => {
    const medians = (tasks) => mapped(tasks, (rounds) => [quantile(rounds, 0.5)])
    return { costs: mapped(costs, medians), notes }
  })

/** What was found of `set|application`, by set and then by application. */
function grouped(found) {
  const groups = {}
  for (const [name, value] of Object.entries(found)) {
    const [set, application] = name.split('|')
    ;(groups[set] ??= {})[application] = value
  }
  return groups
}
