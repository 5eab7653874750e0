import { interleave } from './interleave.mjs'
import { joined, mapped } from './rounds.mjs'

/**
 * Measures each application in a process of its own, as they are deployed. No two processes of one program are equally fast, so each is started anew
 * several times. A few live at a time: those of one set on one runtime.
 *
 * @param {object} o
 * @param {{ name: string, exec: string }[]} o.runtimes
 * @param {URL} o.worker gets `set|application` as its first argument, and measures one group of that name with one task
 * @param {Record<string, readonly string[]>} o.sets the applications that are compared, by set
 * @param {number} o.starts
 * @param {string[]} o.args further arguments of the worker
 * @returns {Promise<{ costs: Record<string, Record<string, Record<string, number[]>>>, notes: Record<string, Record<string, unknown>> }>} costs by
 * runtime, set and application, notes by set and application
 */
export async function apart({ runtimes, worker, sets, starts, args }) {
  const runs = []
  for (const [set, applications] of Object.entries(sets)) {
    const names = applications.map((application) => `${set}|${application}`)
    for (const runtime of runtimes) {
      for (let i = 0; i < starts; i++) runs.push(await interleave({ runtimes: [runtime], worker, sets: names, args }))
    }
  }
  const notes = Object.assign({}, ...runs.flatMap((run) => Object.values(run).map((each) => each.notes)))
  const costs = mapped(joined(runs), (groups) => grouped(mapped(groups, (tasks) => Object.values(tasks)[0])))
  return { costs, notes: grouped(notes) }
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
