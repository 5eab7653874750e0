// The clock of every bench here: CPU time of the whole process, not wall time. A busy machine and the waiting of an
// asynchronous peer do not count; garbage collection and thread-pool work on helper threads do.

import { setImmediate as turnOfTheLoop } from 'node:timers/promises'

/**
 * @typedef {object} Task
 * @property {string} name
 * @property {(i: number) => unknown} body one run; `i` picks the input, so that no two neighbouring runs share it
 * @property {boolean} [async] await each run, one after the other
 * @property {number} [per] how many units one run does (rows, fields); costs are divided by it. Default 1
 */

/**
 * Runs a task `count` times and returns the CPU time of one unit, in microseconds. It ends with a turn of the event loop: V8 destroys the
 * native half of dead objects (each cipher has one) there and not in the collection itself, and whoever made them should pay.
 */
export async function cpuPerUnit(task, count) {
  const before = process.cpuUsage()
  if (task.async) for (let i = 0; i < count; i++) await task.body(i)
  else for (let i = 0; i < count; i++) task.body(i)
  await turnOfTheLoop()
  const spent = process.cpuUsage(before)
  return (spent.user + spent.system) / count / (task.per ?? 1)
}

/** Warms a task up for `warmMs` and returns how many runs fill a slice of `sliceMs`. */
export async function calibrate(task, warmMs, sliceMs) {
  const until = performance.now() + warmMs
  let perRun = Number.POSITIVE_INFINITY
  for (let count = 1; performance.now() < until; count = Math.min(count * 2, 8192)) {
    perRun = (await cpuPerUnit(task, count)) * (task.per ?? 1)
  }
  return Math.max(1, Math.round((sliceMs * 1000) / Math.max(perRun, 0.001)))
}

/** A shuffled copy: the order of a round must not favour whoever runs after a cheap neighbour. */
export function shuffled(items) {
  const out = [...items]
  for (let i = out.length - 1; i > 0; i--) {
    const j = Math.floor(Math.random() * (i + 1))
    const kept = out[i]
    out[i] = out[j]
    out[j] = kept
  }
  return out
}

/** The value at fraction `p` of the sorted values, linear between neighbours. */
export function quantile(values, p) {
  const sorted = [...values].sort((a, b) => a - b)
  const at = (sorted.length - 1) * p
  const low = Math.floor(at)
  return sorted[low] + (sorted[Math.ceil(at)] - sorted[low]) * (at - low)
}

/** Median and quartiles. */
export function summary(values) {
  return { median: quantile(values, 0.5), q1: quantile(values, 0.25), q3: quantile(values, 0.75), n: values.length }
}

/** Median and quartiles of `above / below`, divided round by round before anything is summed up. */
export function pairedRatio(above, below) {
  return summary(above.map((value, round) => value / below[round]))
}
