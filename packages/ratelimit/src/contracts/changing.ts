import { must } from './contract.ts'
import { hour, type Trial } from './trial.ts'

/** What changes a counter besides a call: refunds, penalties, resets and blocks. */
export const changing: Readonly<Record<string, (trial: Trial) => Promise<void>>> = {
  'gives back what a receipt took': async (trial) => {
    for (const rule of trial.open({ limit: 9 }, { limit: 9, algorithm: 'strict' })) {
      const first = await trial.taken(rule, 2)
      await trial.pass(2)
      const second = await trial.taken(rule, 3)
      await trial.pass(2)
      await trial.taken(rule)
      await trial.windows.refund([second.receipt])
      await trial.mustRemain(rule, 6, 'after 3 of 6 were given back')
      await trial.windows.refund([first.receipt])
      await trial.mustRemain(rule, 8, 'after 5 of 6 were given back')
    }
  },
  'gives several receipts back, each to its counter': async (trial) => {
    const [rule, other] = trial.open({}, { limit: 9 })
    const key = `${trial.key}b`
    const demands = [trial.demand(rule, 3), trial.demand(other, 5, key)]
    const { counters } = await trial.ask('take', demands)
    await trial.taken(other, 1, key)
    await trial.windows.refund(counters.flatMap(({ receipt }) => receipt ?? []))
    await trial.mustRemain(rule, 3, 'after a refund')
    await trial.mustRemain(other, 8, 'after a refund', key)
    await trial.mustRemain(other, 9, 'of a key that took nothing')
  },
  'gives one of two hits of the same moment back': async (trial) => {
    const [rule] = trial.open({ algorithm: 'strict', limit: 9, window: hour, subWindows: 1 })
    const { receipt } = await trial.taken(rule, 4)
    await trial.taken(rule, 3)
    await trial.windows.refund([receipt])
    await trial.mustRemain(rule, 6, 'after 4 of 7 were given back')
  },
  'gives nothing back after a reset': async (trial) => {
    const [rule] = trial.open({ algorithm: 'strict', limit: 3, window: hour, subWindows: 1 })
    const { receipt } = await trial.taken(rule, 2)
    await trial.windows.reset(rule, trial.key)
    await trial.taken(rule, 2)
    await trial.windows.refund([receipt])
    await trial.mustRemain(rule, 1, 'after a refund of units from before a reset')
  },
  'gives back what was taken after a reset': async (trial) => {
    const [rule] = trial.open({})
    await trial.taken(rule, 2)
    await trial.windows.reset(rule, trial.key)
    const { receipt } = await trial.taken(rule, 3)
    await trial.windows.refund([receipt])
    await trial.mustRemain(rule, 3, 'after a refund')
  },
  'forgets the units of one counter': async (trial) => {
    const [rule, other] = trial.open({}, {})
    const key = `${trial.key}b`
    for (const [r, k] of [[rule, trial.key] as const, [rule, key] as const, [other, trial.key] as const]) {
      await trial.taken(r, 3, k)
    }
    await trial.windows.reset(rule, trial.key)
    await trial.mustRemain(rule, 3, 'after a reset')
    await trial.mustRemain(rule, 0, 'of another key', key)
    await trial.mustRemain(other, 0, 'of another rule')
    await trial.windows.reset(rule, `${trial.key}c`)
    await trial.mustRemain(rule, 3, 'of a counter that was reset before it was used', `${trial.key}c`)
  },
  'counts a penalty also above the limit': async (trial) => {
    for (const rule of trial.open({ limit: 4 }, { limit: 4, algorithm: 'strict' })) {
      const { counters, admitted } = await trial.ask('penalize', [trial.demand(rule, 3)])
      must(
        counters[0]?.remaining === 1 && !admitted,
        'after a penalty of 3 of 4 there is room for another 3, or not for 1',
      )
      await trial.ask('penalize', [trial.demand(rule, 3)])
      await trial.mustRemain(rule, 0, 'after penalties of 6 of 4')
      await trial.ask('penalize', [trial.demand(rule, Number.MAX_SAFE_INTEGER)])
      await trial.mustRemain(rule, 0, 'after the greatest penalty')
    }
  },
  'gives a penalty back that dropped nothing': async (trial) => {
    for (const rule of trial.open({ limit: 4 }, { limit: 4, algorithm: 'strict' })) {
      await trial.taken(rule)
      const { counters } = await trial.ask('penalize', [trial.demand(rule, 3)])
      must(counters[0]?.receipt !== undefined, 'a penalty up to the limit gets no receipt')
      await trial.windows.refund([counters[0].receipt])
      await trial.mustRemain(rule, 3, 'after a penalty was given back')
    }
  },
  'ends refunds by a penalty that drops units': async (trial) => {
    for (const rule of trial.open({ limit: 4 }, { limit: 4, algorithm: 'strict', subWindows: 1 })) {
      const { receipt } = await trial.taken(rule, 2)
      await trial.taken(rule, 2)
      const { counters } = await trial.ask('penalize', [trial.demand(rule)])
      must(counters[0]?.receipt === undefined, 'a penalty that dropped a unit can be given back')
      await trial.windows.refund([receipt])
      await trial.mustRemain(rule, 0, 'after a refund of what a penalty dropped in part')
    }
  },
  'keeps the newest units of a counter above its limit': async (trial) => {
    const [rule] = trial.open({})
    const first = await trial.taken(rule, 3)
    await trial.pass(2)
    const { counters } = await trial.ask('penalize', [trial.demand(rule, 2)])
    const ends = [first.now, counters[0]?.now ?? 0, counters[0]?.now ?? 0].map((time) => time + rule.window)
    for (const [i, end] of ends.entries()) {
      const { now, retryAfterMs } = await trial.peek(rule, i + 1)
      must(retryAfterMs === end - now, `${i + 1} pass in ${retryAfterMs} ms, not in ${end - now}`)
    }
  },
  'refuses what asks for a blocked counter, and takes nothing': async (trial) => {
    const [rule, other] = trial.open({}, {})
    await trial.windows.block(rule, trial.key, hour)
    must(!(await trial.take(rule)).admits, 'a blocked counter admits')
    const { admitted } = await trial.ask('take', [trial.demand(other), trial.demand(rule)])
    must(!admitted, 'a call for a blocked counter was admitted')
    await trial.mustRemain(other, 3, 'after a call that a block refused')
    await trial.mustRemain(rule, 3, 'of another key', `${trial.key}b`)
    await trial.windows.block(rule, trial.key, 0)
    await trial.mustRemain(rule, 3, 'when the block has ended')
  },
  'replaces a block by a later one': async (trial) => {
    const [rule] = trial.open({})
    for (const length of [hour, 60_000, 24 * hour]) {
      await trial.windows.block(rule, trial.key, length)
      const { retryAfterMs } = await trial.peek(rule)
      must(
        (retryAfterMs ?? 0) > length - 60_000 && (retryAfterMs ?? 0) <= length,
        `blocked for ${retryAfterMs} ms, not ${length}`,
      )
    }
  },
  'keeps a block over a reset, and hits over a block': async (trial) => {
    const [rule] = trial.open({})
    await trial.taken(rule, 2)
    await trial.windows.block(rule, trial.key, hour)
    await trial.windows.block(rule, trial.key, 0)
    await trial.mustRemain(rule, 1, 'after a block')
    await trial.windows.block(rule, trial.key, hour)
    await trial.windows.reset(rule, trial.key)
    must(!(await trial.take(rule)).admits, 'a reset ended a block')
    await trial.windows.block(rule, trial.key, 0)
    await trial.mustRemain(rule, 3, 'after a reset and a block')
  },
  'penalizes and refunds a blocked counter': async (trial) => {
    const [rule] = trial.open({})
    const { receipt } = await trial.taken(rule)
    await trial.windows.block(rule, trial.key, hour)
    await trial.ask('penalize', [trial.demand(rule)])
    await trial.windows.refund([receipt])
    await trial.windows.block(rule, trial.key, 0)
    await trial.mustRemain(rule, 2, 'after a unit, a penalty and a refund of the unit')
  },
}
