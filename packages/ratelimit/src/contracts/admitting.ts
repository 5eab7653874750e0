import { must } from './contract.ts'
import { hour, one, type RuleShape, slack, type Trial } from './trial.ts'

const shapes: readonly RuleShape[] = [{ algorithm: 'exact' }, { algorithm: 'strict' }]

/** What is admitted, of one counter and of several. */
export const admitting: Readonly<Record<string, (trial: Trial) => Promise<void>>> = {
  'admits the limit, and not one more': async (trial) => {
    for (const rule of trial.open(...shapes.map((shape) => ({ ...shape, limit: 5 })))) {
      for (let left = 4; left >= 0; left--) {
        const { remaining } = await trial.taken(rule)
        must(remaining === left, `${remaining} remain of 5, not ${left}`)
      }
      must(!(await trial.take(rule)).admits, 'it admitted a sixth of five')
      must(!(await trial.take(rule)).admits, 'it admitted a sixth of five when it was asked again')
    }
  },
  'takes a cost as a whole or not at all': async (trial) => {
    for (const rule of trial.open(...shapes.map((shape) => ({ ...shape, limit: 5 })))) {
      await trial.taken(rule, 3)
      const refused = await trial.take(rule, 3)
      must(!refused.admits && refused.remaining === 2, 'it took 3 where 2 remain, or a part of them')
      await trial.taken(rule, 2)
      await trial.mustRemain(rule, 0, 'after 3 and 2 of 5')
    }
  },
  'never admits a cost above the limit': async (trial) => {
    for (const rule of trial.open(...shapes.map((shape) => ({ ...shape, limit: 5 })))) {
      for (const cost of [6, 2 ** 31, 2 ** 32 + 1, Number.MAX_SAFE_INTEGER]) {
        const { admits, retryAfterMs } = await trial.take(rule, cost)
        must(!admits && retryAfterMs === null, `${cost} of 5 passes in ${retryAfterMs} ms`)
      }
      await trial.taken(rule, 5)
    }
  },
  'counts to a billion': async (trial) => {
    const [rule] = trial.open({ algorithm: 'strict', limit: 1_000_000_000 })
    await trial.taken(rule, 999_999_998)
    must(!(await trial.take(rule, 3)).admits, 'it admitted a billion and one')
    await trial.taken(rule)
    await trial.mustRemain(rule, 1, 'of a billion')
    await trial.taken(rule)
    must(!(await trial.take(rule)).admits, 'it admitted a billion and one')
  },
  'keeps 1024 hits': async (trial) => {
    const [rule] = trial.open({ limit: 1024 })
    for (let i = 0; i < 1024; i++) await trial.taken(rule)
    must(!(await trial.take(rule)).admits, 'it admitted 1025')
  },
  'takes from all counters or from none': async (trial) => {
    const [wide, narrow] = trial.open({ limit: 5 }, { limit: 1, algorithm: 'strict' })
    const demands = [trial.demand(wide), trial.demand(narrow)]
    must((await trial.ask('take', demands)).admitted, 'the first call was refused')
    for (const order of [demands, demands.toReversed()]) {
      const { admitted, counters } = await trial.ask('take', order)
      must(!admitted, 'it admitted what one of two rules refuses')
      const admits = counters.map((state, i) => state.admits === (order[i]?.rule === wide))
      must(admits.every(Boolean), 'it does not say which of the rules refused')
    }
    await trial.mustRemain(wide, 4, 'after a call that another rule refused')
  },
  'answers in the order of the call, for sixteen counters': async (trial) => {
    const rules = trial.open(...Array.from({ length: 16 }, (_, i) => ({ ...shapes[i % 2], limit: i + 2 })))
    const { counters } = await trial.ask(
      'take',
      rules.toReversed().map((rule) => trial.demand(rule)),
    )
    counters.forEach(({ remaining }, i) => must(remaining === 16 - i, `counter ${i} of 16 has ${remaining} left`))
    for (const [i, rule] of rules.entries()) await trial.mustRemain(rule, i + 1, `of counter ${i}`)
  },
  'lets no shadow refuse, and counts it only when it would admit': async (trial) => {
    const [rule, shadow] = trial.open({ limit: 3 }, { limit: 1, shadow: true })
    const both = [trial.demand(rule), trial.demand(shadow)]
    const first = await trial.ask('take', both)
    must(first.counters[1]?.receipt !== undefined, 'a shadow that admits was not counted')
    const second = await trial.ask('take', both)
    must(
      second.admitted && second.counters[1]?.admits === false,
      'a shadow refused the call, or did not say that it would',
    )
    await trial.windows.refund([first.counters[1].receipt])
    await trial.mustRemain(shadow, 1, 'of a shadow that was left as it was')
  },
  'counts no shadow when another rule refuses': async (trial) => {
    const [rule, shadow] = trial.open({ limit: 1 }, { limit: 3, shadow: true })
    await trial.taken(rule)
    const { admitted, counters } = await trial.ask('take', [trial.demand(shadow), trial.demand(rule)])
    must(!admitted && counters[0]?.admits === true, 'a shadow changed what is admitted')
    await trial.mustRemain(shadow, 3, 'of a shadow whose call was refused')
  },
  'writes nothing when it refuses': async (trial) => {
    for (const rule of trial.open(...shapes)) {
      const { receipt } = await trial.taken(rule, 3)
      for (let i = 0; i < 10; i++) {
        await trial.pass(1)
        const { retryAfterMs, now } = await trial.take(rule)
        must(now + (retryAfterMs ?? 0) === receipt.at + rule.window, 'a refused call made the wait longer')
      }
      await trial.windows.refund([receipt])
      await trial.mustRemain(rule, 3, 'after refused calls and a refund')
    }
  },
  'peeks without writing': async (trial) => {
    for (const rule of trial.open(...shapes)) {
      for (let i = 0; i < 5; i++) await trial.mustRemain(rule, 3, 'after peeks')
      await trial.taken(rule, 2)
      must((await trial.peek(rule)).admits, 'it says that 1 does not pass where 1 remains')
      must(!(await trial.peek(rule, 2)).admits, 'it says that 2 pass where 1 remains')
      await trial.mustRemain(rule, 1, 'after peeks')
    }
  },
  'keeps counters apart': async (trial) => {
    const [first, second] = trial.open({ limit: 1 }, { limit: 1 })
    const long = 'k'.repeat(2048)
    const names = [
      '',
      ' ',
      '0',
      'a',
      'A',
      'a\0',
      '\0a',
      'a:b',
      'a}:{b',
      '{a}',
      'ä',
      'a\u0308',
      '日本',
      '🗝️',
      '\u2028',
      '*',
    ]
    for (const name of [...names, long, `${long}k`, `${long.slice(1)}l`]) {
      await trial.taken(first, 1, trial.key + name)
      await trial.taken(second, 1, trial.key + name)
    }
    for (const name of names) {
      must(!(await trial.take(first, 1, trial.key + name)).admits, 'a counter was taken for another')
    }
  },
  'takes concurrent calls one after the other': async (trial) => {
    const [rule, other] = trial.open({ limit: 10 }, { algorithm: 'strict', limit: 15 })
    const keys = [`${trial.key}a`, `${trial.key}b`]
    const calls = Array.from({ length: 60 }, (_, i) =>
      trial.ask('take', [trial.demand(rule, 1, keys[i % 2]), trial.demand(other)]),
    )
    const admitted = (await Promise.all(calls)).filter((answer) => answer.admitted).length
    must(admitted === 15, `it admitted ${admitted} of 15`)
    const left = await Promise.all(keys.map(async (key) => trial.peek(rule, 1, key)))
    const taken = left.reduce((sum, { remaining }) => sum + 10 - remaining, 0)
    must(taken === 15, `it counted ${taken} of 15 that it admitted`)
  },
  'keeps windows of a year': async (trial) => {
    const year = 366 * 24 * hour
    for (const rule of trial.open(...shapes.map((shape) => ({ ...shape, window: year })))) {
      const { receipt, now, resetMs } = await trial.taken(rule)
      const least = receipt.at + year - now
      must(resetMs >= least && resetMs <= least + slack(rule), `more remains in ${resetMs} ms, not in ${least}`)
      await trial.taken(rule, 2)
      const { retryAfterMs } = one(await trial.ask('take', [trial.demand(rule)]))
      must((retryAfterMs ?? 0) > year - 60_000, `it passes again in ${retryAfterMs} ms`)
    }
  },
}
