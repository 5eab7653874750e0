import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { memoryStore } from '../src/stores/memory.ts'
import { keptAt, readCounter } from '../src/window-math.ts'
import type { CounterState, OpenWindows, Receipt, StoreAnswer, WindowRule } from '../src/window-store.ts'
import { windowRule } from './support/rules.ts'

// One table against plain arrays that are read by `readCounter`. Keys are few and times near each other, so that hits meet.

type Step =
  | { readonly kind: 'take' | 'peek' | 'penalize'; readonly key: string; readonly cost: number }
  | { readonly kind: 'reset'; readonly key: string }
  | { readonly kind: 'block'; readonly key: string; readonly forMs: number }
  | { readonly kind: 'refund'; readonly index: number }
  | { readonly kind: 'pass'; readonly ms: number }

const rules = fc.constantFrom(
  windowRule({ limit: 1, window: 1 }),
  windowRule({ limit: 5, window: 40 }),
  windowRule({ limit: 24, window: 60, backoff: { after: 3, base: 2, factor: 1.5, max: 30 } }),
  windowRule({ limit: 64, window: 1000 }),
  windowRule({ limit: 9, window: 2 ** 30 }),
  windowRule({ limit: 5, window: 60, algorithm: 'strict', subWindows: 6 }),
  windowRule({ limit: 90, window: 90, algorithm: 'strict', subWindows: 90 }),
  windowRule({ limit: 1000, window: 1001, algorithm: 'strict', subWindows: 60 }),
  windowRule({ limit: 1_000_000_000, window: 60_000, algorithm: 'strict', subWindows: 10 }),
)

const keys = fc.constantFrom('a', 'b', 'c')

const stepsOf = (rule: WindowRule): fc.Arbitrary<Step[]> => {
  const costs = fc.oneof(
    { weight: 4, arbitrary: fc.constant(1) },
    fc.integer({ min: 1, max: rule.limit + 1 }),
    fc.integer({ min: 1, max: Math.ceil(rule.limit / 3) }),
  )
  const lengths = fc.oneof(
    { weight: 4, arbitrary: fc.integer({ min: 1, max: Math.max(1, Math.ceil(rule.window / 8)) }) },
    fc.constantFrom(1, rule.quantum, rule.window - 1, rule.window, rule.window + 1).filter((ms) => ms > 0),
  )
  const step: fc.Arbitrary<Step> = fc.oneof(
    { weight: 40, arbitrary: fc.record({ kind: fc.constant('take' as const), key: keys, cost: costs }) },
    { weight: 25, arbitrary: fc.record({ kind: fc.constant('pass' as const), ms: lengths }) },
    {
      weight: 5,
      arbitrary: fc.record({ kind: fc.constantFrom('peek' as const, 'penalize' as const), key: keys, cost: costs }),
    },
    { weight: 5, arbitrary: fc.record({ kind: fc.constant('refund' as const), index: fc.nat(20) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('reset' as const), key: keys }) },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant('block' as const),
        key: keys,
        forMs: fc.oneof(fc.constant(0), lengths),
      }),
    },
  )
  return fc.array(step, { minLength: 1, maxLength: 150 })
}

/** A counter as two arrays. */
class PlainCounter {
  times: number[] = []
  units: number[] = []
  blockedUntil = 0
  /** What was taken before the last reset cannot be given back. */
  life = 0
  readonly #rule: WindowRule

  constructor(rule: WindowRule) {
    this.#rule = rule
  }

  read(now: number, cost: number): Omit<CounterState, 'now' | 'receipt'> {
    const reading = readCounter(this.#rule, this, now, cost)
    return { ...reading, admits: reading.retryAfterMs === 0 }
  }

  take(now: number, cost: number): Omit<CounterState, 'now' | 'receipt'> {
    const before = this.read(now, cost)
    if (!before.admits) return before
    this.count(now, cost)
    return { ...this.read(now, 1), admits: true, retryAfterMs: 0 }
  }

  /** Whether nothing was dropped. */
  penalize(now: number, cost: number): boolean {
    this.expire(now)
    this.count(now, cost)
    let over = this.units.reduce((sum, units) => sum + units, 0) - this.#rule.limit
    if (over <= 0) return true
    this.life++
    for (let i = 0; over > 0; i++) {
      const dropped = Math.min(over, this.units[i] ?? 0)
      this.units[i] = (this.units[i] ?? 0) - dropped
      over -= dropped
    }
    this.tidy()
    return false
  }

  refund(at: number, units: number, now: number): void {
    this.expire(now)
    let left = units
    for (const [i, time] of this.times.entries()) {
      const back = time === at ? Math.min(left, this.units[i] ?? 0) : 0
      this.units[i] = (this.units[i] ?? 0) - back
      left -= back
    }
    this.tidy()
  }

  count(now: number, units: number): void {
    this.times.push(keptAt(this.#rule, now))
    this.units.push(units)
  }

  expire(now: number): void {
    this.units = this.units.map((units, i) => ((this.times[i] ?? 0) + this.#rule.window > now ? units : 0))
    this.tidy()
  }

  tidy(): void {
    this.times = this.times.filter((_, i) => (this.units[i] ?? 0) > 0)
    this.units = this.units.filter((units) => units > 0)
  }
}

/** Runs the steps on both sides. */
class Run {
  now = 1_700_000_000_000
  readonly windows: OpenWindows
  readonly #rule: WindowRule
  readonly #counters = new Map<string, PlainCounter>()
  readonly #receipts: { readonly receipt: Receipt; readonly life: number }[] = []

  constructor(rule: WindowRule) {
    this.#rule = rule
    this.windows = memoryStore({ maxBytes: 4 * 2 ** 20, clock: { now: () => this.now } }).open([rule])
  }

  step(step: Step): void {
    const rule = this.#rule
    if (step.kind === 'pass') this.now += step.ms
    else if (step.kind === 'refund') this.#refund(step.index)
    else if (step.kind === 'reset') {
      const counter = this.#counter(step.key)
      counter.times = []
      counter.units = []
      counter.life++
      void this.windows.reset(rule, step.key)
    } else if (step.kind === 'block') {
      this.#counter(step.key).blockedUntil = this.now + step.forMs
      void this.windows.block(rule, step.key, step.forMs)
    } else this.#ask(step.kind, step.key, step.cost)
  }

  #ask(kind: 'take' | 'peek' | 'penalize', key: string, cost: number): void {
    const counter = this.#counter(key)
    const isWhole = kind === 'penalize' && counter.penalize(this.now, cost)
    const expected = kind === 'take' ? counter.take(this.now, cost) : counter.read(this.now, cost)
    const answer = this.windows[kind]([{ rule: this.#rule, key, cost }]) as StoreAnswer
    const { receipt, ...state } = answer.counters[0] as CounterState
    expect(state).toEqual({ ...expected, now: this.now })
    expect(answer.admitted).toBe(expected.admits)
    expect(receipt !== undefined).toBe(isWhole || (kind === 'take' && expected.admits))
    if (receipt === undefined) return
    expect(receipt).toMatchObject({ key, units: cost, at: keptAt(this.#rule, this.now) })
    this.#receipts.push({ receipt, life: counter.life })
  }

  #refund(index: number): void {
    const [given] = this.#receipts.splice(index, 1)
    if (given === undefined) return
    const counter = this.#counter(given.receipt.key)
    if (given.life === counter.life) counter.refund(given.receipt.at, given.receipt.units, this.now)
    void this.windows.refund([given.receipt])
  }

  #counter(key: string): PlainCounter {
    const counter = this.#counters.get(key) ?? new PlainCounter(this.#rule)
    this.#counters.set(key, counter)
    return counter
  }
}

describe('a table in memory', () => {
  it('says what plain arrays say', () => {
    const schedules = rules.chain((rule) => stepsOf(rule).map((steps) => ({ rule, steps })))
    fc.assert(
      fc.property(schedules, ({ rule, steps }) => {
        const run = new Run(rule)
        for (const step of steps) run.step(step)
      }),
      { numRuns: 1500 },
    )
  })
})
