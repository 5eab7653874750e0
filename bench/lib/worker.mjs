import { calibrate, cpuPerUnit, shuffled } from './measure.mjs'

/**
 * @typedef {object} Group tasks that are compared with one another
 * @property {string} name
 * @property {import('./measure.mjs').Task[]} tasks
 * @property {number} rounds in how many rounds the group takes part
 * @property {number} turns how many times the tasks take turns within one round
 * @property {number} warmMs warm-up of each task
 * @property {number} sliceMs CPU time of one task in one turn
 */

/**
 * The side of a measuring process: warms all groups up, then does one round each time the parent asks for it.
 *
 * @param {Group[]} groups
 * @param {object} notes facts about this process to put beside the figures
 */
export async function serve(groups, notes = {}) {
  for (const group of groups) {
    for (const task of group.tasks) task.count = await calibrate(task, group.warmMs, group.sliceMs)
  }
  // A rejection ends the process with its stack on stderr, and the parent with it.
  process.on('message', ({ round }) => void answer(groups, round))
  process.send({ rounds: Math.max(...groups.map((group) => group.rounds)), notes })
}

async function answer(groups, round) {
  const costs = {}
  for (const group of shuffled(groups.filter((each) => round < each.rounds))) costs[group.name] = await roundOf(group)
  process.send({ costs })
}

/**
 * One round: the tasks take many short turns, in a new order each turn. Short, so that a noisy neighbour on the machine meets all of
 * them; many, so that each pays for the garbage that it makes.
 */
async function roundOf({ tasks, turns }) {
  const costs = Object.fromEntries(tasks.map(({ name }) => [name, 0]))
  for (let turn = 0; turn < turns; turn++) {
    for (const task of shuffled(tasks)) costs[task.name] += (await cpuPerUnit(task, task.count)) / turns
  }
  return costs
}
