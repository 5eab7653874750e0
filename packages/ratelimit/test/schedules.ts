import fc from 'fast-check'
import type { Demand, OpenWindows, StoreAnswer, WindowRule } from '../src/window-store.ts'
import { Judge, type Given, type Question } from './support/judge.ts'
import { type Admission, Oracle } from './support/oracle.ts'
import { type WindowLengths, windowRules } from './support/rules.ts'
import type { Timeline } from './support/timeline.ts'

/** One step: small numbers, so that it is made fast and shrinks well. {@link play} reads them by the tables below. */
export type Step = readonly [act: number, rules: number, key: number, cost: number, detail: number]

/** What happens to the counters of one store. */
export interface Schedule {
  readonly rules: readonly WindowRule[]
  /** Where the clock begins. */
  readonly start: number
  /** It is for a store that has too little room for all of its keys. */
  readonly isTiny: boolean
  readonly steps: readonly Step[]
}

/** Which schedules to make. */
export interface ScheduleOptions {
  readonly lengths: WindowLengths
  readonly isTiny?: boolean
  readonly maxSteps?: number
}

const step: fc.Arbitrary<Step> = fc.tuple(fc.nat(63), fc.nat(15), fc.nat(3), fc.nat(31), fc.nat(15))
const starts = [0, 1, 1000.5, 2 ** 30 - 20, 2 ** 31 - 3, 2 ** 32 - 7, 1_790_000_000_000, 1_790_000_000_123.75]

/** Schedules: bursts at the edges of windows, clocks that go back and jump, mixed costs, several rules at once, and everything else that a store does. */
export function schedules({ lengths, isTiny = false, maxSteps = 60 }: ScheduleOptions): fc.Arbitrary<Schedule> {
  return fc.record({
    rules: windowRules(isTiny ? 2 : 4, lengths, isTiny),
    start: fc.constantFrom(...starts),
    isTiny: fc.constant(isTiny),
    steps: fc.array(step, { minLength: 1, maxLength: maxSteps, size: 'max' }),
  })
}

/** Where schedules are played. */
export interface Stage {
  readonly store: OpenWindows
  readonly time: Timeline
  /** Whether the store must answer as the definitions say. Else it may be more careful. */
  readonly isPrecise: (rule: WindowRule) => boolean
  /** Whether each rule has keys of its own, so that the counters of a call are in several slots of a cluster. */
  readonly isSpread?: boolean
  /** Whether an error says that a block or a penalty cannot be stored, which a store without room may say. */
  readonly isFull?: (error: unknown) => boolean
}

/** What happened in schedules, so that a test can tell that it tested something. */
export type Tally = Record<'admitted' | 'refused' | 'shadowed' | 'refunded' | 'blocked' | 'penalized' | 'moved', number>

/** A tally in which nothing has happened. */
export function newTally(): Tally {
  return { admitted: 0, refused: 0, shadowed: 0, refunded: 0, blocked: 0, penalized: 0, moved: 0 }
}

/**
 * Plays a schedule and judges every answer, by an oracle that adds up admissions and by a naive counter.
 *
 * @throws {Error} at the first wrong answer, with everything that was done.
 */
export async function play(schedule: Schedule, stage: Stage, tally: Tally = newTally()): Promise<void> {
  const player = new Player(schedule, stage, tally)
  try {
    for (const step of schedule.steps) await player.step(step)
    await player.end()
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    throw new Error(`${message}\n${player.told()}`, { cause: error })
  }
}

interface Taken extends Given {
  readonly admission: Admission
}

type Act = 'take' | 'burst' | 'flood' | 'peek' | 'penalize' | 'refund' | 'reset' | 'block' | 'move'

const acts: readonly Act[] = table({
  take: 22,
  burst: 6,
  peek: 5,
  penalize: 4,
  refund: 7,
  reset: 2,
  block: 3,
  move: 15,
})
/** Where room is short, many keys come at once, and again and again within one window. */
const tinyActs: readonly Act[] = table({
  take: 20,
  flood: 14,
  peek: 4,
  penalize: 3,
  refund: 6,
  reset: 1,
  block: 3,
  move: 13,
})
const longestBlock = 5000
/** Ticks, sub-windows and clocks that wrap do so somewhere near these. */
const jumps = [2 ** 12, 2 ** 20, 2 ** 30, 2 ** 31, 2 ** 32, 2 ** 33, 2 ** 32 - 1, 3 * 2 ** 32]
/** The year 37,648: jumps add up, and beyond 2^53 no clock counts milliseconds. */
const latest = 2 ** 50
const keys = ['a', 'b', 'a\u0000', '{a}:b']

function table(weights: Readonly<Partial<Record<Act, number>>>): readonly Act[] {
  return Object.entries(weights).flatMap(([act, weight]) => Array.from({ length: weight }, () => act as Act))
}

class Player {
  readonly #done: (() => string)[] = []
  readonly #rules: readonly WindowRule[]
  readonly #isTiny: boolean
  readonly #stage: Stage
  readonly #tally: Tally
  readonly #judge: Judge
  readonly #oracle = new Oracle()
  readonly #taken: Taken[][] = []
  /** The time of the last answer, which may be later than that of the clock. */
  #now = 0
  /** When the last refusal said that it passes. */
  #retryAt = 0

  constructor({ rules, start, isTiny }: Schedule, stage: Stage, tally: Tally) {
    this.#rules = rules
    this.#isTiny = isTiny
    this.#stage = stage
    this.#tally = tally
    this.#judge = new Judge(stage.isPrecise)
    this.#done.push(() => `from ${start} with ${JSON.stringify(rules)}`)
  }

  /** Everything that was done. */
  told(): string {
    return this.#done.map((tell) => tell()).join('\n')
  }

  async step([number, rules, keyNumber, cost, detail]: Step): Promise<void> {
    const act = (this.#isTiny ? tinyActs : acts)[number]
    const rule = this.#rules[rules % this.#rules.length] as WindowRule
    const key = this.#key(keyNumber, cost, detail)
    const own = this.#ownKey(rule, key)
    if (act === 'move') await this.#move(rule, own, cost, detail)
    else if (act === 'refund') await this.#refund(detail, cost)
    else if (act === 'reset') await this.#reset(rule, own)
    else if (act === 'block') await this.#block(rule, own, detail)
    else if (act === 'flood') await this.#flood(this.#chosen(rules), keyNumber, cost, detail)
    else if (act === 'burst') await this.#burst(this.#chosen(rules), key, cost, detail)
    else if (act === 'penalize') await this.#penalize(this.#demands(this.#chosen(rules), key, cost))
    else if (act !== undefined) await this.#ask(act, this.#demands(this.#chosen(rules), key, cost))
  }

  /** When everything has expired, everything passes again, however little room there was. */
  async end(): Promise<void> {
    const { time } = this.#stage
    if (!this.#isTiny) return
    const longest = Math.max(longestBlock, ...this.#rules.map(({ window }) => 2 * window))
    for (const key of ['new', ...keys]) {
      await time.goTo(Math.max(time.now(), this.#now) + longest)
      const demands = this.#rules.map((rule) => ({ rule, key, cost: rule.limit }))
      const { admitted } = await this.#ask('take', demands)
      if (!admitted) throw new Error('everything has expired, and a call is refused')
    }
  }

  #key(key: number, cost: number, detail: number): string {
    return this.#isTiny && detail > 3 ? crowded(key, cost + detail) : (keys[key] as string)
  }

  #ownKey({ name }: WindowRule, key: string): string {
    return this.#stage.isSpread ? `${name} ${key}` : key
  }

  #chosen(rules: number): readonly WindowRule[] {
    const chosen = this.#rules.filter((_, i) => rules & (1 << i))
    return chosen.length > 0 ? chosen : this.#rules.slice(0, 1)
  }

  #demands(rules: readonly WindowRule[], key: string, cost: number): readonly Demand[] {
    return rules.map((rule) => {
      const own = this.#ownKey(rule, key)
      return { rule, key: own, cost: this.#cost(rule, own, cost) }
    })
  }

  /** One unit mostly; else a few, about the limit, about what is left, or the most that a call may cost. */
  #cost(rule: WindowRule, key: string, number: number): number {
    const { limit } = rule
    const left = () => limit - this.#judge.counter(rule, key).live(this.#stage.time.now())
    const special = [2, 2, 3, 4, limit - 1, limit, limit + 1, left(), left(), left() + 1, 5, Number.MAX_SAFE_INTEGER]
    return Math.max(1, special[number - 20] ?? 1)
  }

  async #ask(question: Question, demands: readonly Demand[]): Promise<StoreAnswer> {
    const { store, time } = this.#stage
    const { value: answer, times } = await time.during(() => store[question](demands))
    const now = (this.#now = answer.counters[0]?.now ?? 0)
    this.#done.push(() => `${question} ${described(demands)} at ${now}: ${answer.admitted}`)
    const given = this.#judge.answered(question, demands, answer, times)
    time.settle(this.#now)
    if (question === 'take') this.#noteRefusals(demands, answer)
    if (question !== 'peek') this.#noteTaken(question === 'take' ? 'admitted' : 'penalized', demands, answer, given)
    return answer
  }

  #noteRefusals(demands: readonly Demand[], { admitted, counters }: StoreAnswer): void {
    this.#tally[admitted ? 'admitted' : 'refused']++
    demands.forEach(({ rule, key, cost }, i) => {
      const { admits = false, retryAfterMs = null, now = 0 } = counters[i] ?? {}
      if (admits) return
      if (admitted) this.#tally.shadowed++
      this.#retryAt = now + (retryAfterMs ?? 0)
      const isByLimit = rule.backoff === undefined && !this.#judge.isBlocked(rule, key, now)
      if (isByLimit && this.#stage.isPrecise(rule)) this.#oracle.refused(rule, key, now, cost)
    })
  }

  /** A penalty counts also where it gets no receipt. */
  #noteTaken(
    as: 'admitted' | 'penalized',
    demands: readonly Demand[],
    { counters }: StoreAnswer,
    given: readonly Given[],
  ): void {
    const taken: Taken[] = []
    demands.forEach(({ rule, key, cost }, i) => {
      const { now = 0, receipt } = counters[i] ?? {}
      if (as === 'admitted' && receipt === undefined) return
      const admission = this.#oracle[as](rule, key, now, cost)
      const one = given.find((one) => one.receipt === receipt)
      if (one) taken.push({ ...one, admission })
    })
    if (taken.length > 0) this.#taken.push(taken)
  }

  async #burst(rules: readonly WindowRule[], key: string, cost: number, detail: number): Promise<void> {
    const times = Math.min(40, detail < 10 ? 2 + detail : (rules[0]?.limit ?? 0) + 1)
    for (let i = 0; i < times; i++) await this.#ask('take', this.#demands(rules, key, cost < 24 ? 0 : cost))
  }

  /** Many keys at once. */
  async #flood(rules: readonly WindowRule[], key: number, cost: number, detail: number): Promise<void> {
    for (let i = 0; i < 8 + 3 * detail; i++) await this.#ask('take', this.#demands(rules, crowded(key, i), cost))
  }

  /** Gives one of the last calls back, sometimes only in part. */
  async #refund(detail: number, cost: number): Promise<void> {
    const [taken] = this.#taken.splice(-1 - (detail % (this.#taken.length + 1)), 1)
    if (taken === undefined) return
    const back = taken.slice(0, cost < 24 ? taken.length : 1)
    this.#done.push(() => `refund ${back.map(({ receipt, now }) => `${receipt.units} of ${now}`).join()}`)
    await this.#stage.time.during(() => this.#stage.store.refund(back.map(({ receipt }) => receipt)))
    for (const one of back) {
      this.#tally.refunded++
      one.admission.refunded = this.#judge.refunded(one)
    }
  }

  async #reset(rule: WindowRule, key: string): Promise<void> {
    this.#done.push(() => `reset ${rule.name} ${key}`)
    await this.#stage.time.during(() => this.#stage.store.reset(rule, key))
    this.#judge.reset(rule, key)
    this.#oracle.reset(rule, key)
  }

  async #penalize(demands: readonly Demand[]): Promise<void> {
    try {
      await this.#ask('penalize', demands)
      this.#tally.penalized++
    } catch (error) {
      if (!this.#stage.isFull?.(error)) throw error
    }
  }

  async #block(rule: WindowRule, key: string, detail: number): Promise<void> {
    const forMs = [0, 1, 2, 5, 20, rule.window, longestBlock][detail % 7] ?? 0
    const bounded = Math.min(forMs, longestBlock)
    const isFlood = this.#isTiny && detail > 9
    const blocked = isFlood ? Array.from({ length: detail }, (_, i) => crowded(i, i)) : [key]
    for (const one of blocked) await this.#blockOne(rule, one, bounded)
  }

  async #blockOne(rule: WindowRule, key: string, forMs: number): Promise<void> {
    this.#done.push(() => `block ${rule.name} ${key} for ${forMs}`)
    try {
      const { times } = await this.#stage.time.during(() => this.#stage.store.block(rule, key, forMs))
      this.#judge.blocked(rule, key, forMs, times)
      this.#tally.blocked++
    } catch (error) {
      if (!this.#stage.isFull?.(error)) throw error
    }
  }

  async #move(rule: WindowRule, key: string, cost: number, detail: number): Promise<void> {
    const { time } = this.#stage
    const now = time.now()
    this.#tally.moved++
    if (detail === 15 && cost % 4 === 0) {
      const value = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -1][(cost / 4) % 4] ?? 0
      this.#done.push(() => `the clock gives ${value}`)
      time.derail(value)
      return
    }
    const to = this.#target(rule, key, cost, detail)
    this.#done.push(() => `move by ${to - now} to ${to}`)
    await time.goTo(to)
  }

  /** The moments at which mistakes of a millisecond show. */
  #target(rule: WindowRule, key: string, cost: number, detail: number): number {
    const now = this.#stage.time.now()
    const { window, quantum } = rule
    const edge = this.#judge.counter(rule, key).moments(Math.floor(now))[cost % 3] ?? now
    const boundary = now - (now % quantum) + quantum
    const targets = [
      now + 1,
      now + (cost % 8),
      edge - 1,
      edge,
      edge,
      edge + 1,
      now + window - 1,
      now + window,
      boundary + (cost % 3) - 1,
      now + Math.ceil(window / 2),
      now + cost * quantum,
      this.#retryAt - (cost % 2),
      this.#retryAt,
      now - (cost < 16 ? 1 + cost : window),
      now + (jumps[cost % 8] as number) * (cost < 16 ? 1 : quantum) + (cost % 5) - 2,
      now + 0.6,
    ]
    // Where room is short, most steps stay within a window.
    const isShort = this.#isTiny && detail > 5 && detail < 15 && cost < 24
    const target = isShort ? now + quantum * (cost % 3) + (cost % 2) : targets[detail]
    return Math.min(Math.max(0, target ?? now), latest)
  }
}

/** The keys that come in floods, the same ones each time. */
function crowded(crowd: number, number: number): string {
  return `${crowd % 2}+${number}`
}

function described(demands: readonly Demand[]): string {
  return demands.map(({ rule, key, cost }) => `${cost} of ${rule.name} ${key}`).join(' and ')
}
