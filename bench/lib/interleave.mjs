import { fork } from 'node:child_process'
import { once } from 'node:events'
import { shuffled } from './measure.mjs'

/**
 * Starts one process for each runtime and each set, one after the other, then measures them in turns: round by round, one process at a time, in a new order
 * each round, so that whatever the machine does meanwhile falls on all of them.
 *
 * @param {object} o
 * @param {{ name: string, exec: string }[]} o.runtimes
 * @param {URL} o.worker the module that calls `serve`
 * @param {string[]} o.sets passed to the worker as its first argument, one process each
 * @param {string[]} o.args further arguments of the worker
 * @returns {Promise<Record<string, { notes: object, costs: Record<string, Record<string, number[]>> }>>}
 * by runtime name; costs by group and task, one number a round
 */
export async function interleave({ runtimes, worker, sets, args }) {
  const workers = []
  try {
    for (const runtime of runtimes) for (const set of sets) workers.push(await start({ runtime, worker, set, args }))
    const rounds = Math.max(...workers.map((each) => each.rounds))
    for (let round = 0; round < rounds; round++) {
      for (const each of shuffled(workers)) if (round < each.rounds) collect(each.costs, await each.ask({ round }))
    }
    return merged(workers)
  } finally {
    for (const each of workers) each.child.kill()
  }
}

async function start({ runtime, worker, set, args }) {
  const child = fork(worker, [set, ...args], { execPath: runtime.exec, execArgv: [] })
  const gone = new Promise((_, reject) => {
    child.once('exit', (code) =>
      reject(new Error(`the worker on Node ${runtime.name} (${set}) ended with code ${code}`)),
    )
  })
  gone.catch(() => undefined)
  const answer = async () => (await Promise.race([once(child, 'message'), gone]))[0]
  const { rounds, notes } = await answer()
  const ask = async (message) => {
    child.send(message)
    return (await answer()).costs
  }
  return { runtime, child, rounds, notes, ask, costs: {} }
}

function collect(into, costs) {
  for (const [group, tasks] of Object.entries(costs)) {
    into[group] ??= {}
    for (const [task, cost] of Object.entries(tasks)) (into[group][task] ??= []).push(cost)
  }
}

function merged(workers) {
  const out = {}
  for (const { runtime, notes, costs } of workers) {
    out[runtime.name] ??= { notes: {}, costs: {} }
    Object.assign(out[runtime.name].notes, notes)
    Object.assign(out[runtime.name].costs, costs)
  }
  return out
}
