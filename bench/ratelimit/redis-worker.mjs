// One measuring process: `redis-worker.mjs redis <port of a Redis> [--quick]`. Of each contender it measures the CPU time that a decision takes here and in the
// server, and the time on the clock.
import { Redis } from 'ioredis'
import { setImmediate as turnOfTheLoop } from 'node:timers/promises'
import { shuffled } from '../lib/measure.mjs'
import { addresses, drawn } from './addresses.mjs'
import { redisContenders } from './redis-contenders.mjs'

const CONCURRENCY = [1, 50, 200]
const [, port] = process.argv.slice(2)
const pace = process.argv.includes('--quick')
  ? { rounds: 4, turns: 2, sliceMs: 25, warmMs: 100 }
  : { rounds: 8, turns: 4, sliceMs: 30, warmMs: 250 }

/** So few that each has hits in most parts of its window. */
const keys = addresses(1_000)
const control = new Redis(Number(port))
const tasks = await prepared(await redisContenders(Number(port)))
process.on('message', ({ round }) => void answer(round))
process.send({ rounds: pace.rounds, notes: {} })

/** A task for each contender and concurrency, with the number of decisions that fill a slice. */
async function prepared(contenders) {
  const made = []
  for (const { name, decide, refuses = false, at = CONCURRENCY } of contenders) {
    const next = drawn(keys)
    for (let i = 0; i < keys.length; i += 20) await Promise.all(keys.slice(i, i + 20).map((key) => decide(key)))
    if ((await decide(keys[0])) === refuses) throw new Error(`${name}: ${refuses ? 'allowed' : 'refused'}`)
    for (const concurrency of at) {
      const task = { name, concurrency, body: () => decide(next()) }
      made.push({ ...task, count: await calibrated(task) })
    }
  }
  return made
}

async function calibrated(task) {
  const until = performance.now() + pace.warmMs
  let spent = 1
  let count = 64
  for (; performance.now() < until; count = Math.min(count * 2, 4096)) spent = (await decisions(task, count)) / count
  return Math.max(2 * task.concurrency, Math.round(pace.sliceMs / spent))
}

/** Takes so many decisions, so many at a time, and returns the milliseconds that they took. */
async function decisions({ concurrency, body }, count) {
  const began = performance.now()
  let left = count
  const lane = async () => {
    while (left-- > 0) await body()
  }
  await Promise.all(Array.from({ length: concurrency }, lane))
  return performance.now() - began
}

/** One round: the tasks take turns, in a new order each turn. */
async function answer() {
  const costs = {}
  for (let turn = 0; turn < pace.turns; turn++) {
    for (const task of shuffled(tasks)) {
      for (const [what, cost] of Object.entries(await measured(task))) {
        const group = (costs[`redis ${task.concurrency}, ${what}`] ??= {})
        group[task.name] = (group[task.name] ?? 0) + cost / pace.turns
      }
    }
  }
  process.send({ costs })
}

/** Microseconds a decision. */
async function measured(task) {
  const server = await serverCpu()
  const client = process.cpuUsage()
  const elapsed = await decisions(task, task.count)
  await turnOfTheLoop()
  const { user, system } = process.cpuUsage(client)
  const each = (microseconds) => microseconds / task.count
  return { client: each(user + system), server: each((await serverCpu()) - server), clock: each(elapsed * 1000) }
}

/** The CPU time of the server's process so far, in microseconds. */
async function serverCpu() {
  const text = await control.info('cpu')
  const read = (field) => Number(new RegExp(`^${field}:([\\d.]+)`, 'm').exec(text)[1])
  return (read('used_cpu_user') + read('used_cpu_sys')) * 1e6
}
