import type { Clock } from '@mosaajii/core'
import type { WindowRule } from '../../src/window-store.ts'
import { type Hit, NaiveCounter } from './naive-counter.ts'
import { NaiveWindows } from './naive-store.ts'

/** Hits expire a millisecond early. */
class Early extends NaiveCounter {
  override counts({ at }: Hit, time: number): boolean {
    return at + this.rule.window - 1 > time
  }
}

/** Hits expire a millisecond late. */
class Late extends NaiveCounter {
  override counts({ at }: Hit, time: number): boolean {
    return at + this.rule.window >= time
  }
}

/** Windows stand side by side, and all is forgotten when one ends. */
class Fixed extends NaiveCounter {
  override counts({ at }: Hit, time: number): boolean {
    return Math.floor(at / this.rule.window) === Math.floor(time / this.rule.window)
  }
}

/** Two buckets: the hits of the window before count in proportion. */
class Sliding extends NaiveCounter {
  override live(time: number): number {
    const { window } = this.rule
    const now = Math.floor(time / window)
    let units = 0
    for (const hit of this.hits) {
      const bucket = Math.floor(hit.at / window)
      if (bucket === now) units += hit.units
      else if (bucket === now - 1) units += hit.units * (1 - (time % window) / window)
    }
    return Math.floor(units)
  }

  override counts({ at }: Hit, time: number): boolean {
    return at + 2 * this.rule.window > time
  }

  override retryAfterMs(cost: number, now: number): number | null {
    if (cost > this.rule.limit) return null
    return this.admits(cost, now) ? 0 : this.rule.window - (now % this.rule.window)
  }
}

/** Times have 32 bits: after 49.7 days a dead hit that was left lying counts again. */
class Wrapping extends NaiveCounter {
  override counts(hit: Hit, time: number): boolean {
    return super.counts(hit, time) || (this.rule.window < 2 ** 30 && (time - hit.at) % 2 ** 32 < this.rule.window)
  }
}

/** Hits are kept at the beginning of their sub-window. */
class RoundedDown extends NaiveCounter {
  override count(units: number, now: number): void {
    const past = now % this.rule.quantum
    super.count(units, past === 0 ? now : Math.max(0, now - this.rule.quantum))
  }
}

class CountsOne extends NaiveCounter {
  override count(_: number, now: number): void {
    super.count(1, now)
  }
}

/** Takes what there is room for. */
class Partial extends NaiveCounter {
  override admits(cost: number, time: number): boolean {
    return super.admits(Math.min(cost, 2), time)
  }
}

class Hopeful extends NaiveCounter {
  override retryAfterMs(cost: number, now: number): number | null {
    const ms = super.retryAfterMs(cost, now)
    return ms === null || ms < 2 ? ms : ms - 1
  }
}

/** Penalties stop at the limit, and older units stay. */
class Lenient extends NaiveCounter {
  override penalize(units: number, now: number): boolean {
    const room = this.rule.limit - this.live(now)
    if (room > 0) this.count(Math.min(units, room), now)
    return units > room
  }
}

class Patient extends NaiveCounter {
  constructor(rule: WindowRule) {
    super(rule.backoff ? { ...rule, backoff: { ...rule.backoff, factor: 1 } } : rule)
  }
}

class Forgiving extends NaiveCounter {
  override reset(): void {
    super.reset()
    this.blockedUntil = 0
  }
}

/** One way to be wrong. */
export interface BrokenStore {
  /** The case of the contract that finds it; `undefined` where only schedules do, because it takes a clock that goes back or jumps far. */
  readonly finds: string | undefined
  open(clock: Clock): NaiveWindows
}

function counting(finds: string | undefined, Counter: new (rule: WindowRule) => NaiveCounter): BrokenStore {
  return changed(finds, (windows) => ({ ...windows, makeCounter: (rule) => new Counter(rule) }))
}

/** A store of which some methods are others. */
function changed(
  finds: string | undefined,
  change: (windows: NaiveWindows) => { [Name in keyof NaiveWindows]?: NaiveWindows[Name] },
): BrokenStore {
  return {
    finds,
    open: (clock) => {
      const windows = new NaiveWindows(clock)
      return Object.assign(windows, change(new Proxy(windows, bound)))
    },
  }
}

/** Gives the methods as they were before the change, bound. */
const bound: ProxyHandler<NaiveWindows> = {
  get: (windows, name) => {
    const original: unknown = Reflect.get(NaiveWindows.prototype, name, windows)
    return typeof original === 'function'
      ? (original.bind(windows) as unknown)
      : (Reflect.get(windows, name) as unknown)
  },
}

/** Stores that are wrong in one way each. */
export const brokenStores: Readonly<Record<string, BrokenStore>> = {
  'forgets a hit a millisecond early': counting('counts a hit until its window ends, to the millisecond', Early),
  'forgets a hit a millisecond late': counting('counts a hit until its window ends, to the millisecond', Late),
  'counts in windows side by side': counting('says when a cost passes and when more remains', Fixed),
  'counts in two buckets that slide': counting('says when a cost passes and when more remains', Sliding),
  'keeps times in 32 bits': counting(undefined, Wrapping),
  'rounds times down': counting('keeps a hit of a strict rule as if it came at the next sub-window', RoundedDown),
  'counts any cost as one': counting('takes a cost as a whole or not at all', CountsOne),
  'admits a cost where a part of it fits': counting('takes a cost as a whole or not at all', Partial),
  'says a millisecond too early when it opens': counting('says when a cost passes and when more remains', Hopeful),
  'stops penalties at the limit': counting('keeps the newest units of a counter above its limit', Lenient),
  'lets all attempts wait equally long': counting('lets attempts wait longer and longer', Patient),
  'ends a block by a reset': counting('keeps a block over a reset, and hits over a block', Forgiving),
  'takes from those that admit when one refuses': changed('takes from all counters or from none', () => ({
    isTaken: (_, admits) => admits,
  })),
  'counts a shadow that would refuse': changed(
    'lets no shadow refuse, and counts it only when it would admit',
    (windows) => ({
      isTaken: ({ rule, key, cost }, admits, admitted) => {
        if (admitted && !admits) windows.counter(rule, key).count(cost, windows.now())
        return admitted && admits
      },
    }),
  ),
  'lets a shadow refuse': changed('lets no shadow refuse, and counts it only when it would admit', () => ({
    allAdmit: (_, states) => states.every(({ admits }) => admits),
  })),
  'counts what it refuses': changed('writes nothing when it refuses', (windows) => ({
    take: (demands) => {
      const answer = windows.answer('take', demands)
      if (!answer.admitted) for (const { rule, key } of demands) windows.counter(rule, key).penalize(1, windows.now())
      return answer
    },
  })),
  'counts a peek': changed('peeks without writing', (windows) => ({
    peek: (demands) => {
      const answer = windows.answer('peek', demands)
      for (const { rule, key } of demands) windows.counter(rule, key).penalize(1, windows.now())
      return answer
    },
  })),
  'gives back twice': changed('gives one of two hits of the same moment back', (windows) => ({
    giveBack: (receipt) => {
      windows.giveBack(receipt)
      windows.giveBack(receipt)
    },
  })),
  'gives back what was before a reset': changed('gives nothing back after a reset', () => ({ markOf: () => 1 })),
  'gives back to whatever is newest': changed('gives nothing back once it has expired', (windows) => ({
    giveBack: ({ rule, key, units }) => {
      const counter = windows.counter(rule, key)
      counter.refund(counter.hits.at(-1)?.at ?? 0, units)
    },
  })),
  'follows a clock that goes back': changed(undefined, (windows) => ({
    now: () => Math.floor(windows.clock.now()),
  })),
  'keeps counters of two keys only': changed('keeps counters apart', (windows) => ({
    counter: (rule, key) => {
      for (const name of [...windows.counters.keys()].slice(0, -2)) windows.counters.delete(name)
      return windows.counter(rule, key)
    },
  })),
  'takes keys for the same that look alike': changed('keeps counters apart', (windows) => ({
    counter: (rule, key) => windows.counter(rule, key.normalize('NFKC').replaceAll('\0', '')),
  })),
  'has one counter for all rules': changed('keeps counters apart', (windows) => ({
    counter: (rule, key) => windows.counter({ ...rule, name: '' }, key),
  })),
  'never blocks': changed('blocks for as long as it is told', () => ({ block: () => undefined })),
  'adds a block to the one before': changed('replaces a block by a later one', (windows) => ({
    block: (rule, key, forMs) => {
      const counter = windows.counter(rule, key)
      counter.blockedUntil = forMs === 0 ? 0 : Math.max(counter.blockedUntil, windows.now()) + forMs
    },
  })),
}
