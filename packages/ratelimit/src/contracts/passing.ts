import type { WindowRule } from '../window-store.ts'
import { must } from './contract.ts'
import { hour, type Trial } from './trial.ts'

/** A window that a case can wait for, and that a slow machine does not miss. */
const short = 300

/** What time does. */
export const passing: Readonly<Record<string, (trial: Trial) => Promise<void>>> = {
  'counts a hit until its window ends, to the millisecond': async (trial) => {
    const [rule] = trial.open({ limit: 1, window: short })
    const { now } = await trial.taken(rule)
    await opensAt(trial, rule, now + short)
    await trial.taken(rule)
  },
  'keeps a hit of a strict rule as if it came at the next sub-window': async (trial) => {
    const [rule] = trial.open({ algorithm: 'strict', limit: 1, window: short, subWindows: 4 })
    const ahead = (await trial.peek(rule)).now % 75
    await trial.pass(75 - ahead + 30)
    const { now, receipt } = await trial.taken(rule)
    must(receipt.at === Math.ceil(now / 75) * 75, `a hit at ${now} is kept at ${receipt.at}, with parts of 75 ms`)
    await opensAt(trial, rule, receipt.at + short)
    await trial.taken(rule)
  },
  'admits never more than the limit in any trailing window': async (trial) => {
    const exact = { limit: 4, window: short }
    for (const rule of trial.open(exact, { ...exact, algorithm: 'strict', subWindows: 7 })) {
      const times: number[] = []
      for (let now = 0, end = 1; now < end; ) {
        const state = await trial.take(rule)
        now = state.now
        if (state.receipt) times.push(now)
        end = (times[0] ?? now) + 4 * short
        if (!state.admits || times.length % 3 === 0) await trial.pass(7)
      }
      for (const last of times) {
        const within = times.filter((time) => time > last - short && time <= last).length
        must(within <= 4, `it admitted ${within} of 4 within ${short} ms`)
      }
      must(times.length >= 8, `it admitted only ${times.length} in four windows of 4`)
    }
  },
  'says when a cost passes and when more remains': async (trial) => {
    for (const rule of trial.open({}, { algorithm: 'strict', window: 60_000, subWindows: 1000 })) {
      const ends: number[] = []
      while (ends.length < 3) {
        const { receipt } = await trial.taken(rule)
        ends.push(receipt.at + rule.window)
        await trial.pass(rule.quantum + 1)
      }
      for (const [i, end] of ends.entries()) {
        const { now, retryAfterMs, resetMs } = await trial.peek(rule, i + 1)
        must(retryAfterMs === end - now, `${i + 1} of 3 pass in ${retryAfterMs} ms, not in ${end - now}`)
        must(resetMs === (ends[0] ?? 0) - now, `more remains in ${resetMs} ms, not in ${(ends[0] ?? 0) - now}`)
      }
    }
  },
  'lets attempts wait longer and longer': async (trial) => {
    const [rule] = trial.open({ limit: 9, backoff: { after: 2, base: 40, factor: 2, max: 160 } })
    must((await trial.taken(rule)).remaining === 8, 'there was a wait before it begins')
    for (const wait of [40, 80, 160, 160]) {
      const { now, remaining, resetMs } = await trial.taken(rule)
      must(remaining === 0, `${remaining} remain during a wait`)
      must(resetMs === wait, `the wait is ${resetMs} ms, not ${wait}`)
      await opensAt(trial, rule, now + wait)
    }
    await trial.mustRemain(rule, 4, 'after the waits')
  },
  'forgets the wait with the hits': async (trial) => {
    const [rule] = trial.open({ limit: 5, backoff: { after: 1, base: hour, factor: 1, max: hour } })
    const { receipt } = await trial.taken(rule)
    must(!(await trial.take(rule)).admits, 'there is no wait')
    await trial.windows.refund([receipt])
    await trial.taken(rule)
    await trial.windows.reset(rule, trial.key)
    await trial.mustRemain(rule, 5, 'after a reset')
  },
  'blocks for as long as it is told': async (trial) => {
    const [rule] = trial.open({ window: hour })
    await trial.taken(rule)
    const length = 1000
    const { now: before } = await trial.peek(rule)
    await trial.windows.block(rule, trial.key, length)
    const { now, retryAfterMs, resetMs, remaining } = await trial.peek(rule)
    must(remaining === 0 && resetMs === retryAfterMs, `${remaining} remain for ${resetMs} ms of a blocked counter`)
    const end = now + (retryAfterMs ?? 0)
    must(end >= before + length && end <= now + length, `blocked at ${before} to ${now}, it ends at ${end}`)
    await opensAt(trial, rule, end)
    await trial.mustRemain(rule, 2, 'after the block')
  },
  'gives nothing back once it has expired': async (trial) => {
    const [rule] = trial.open({ limit: 2, window: short })
    const { receipt } = await trial.taken(rule, 2)
    await opensAt(trial, rule, receipt.at + short)
    const later = await trial.taken(rule, 2)
    await trial.windows.refund([receipt])
    const { now, admits } = await trial.peek(rule)
    must(!admits || now >= later.receipt.at + short, 'a refund of expired units gave others back')
  },
}

/** The counter lets one unit pass from this time on and not before. */
async function opensAt(trial: Trial, rule: WindowRule, edge: number): Promise<void> {
  for await (const { now, admits, retryAfterMs } of trial.watch(rule, edge)) {
    must(admits === now >= edge, `${admits ? 'open' : 'closed'} at ${now}, it opens at ${edge}`)
    must(retryAfterMs === Math.max(0, edge - now), `at ${now} it opens in ${retryAfterMs} ms, not at ${edge}`)
  }
}
