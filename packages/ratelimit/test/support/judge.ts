import type { CounterState, Demand, Receipt, StoreAnswer, WindowRule } from '../../src/window-store.ts'
import { NaiveCounter } from './naive-counter.ts'

/** What was asked of the store. */
export type Question = 'take' | 'peek' | 'penalize'

/** What is known of one counter. */
class Known {
  readonly counter: NaiveCounter
  /** When the block may end, one time for each moment at which it may have begun. */
  blocks: readonly number[] = [0]
  /** Which life it is in: a reset begins the next. */
  life = 0
  last = 0

  constructor(rule: WindowRule) {
    this.counter = new NaiveCounter(rule)
  }
}

/** A receipt, and when and in which life the counter gave it. */
export interface Given {
  readonly receipt: Receipt
  readonly now: number
  readonly life: number
}

/**
 * Holds every answer of a store against a naive counter that is fed with the answers before. Where the store may be more careful than the
 * definitions (an overflow bucket that keys share, ticks of a very long window), it must be nowhere less careful.
 */
export class Judge {
  readonly #counters = new Map<WindowRule, Map<string, Known>>()
  readonly #isPrecise: (rule: WindowRule) => boolean

  constructor(isPrecise: (rule: WindowRule) => boolean) {
    this.#isPrecise = isPrecise
  }

  /**
   * @param times when the call may have come, by the store's clock; each answer names one of them.
   * @returns what can be given back.
   * @throws {Error} when an answer is another than the definitions give.
   */
  answered(question: Question, demands: readonly Demand[], answer: StoreAnswer, times: readonly number[]): Given[] {
    same('the number of answers', answer.counters.length, demands.length)
    const given: Given[] = []
    demands.forEach((demand, i) => {
      const state = answer.counters[i] as CounterState
      this.#time(demand, state.now, times)
      if (question === 'penalize') this.#penalized(demand, state)
      this.#asked(demand, state)
    })
    same('admitted', answer.admitted, everyAdmits(demands, answer))
    demands.forEach((demand, i) => {
      const state = answer.counters[i] as CounterState
      const taken = question === 'take' && answer.admitted && state.admits
      const known = this.#known(demand)
      if (taken) known.counter.count(demand.cost, state.now)
      this.#left(demand, state)
      if (question !== 'penalize') same(`${demand.rule.name}: has a receipt`, state.receipt !== undefined, taken)
      this.#receipt(demand, state)
      if (state.receipt) given.push({ receipt: state.receipt, now: state.now, life: known.life })
    })
    return given
  }

  /** Tells whether that gives anything back. */
  refunded({ receipt: { rule, key, units }, now, life }: Given): boolean {
    const known = this.#known({ rule, key })
    if (known.life !== life) return false
    known.counter.refund(NaiveCounter.keptAt(rule, now), units)
    return true
  }

  reset(rule: WindowRule, key: string): void {
    const known = this.#known({ rule, key })
    known.counter.reset()
    known.life++
  }

  /** @param times when the block may have begun. */
  blocked(rule: WindowRule, key: string, forMs: number, times: readonly number[]): void {
    const known = this.#known({ rule, key })
    known.blocks = times.map((time) => Math.max(time, known.last) + forMs)
  }

  /** Whether a block may hold at a time. */
  isBlocked(rule: WindowRule, key: string, time: number): boolean {
    return this.#known({ rule, key }).blocks.some((until) => until > time)
  }

  /** The counter as it is known. */
  counter(rule: WindowRule, key: string): NaiveCounter {
    return this.#known({ rule, key }).counter
  }

  #time({ rule, key }: Demand, now: number, times: readonly number[]): void {
    const known = this.#known({ rule, key })
    if (!times.some((time) => now === Math.max(time, known.last))) {
      throw new Error(`${rule.name}: the time is ${now}, expected ${times.join(' or ')} and not before ${known.last}`)
    }
    known.last = now
  }

  /** A penalty that drops units ends what was given before. Keys that share a bucket may drop earlier. */
  #penalized({ rule, key, cost }: Demand, { receipt, now }: CounterState): void {
    const known = this.#known({ rule, key })
    const isAbove = known.counter.penalize(cost, now)
    if (isAbove) known.life++
    if (isAbove || this.#isPrecise(rule)) same(`${rule.name}: has a receipt`, receipt !== undefined, !isAbove)
  }

  /** Whether the cost passes, and when. */
  #asked({ rule, key, cost }: Demand, { admits, retryAfterMs, now }: CounterState): void {
    this.#compare(
      { rule, key },
      () => `${cost} of ${rule.name}: ${admits}, in ${retryAfterMs} ms`,
      (counter, isPrecise) => {
        const wanted = { admits: counter.admits(cost, now), retryAfterMs: counter.retryAfterMs(cost, now) }
        const text = () => `${wanted.admits}, in ${wanted.retryAfterMs} ms`
        if (isPrecise) return [admits === wanted.admits && retryAfterMs === wanted.retryAfterMs, text]
        if (admits) return [wanted.admits && retryAfterMs === 0, text]
        if (retryAfterMs === null) return [cost > rule.limit, text]
        return [retryAfterMs > 0 && retryAfterMs >= (wanted.retryAfterMs ?? Number.POSITIVE_INFINITY), text]
      },
    )
  }

  /** What is left after the call. */
  #left({ rule, key }: Demand, { remaining, resetMs, now }: CounterState): void {
    this.#compare(
      { rule, key },
      () => `${remaining} of ${rule.name} remain for ${resetMs} ms`,
      (counter, isPrecise) => {
        const wanted = { remaining: counter.remaining(now), resetMs: counter.resetMs(now) }
        const text = () => `${wanted.remaining} for ${wanted.resetMs} ms`
        if (isPrecise) return [remaining === wanted.remaining && resetMs === wanted.resetMs, text]
        const areTimes = Number.isSafeInteger(remaining) && Number.isSafeInteger(resetMs) && resetMs >= 0
        return [areTimes && remaining >= 0 && remaining <= wanted.remaining, text]
      },
    )
  }

  /** Compares under each time at which a block may end. Those under which the answer is wrong are out, and one must stay. */
  #compare(
    { rule, key }: Pick<Demand, 'rule' | 'key'>,
    is: () => string,
    compare: (counter: NaiveCounter, isPrecise: boolean) => readonly [isRight: boolean, wanted: () => string],
  ): void {
    const known = this.#known({ rule, key })
    let wanted = (): string => ''
    known.blocks = known.blocks.filter((until) => {
      known.counter.blockedUntil = until
      const [isRight, text] = compare(known.counter, this.#isPrecise(rule))
      wanted = text
      return isRight
    })
    if (known.blocks.length === 0) throw new Error(`${is()}, expected ${wanted()}`)
    known.counter.blockedUntil = known.blocks[0] ?? 0
  }

  #receipt({ rule, key, cost }: Demand, { receipt, now }: CounterState): void {
    if (receipt === undefined) return
    const kept = NaiveCounter.keptAt(rule, now)
    const isRight = this.#isPrecise(rule) ? receipt.at === kept : receipt.at >= now
    if (!isRight) throw new Error(`${rule.name}: kept at ${receipt.at}, expected ${kept}`)
    same('the rule of a receipt', receipt.rule, rule)
    same('the key of a receipt', receipt.key, key)
    same('the units of a receipt', receipt.units, cost)
  }

  #known({ rule, key }: Pick<Demand, 'rule' | 'key'>): Known {
    let counters = this.#counters.get(rule)
    if (counters === undefined) this.#counters.set(rule, (counters = new Map<string, Known>()))
    let known = counters.get(key)
    if (known === undefined) counters.set(key, (known = new Known(rule)))
    return known
  }
}

function everyAdmits(demands: readonly Demand[], { counters }: StoreAnswer): boolean {
  return counters.every(({ admits }, i) => admits || demands[i]?.rule.shadow)
}

function same(what: string, is: unknown, wanted: unknown): void {
  if (is !== wanted) throw new Error(`${what} is ${String(is)}, expected ${String(wanted)}`)
}
