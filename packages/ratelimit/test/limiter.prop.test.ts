import { settableClock } from '@mosaajii/core/testing'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Decision } from '../src/decision.ts'
import type { Rule } from '../src/rule.ts'
import { type RateLimiter, rateLimiter } from '../src/rate-limiter.ts'
import { memoryStore } from '../src/stores/memory.ts'
import type { WindowRule } from '../src/window-store.ts'
import { NaiveCounter } from './support/naive-counter.ts'
import { Oracle, type Admission } from './support/oracle.ts'

// Whatever is asked of a limiter: `with`, keys, costs, shadows, refunds. What its store does is judged by schedules.

interface Subject {
  readonly account: string
  readonly address: string
}

const keys: Readonly<Record<string, (subject: Subject) => string | readonly string[]>> = {
  account: ({ account }) => account,
  address: ({ address }) => address,
  both: ({ account, address }) => [account, address],
}
const names = ['a', 'b', 'c', 'd']

interface Shape {
  readonly key: keyof typeof keys
  readonly limit: number
  readonly window: number
  readonly algorithm: 'exact' | 'strict'
  readonly shadow: boolean
  readonly cost: number | undefined
  readonly with: readonly string[]
}

interface Step {
  readonly act: 'check' | 'peek' | 'penalize' | 'refund' | 'reset' | 'block' | 'unblock' | 'wait'
  readonly names: readonly string[]
  readonly subject: Subject
  readonly number: number
}

const shape: fc.Arbitrary<Shape> = fc.record({
  key: fc.constantFrom(...Object.keys(keys)),
  limit: fc.integer({ min: 2, max: 6 }),
  window: fc.integer({ min: 1, max: 40 }),
  algorithm: fc.constantFrom('exact', 'strict'),
  shadow: fc.nat(4).map((number) => number === 0),
  cost: fc.constantFrom(undefined, undefined, 2),
  with: fc.subarray(names, { maxLength: 2 }),
})
const step: fc.Arbitrary<Step> = fc.record({
  act: fc.constantFrom(
    'check',
    'check',
    'check',
    'peek',
    'penalize',
    'refund',
    'refund',
    'reset',
    'block',
    'unblock',
    'wait',
    'wait',
  ),
  names: fc.shuffledSubarray(names, { minLength: 1 }),
  subject: fc.record({ account: fc.constantFrom('x', 'x:1'), address: fc.constantFrom('x', '1:x') }),
  number: fc.integer({ min: 1, max: 9 }),
})

/** What a limiter must say, by naive counters. */
class Model {
  readonly shapes: Readonly<Record<string, Shape>>
  readonly rules: Readonly<Record<string, WindowRule>>
  readonly clock = settableClock()
  readonly oracle = new Oracle()
  readonly given = new Map<Decision, (() => void)[]>()
  readonly #counters = new Map<string, { readonly counter: NaiveCounter; life: number }>()

  constructor(shapes: readonly Shape[], rules: Readonly<Record<string, WindowRule>>) {
    this.shapes = Object.fromEntries(names.map((name, i) => [name, shapes[i] as Shape]))
    this.rules = rules
  }

  /** The rules that are named, and all that they bring along. */
  all(named: readonly string[]): string[] {
    const found = new Set(named)
    for (const name of found) for (const other of this.shapes[name]?.with ?? []) found.add(other)
    return [...found]
  }

  counter(name: string, subject: Subject): { readonly counter: NaiveCounter; life: number; readonly key: string } {
    const key = JSON.stringify(keys[this.shapes[name]?.key ?? '']?.(subject))
    const known = this.#counters.get(name + key) ?? {
      counter: new NaiveCounter(this.rules[name] as WindowRule),
      life: 0,
    }
    this.#counters.set(name + key, known)
    return Object.assign(known, { key })
  }

  judge(
    question: 'check' | 'peek' | 'penalize',
    named: readonly string[],
    subject: Subject,
    cost: number,
    decision: Decision,
  ): void {
    const now = this.clock.now()
    const back: (() => void)[] = []
    const asked = this.all(named).map((name) => {
      const units = this.shapes[name]?.cost ?? cost
      const one = this.counter(name, subject)
      if (question === 'penalize') this.#penalize(name, one, units, back)
      return {
        name,
        units,
        ...one,
        one,
        admits: one.counter.admits(units, now),
        retry: one.counter.retryAfterMs(units, now),
      }
    })
    const refusing = asked.filter(({ name, admits }) => !admits && this.shapes[name]?.shadow === false)
    expect(decision.allowed).toBe(refusing.length === 0)
    expect([...decision.violated].sort()).toEqual(refusing.map(({ name }) => name).sort())
    const waits = refusing.map(({ retry }) => retry ?? Number.POSITIVE_INFINITY)
    expect(decision.retryAfterMs ?? Number.POSITIVE_INFINITY).toBe(Math.max(0, ...waits))
    expect(Object.keys(decision.rules).sort()).toEqual(asked.map(({ name }) => name).sort())
    for (const { name, units, counter, one, key, admits, retry } of asked) {
      const rule = this.rules[name] as WindowRule
      if (question === 'check' && decision.allowed && admits) {
        counter.count(units, now)
        back.push(this.#back(one, units, this.oracle.admitted(rule, key, now, units)))
      }
      const { limit, window, shadow } = rule
      const reading = { remaining: counter.remaining(now), resetMs: counter.resetMs(now), retryAfterMs: retry }
      expect(decision.rules[name]).toEqual({ limit, window, shadow, ...reading })
    }
    this.given.set(decision, back)
  }

  #penalize(name: string, one: ReturnType<Model['counter']>, units: number, back: (() => void)[]): void {
    const now = this.clock.now()
    const penalty = this.oracle.penalized(this.rules[name] as WindowRule, one.key, now, units)
    if (one.counter.penalize(units, now)) one.life++
    else back.push(this.#back(one, units, penalty))
  }

  #back(one: { readonly counter: NaiveCounter; life: number }, units: number, admission: Admission): () => void {
    const { life } = one
    const at = NaiveCounter.keptAt(one.counter.rule, this.clock.now())
    return () => {
      if (one.life !== life) return
      one.counter.refund(at, units)
      admission.refunded = true
    }
  }

  reset(named: readonly string[], subject: Subject): void {
    for (const name of named) {
      const one = this.counter(name, subject)
      one.counter.reset()
      one.life++
      this.oracle.reset(this.rules[name] as WindowRule, one.key)
    }
  }

  block(named: readonly string[], subject: Subject, forMs: number): void {
    for (const name of named) this.counter(name, subject).counter.blockedUntil = this.clock.now() + forMs
  }
}

function limiterOf(shapes: readonly Shape[], clock: Model['clock']): RateLimiter<Subject> {
  const rules = names.map((name, i): [string, Rule<Subject>] => {
    const { key, cost, ...shape } = shapes[i] as Shape
    return [name, { ...shape, key: keys[key] as Rule<Subject>['key'], onStoreFailure: 'deny', ...(cost && { cost }) }]
  })
  return rateLimiter<Subject>({
    rules: Object.fromEntries(rules),
    store: memoryStore({ clock, maxBytes: 2 ** 20 }),
    clock,
  })
}

async function run(model: Model, limiter: RateLimiter<Subject>, { act, names, subject, number }: Step): Promise<void> {
  if (act === 'wait') model.clock.advance(number)
  else if (act === 'reset') {
    await limiter.reset(names, subject)
    model.reset(names, subject)
  } else if (act === 'block' || act === 'unblock') {
    await (act === 'block' ? limiter.block(names, subject, number) : limiter.unblock(names, subject))
    model.block(names, subject, act === 'block' ? number : 0)
  } else if (act === 'refund') {
    const [decision, back] = [...model.given].at(-number) ?? []
    if (!decision || !back) return
    // At once and again later: it gives back once.
    await Promise.all([limiter.refund(decision), limiter.refund(decision)])
    for (const one of back.splice(0)) one()
  } else {
    model.judge(act, names, subject, number, await limiter[act](names, subject, { cost: number }))
  }
}

test('a limiter says what its rules mean, and counts what it admits', async () => {
  const schedule = fc.record({
    shapes: fc.tuple(shape, shape, shape, shape),
    steps: fc.array(step, { minLength: 1, maxLength: 30, size: 'max' }),
  })
  await fc.assert(
    fc.asyncProperty(schedule, async ({ shapes, steps }) => {
      const clock = settableClock()
      const limiter = limiterOf(shapes, clock)
      const model = Object.assign(new Model(shapes, limiter.rules), { clock })
      for (const step of steps) await run(model, limiter, step)
    }),
    { numRuns: 1500 },
  )
})
