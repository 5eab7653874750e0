// Arithmetic on costs round by round: what was measured within the same fraction of a second is combined before anything is summed up.

/**
 * The rounds of several runs of `interleave`, one run after the other. Each run has processes of its own.
 *
 * @returns {Record<string, Record<string, Record<string, number[]>>>} costs by runtime, group and task
 */
export function joined(runs) {
  const costs = {}
  for (const run of runs) {
    for (const [node, { costs: groups }] of Object.entries(run)) {
      for (const [group, tasks] of Object.entries(groups)) {
        for (const [task, rounds] of Object.entries(tasks)) {
          ;(((costs[node] ??= {})[group] ??= {})[task] ??= []).push(...rounds)
        }
      }
    }
  }
  return costs
}

/** Each round's cost above the bare framework, which is there twice: their mean is less noisy than either. */
export function above(tasks, name) {
  return difference(tasks[name], mean(tasks.bare, tasks['bare again']))
}

const perRound = (one, other, combine) => one.map((cost, round) => combine(cost, other[round]))

/**
 * The quotient of two costs of processes that were started together, summed over all starts: between two starts of one program there is more than what is
 * compared, so the quotients of single ones say little. Resampled from the starts, which shows how far it is known.
 *
 * @returns {number[]} 2,000 quotients
 */
export function resampledQuotient(one, other) {
  return Array.from({ length: 2000 }, () => {
    const starts = one.map(() => Math.floor(Math.random() * one.length))
    const sum = (costs) => starts.reduce((total, start) => total + costs[start], 0)
    return sum(one) / sum(other)
  })
}

export const quotient = (one, other) => perRound(one, other, (a, b) => a / b)

export const mean = (one, other) => perRound(one, other, (a, b) => (a + b) / 2)

export const difference = (one, other) => perRound(one, other, (a, b) => a - b)

/** The same names, with each value changed. */
export const mapped = (object, change) =>
  Object.fromEntries(Object.entries(object).map(([name, value]) => [name, change(value)]))
