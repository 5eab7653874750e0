import { checkOptions, type Clock } from '@mosaajii/core'
import { Fingerprint } from '../fingerprint.ts'
import { CounterTable, type TableUsage } from '../memory/counter-table.ts'
import { LimiterTime, monotonicClock } from '../memory/limiter-time.ts'
import { MemoryWindows } from '../memory/memory-windows.ts'
import { leastBytes, tableSize } from '../memory/table-size.ts'
import { shown } from '../rules.ts'
import type { OpenWindows, WindowRule, WindowStore } from '../window-store.ts'

/** Options of a store in memory. */
export interface MemoryStoreOptions {
  /** The most bytes that all counters together may take. Default 64 MiB, at most 4 GiB. */
  readonly maxBytes?: number
  /** How the bytes are divided among the rules: a share of 2 is twice as much as that of a rule that is not named, which is 1. */
  readonly shares?: Readonly<Record<string, number>>
  /** Default: a clock that never goes back, whatever is done to that of the machine. */
  readonly clock?: Clock
}

/** A store in memory, and what it takes. */
export interface MemoryStore extends WindowStore {
  /** What each rule takes and holds now, in the order of the rules. Empty until a limiter uses the store. */
  usage(): readonly TableUsage[]
}

const defaultBytes = 64 * 2 ** 20
const mostBytes = 4 * 2 ** 30

/**
 * Counters in the memory of this process, for one limiter. All of its memory is set aside when the limiter is made, and grows never: each rule has
 * its part, so that a flood of keys at one rule takes nothing from another. Memory that no counter used yet costs the machine nothing.
 *
 * A live counter is never dropped to make room. When three quarters of a rule's part are used, new keys share overflow counters, a few thousand of
 * them, until keys expire: such a key may be refused because of others, and is never let through because of them. When there is room again, its
 * next hit goes to a counter of its own that begins with a copy of the shared one, which is empty one window later. Keys that are counted already
 * use the last quarter. If that is used up too, an `exact` counter refuses what it cannot note down, and a `strict` one counts its latest hits a
 * little longer. `reset` and `refund` give no units back that overflow counters hold for somebody else.
 *
 * The keys themselves are not kept, only 64-bit hashes under a secret that this process draws. `exact` windows of over twelve days are kept to
 * some milliseconds (30 for a year), rounded up.
 *
 * @returns a store for one limiter. `block` throws `WINDOW_STORE_FULL` when a rule has more blocked keys than it can keep (a 64th of its bytes,
 * up to 4096 keys), and `penalize` when it finds no block.
 * @throws {TypeError | RangeError} for wrong options; from `open` when `maxBytes` is too small for the rules, with the number that is enough.
 * @example
 * const store = memoryStore({ maxBytes: 16 * 2 ** 20, shares: { global: 2 } })
 */
export function memoryStore(options: MemoryStoreOptions = {}): MemoryStore {
  checkOptions(options, 'memoryStore', ['maxBytes', 'shares', 'clock'])
  const own = { __proto__: null, ...options } as MemoryStoreOptions
  const { maxBytes = defaultBytes, shares = {}, clock = monotonicClock() } = own
  checkBytes(maxBytes)
  if (typeof clock?.now !== 'function') throw new TypeError('memoryStore: clock must have a method now()')
  const shareOf = checkShares(shares)
  let windows: MemoryWindows | undefined
  const open = (rules: readonly WindowRule[]): OpenWindows => {
    if (windows)
      throw new TypeError('memoryStore: this store has a limiter already; give each limiter a store of its own')
    const time = new LimiterTime(clock)
    windows = new MemoryWindows(tablesOf(rules, maxBytes, shareOf, time.now()), time, new Fingerprint())
    return windows
  }
  return Object.freeze({ open, usage: () => windows?.usage() ?? [] })
}

function checkBytes(maxBytes: number): void {
  if (Number.isSafeInteger(maxBytes) && maxBytes >= 1 && maxBytes <= mostBytes) return
  throw new RangeError(`memoryStore: maxBytes must be a whole number from 1 to ${mostBytes}`)
}

function checkShares(shares: Readonly<Record<string, number>>): ReadonlyMap<string, number> {
  if (typeof shares !== 'object' || shares === null || Array.isArray(shares)) {
    throw new TypeError('memoryStore: shares must be an object, such as { global: 2 }')
  }
  for (const [name, share] of Object.entries(shares)) {
    if (!(typeof share === 'number' && share >= 0.001 && share <= 1000))
      throw new RangeError(`memoryStore: the share of ${name} must be from 0.001 to 1000`)
  }
  return new Map(Object.entries(shares))
}

function tablesOf(
  rules: readonly WindowRule[],
  maxBytes: number,
  shareOf: ReadonlyMap<string, number>,
  now: number,
): ReadonlyMap<WindowRule, CounterTable> {
  for (const rule of rules) checkRule(rule)
  const stranger = Array.from(shareOf.keys()).find((name) => rules.every((rule) => rule.name !== name))
  if (stranger !== undefined) {
    const names = rules.map(({ name }) => name).join(', ')
    throw new TypeError(`memoryStore: shares: there is no rule '${shown(stranger)}'; there are ${names}`)
  }
  const shares = rules.map((rule) => shareOf.get(rule.name) ?? 1)
  const whole = shares.reduce((sum, share) => sum + share, 0)
  const bytes = shares.map((share) => Math.floor((maxBytes * share) / whole))
  const enough = rules.map((rule, i) => Math.ceil((leastBytes(rule) * whole) / (shares[i] as number)))
  const needed = Math.max(...enough)
  if (needed > maxBytes) throw new RangeError(`memoryStore: raise maxBytes to at least ${needed} for these rules`)
  return new Map(rules.map((rule, i) => [rule, new CounterTable(rule, tableSize(rule, bytes[i] as number), now)]))
}

/** What the words of a table can hold; `rateLimiter` takes no other rules. */
function checkRule({ algorithm, limit, quantum, window }: WindowRule): void {
  const isWhole = [limit, quantum, window].every((value) => Number.isSafeInteger(value) && value >= 1)
  const fits =
    algorithm === 'exact' ? limit <= 1024 && quantum === 1 : limit <= 1_000_000_000 && window <= 1000 * quantum
  if (!isWhole || !fits || window > 366 * 86_400_000) {
    throw new RangeError('memoryStore: a rule is out of range; let rateLimiter open the store')
  }
}
