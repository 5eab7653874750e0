import { checkOptions, type Duration, isSecurityError, systemClock } from '@mosaajii/core'
import { type CallPlan, CallPlans } from './call-plans.ts'
import { checkedCost, ownOf, timeSpan } from './checks.ts'
import type { Decision } from './decision.ts'
import { RateLimitError } from './errors.ts'
import { withCause } from './failure-cause.ts'
import { Fingerprint } from './fingerprint.ts'
import { LimiterDecision, type Verdict } from './limiter-decision.ts'
import { limiterSettings, noEvents, type RateLimiterOptions, type Rules } from './limiter-options.ts'
import { decideAlone, denyingRules, LocalShares, type Question } from './local-share.ts'
import { decidePartly } from './partial-answer.ts'
import { RefusalEvents } from './refusal-events.ts'
import type { Rule } from './rule.ts'
import { type CompiledRule, compileRules } from './rules.ts'
import { steadyTime } from './steady-time.ts'
import { isStoreAnswer } from './store-answer.ts'
import { StoreWatch } from './store-watch.ts'
import { subjectKey } from './subject-key.ts'
import type { Demand, OpenWindows, StoreAnswer, WindowRule } from './window-store.ts'

/** What a call may say besides its rules and its subject. */
export interface CallOptions {
  /** How many units it costs by rules that have no `cost` of their own. Default 1. */
  readonly cost?: number
}

/** What the key functions of rules want to know, all together. */
export type SubjectOf<R extends Rules<never>> = {
  [N in keyof R]: R[N] extends Rule<infer S> ? (subject: S) => void : never
}[keyof R] extends (subject: infer S) => void
  ? S
  : never

/**
 * Checks calls against limits. `S` is what calls are about, for example a request; `N` are the names of the rules.
 *
 * Every method throws or rejects with a `TypeError` or `RangeError` for names, costs and times that are none, and with a {@link RateLimitError}
 * `RATE_KEY_MISSING` or `RATE_KEY_INVALID` when a rule's key function gives no key. What a key function itself throws goes through. Functions that
 * give keys and costs answer at once: a promise is a `TypeError`.
 */
export interface RateLimiter<in S, N extends string = string> {
  /** The rules as they were understood. */
  readonly rules: Readonly<Record<N, WindowRule>>
  /**
   * Checks a call by several rules, and by those of their `with`. All admit it and it is counted, or nothing is counted. A refused call never makes a
   * wait longer.
   *
   * @param names 1 to 16, each once.
   * @returns a decision, also when the store cannot be reached.
   */
  check<M extends N>(names: readonly M[], subject: S, options?: CallOptions): Promise<Decision<N, M>>
  /** Whether `check` would admit the call. Counts nothing: `remaining` is what there is without it. */
  peek<M extends N>(names: readonly M[], subject: S, options?: CallOptions): Promise<Decision<N, M>>
  /**
   * Counts, also above the limits.
   *
   * @returns what `peek` would say after it; with the source `failure` it is not counted. A penalty that went above a limit cannot be given back
   * there, and no more can what was counted before it.
   */
  penalize<M extends N>(names: readonly M[], subject: S, options?: CallOptions): Promise<Decision<N, M>>
  /**
   * Gives back what a decision of this limiter counted, to the counters that counted it. Works once, also when it fails. Without effect on what
   * no longer counts, and after a `reset`. In memory a rule remembers its last 1024 resets, whosever they were: with more of them since the
   * decision, nothing is given back by that rule, and its units count until the window has passed.
   *
   * @throws {TypeError} when it is no decision of this limiter.
   * @throws {RateLimitError} `WINDOW_STORE_FAILED`.
   */
  refund(decision: Decision): Promise<void>
  /** Forgets what the named rules have counted for a subject, not a block; rules of `with` only if they are named. @throws {RateLimitError} `WINDOW_STORE_FAILED`. */
  reset(names: readonly N[], subject: S): Promise<void>
  /**
   * Refuses everything that asks one of the named rules for a subject, from now for a time of up to 366 days; rules of `with` only if they are
   * named. A later block replaces an earlier one.
   *
   * @throws {RateLimitError} `WINDOW_STORE_FAILED`; `WINDOW_STORE_FULL` when the store has no place for another block.
   */
  block(names: readonly N[], subject: S, forTime: Duration): Promise<void>
  /** Ends a block. @throws {RateLimitError} `WINDOW_STORE_FAILED`. */
  unblock(names: readonly N[], subject: S): Promise<void>
}

/**
 * Makes a limiter.
 *
 * @throws {TypeError | RangeError} for rules and options that are none; the message names the option and says what to give.
 * @example
 * const limiter = rateLimiter({
 *   rules: { api: { limit: 100, window: '1m', key: (caller: { address: string }) => addressKey(caller.address), onStoreFailure: 'deny' } },
 * })
 * const decision = await limiter.check(['api'], { address: '192.0.2.7' })
 * decision.rules.api.remaining // 99
 */
export function rateLimiter<const R extends Rules<never>>(
  options: RateLimiterOptions<R>,
): RateLimiter<SubjectOf<R>, keyof R & string>
/** With the subject given, so that key functions need no types of their own: `rateLimiter<Request>({ … })`. Names are not checked then. */
export function rateLimiter<S>(options: RateLimiterOptions<Rules<S>>): RateLimiter<S>
export function rateLimiter(options: RateLimiterOptions): RateLimiter<never> {
  return new Limiter(options)
}

/**
 * What `limiter.check()` says, at once on a store that answers at once: for middleware, which then costs the request no turn of the event loop.
 *
 * @throws what `check` rejects with.
 * @example
 * const decision = await decide(limiter, ['api'], request)
 */
export function decide<S, N extends string, M extends N>(
  limiter: RateLimiter<S, N>,
  names: readonly M[],
  subject: S,
  options?: CallOptions,
): Decision<N, M> | Promise<Decision<N, M>> {
  if (!(limiter instanceof Limiter)) throw new TypeError('decide: give a limiter that rateLimiter() made')
  const decision: unknown = (limiter as Limiter<S>).decide(names, subject, options)
  return decision as Decision<N, M> | Promise<Decision<N, M>>
}

/** Asks a limiter about one list of names, each time about another subject. */
export type Asker<S, N extends string, M extends N> = (
  subject: S,
  options: CallOptions | undefined,
) => Decision<N, M> | Promise<Decision<N, M>>

/**
 * {@link decide}, or the same of `peek`, for middleware: the names are checked and looked up when it is made.
 *
 * @param who stands at the beginning of the message.
 * @throws {TypeError | RangeError} for what is no limiter, and for what is no list of its names.
 */
export function askerOf<S, N extends string, M extends N>(
  limiter: RateLimiter<S, N>,
  question: 'take' | 'peek',
  names: readonly M[],
  who: string,
): Asker<S, N, M> {
  if (!(limiter instanceof Limiter)) throw new TypeError(`${who}: give a limiter that rateLimiter() made`)
  const asker: unknown = (limiter as Limiter<S>).asker(question, names, who)
  return asker as Asker<S, N, M>
}

/**
 * What a store knows a subject by.
 *
 * @throws {RateLimitError} `RATE_KEY_MISSING`, `RATE_KEY_INVALID`.
 */
export function keyOf<S>(limiter: RateLimiter<S>, name: string, subject: S): string {
  if (!(limiter instanceof Limiter)) throw new TypeError('keyOf: give a limiter that rateLimiter() made')
  return (limiter as Limiter<S>).keyOf(name, subject)
}

type MaybePromise<T> = T | Promise<T>

class Limiter<S> implements RateLimiter<S> {
  readonly rules: Readonly<Record<string, WindowRule>>
  readonly #plans: CallPlans<S>
  readonly #windows: OpenWindows
  readonly #shares: LocalShares | undefined
  readonly #denying: ReadonlySet<WindowRule>
  /** Whether a call goes on without counters that cannot be reached. */
  readonly #goesOn = (lost: readonly Demand[]): boolean => this.#alone('peek', lost).allowed
  readonly #watch: StoreWatch
  readonly #refusals: RefusalEvents | undefined

  constructor(options: RateLimiterOptions) {
    const { rules, store, localStore, events, clock: given, eventKey } = limiterSettings(options)
    const clock = given ?? systemClock
    const compiled = compileRules<S>(rules as Rules<S>)
    const windows = [...compiled.values()].map(({ window }) => window)
    const elapsed = steadyTime(given)
    this.rules = Object.freeze(ownOf(Object.fromEntries(windows.map((rule) => [rule.name, rule]))))
    this.#plans = new CallPlans(compiled)
    this.#watch = new StoreWatch(events ?? noEvents, clock, elapsed)
    this.#refusals = events && new RefusalEvents(events, clock, elapsed, new Fingerprint(eventKey))
    this.#windows = store.open(windows)
    this.#shares = LocalShares.of(compiled.values(), localStore)
    this.#denying = denyingRules(compiled.values())
  }

  async check(names: readonly string[], subject: S, options?: CallOptions): Promise<LimiterDecision> {
    return this.#ask('take', this.#plans.plan(names, 'check'), subject, costIn(options, 'check'))
  }

  async peek(names: readonly string[], subject: S, options?: CallOptions): Promise<LimiterDecision> {
    return this.#ask('peek', this.#plans.plan(names, 'peek'), subject, costIn(options, 'peek'))
  }

  async penalize(names: readonly string[], subject: S, options?: CallOptions): Promise<LimiterDecision> {
    return this.#ask('penalize', this.#plans.plan(names, 'penalize'), subject, costIn(options, 'penalize'))
  }

  decide(names: readonly string[], subject: S, options?: CallOptions): MaybePromise<LimiterDecision> {
    return this.#ask('take', this.#plans.plan(names, 'check'), subject, costIn(options, 'check'))
  }

  asker(
    question: Question,
    names: readonly string[],
    who: string,
  ): (subject: S, options?: CallOptions) => MaybePromise<LimiterDecision> {
    const plan = this.#plans.plan(names, who)
    return (subject, options) => this.#ask(question, plan, subject, costIn(options, who))
  }

  keyOf(name: string, subject: S): string {
    const [rule] = this.#plans.named([name], 'keyOf')
    return rule === undefined ? '' : counterOf(rule, subject).key
  }

  async refund(decision: Decision): Promise<void> {
    const refund = LimiterDecision.refundOf(decision, this)
    if (refund === undefined) return
    const { receipts } = refund
    const shares = this.#shares
    const stored = shares === undefined ? receipts : receipts.filter((receipt) => !shares.gave(receipt))
    // What a share takes back says nothing about the store.
    if (stored.length < receipts.length) await shares?.windows.refund(receipts.filter((one) => shares.gave(one)))
    if (stored.length > 0) await this.#tell('refund', () => this.#windows.refund(stored))
  }

  async reset(names: readonly string[], subject: S): Promise<void> {
    await this.#change('reset', names, subject, (windows, rule, key) => windows.reset(rule, key))
  }

  async block(names: readonly string[], subject: S, forTime: Duration): Promise<void> {
    const forMs = timeSpan(forTime, 'block')
    await this.#change('block', names, subject, (windows, rule, key) => windows.block(rule, key, forMs))
  }

  async unblock(names: readonly string[], subject: S): Promise<void> {
    await this.#change('unblock', names, subject, (windows, rule, key) => windows.block(rule, key, 0))
  }

  #ask(question: Question, plan: CallPlan<S>, subject: S, cost: number): MaybePromise<LimiterDecision> {
    const demands = demandsOf(plan.rules, subject, cost)
    let answer: MaybePromise<StoreAnswer>
    try {
      answer = question === 'take' ? this.#windows.take(demands, this.#goesOn) : this.#windows[question](demands)
    } catch (error) {
      return this.#unreachable(question, plan, demands, error)
    }
    if (!isPromise(answer)) return this.#answered(question, plan, demands, answer)
    return this.#answeredLater(question, plan, demands, answer)
  }

  /** Of its own: a function that makes functions costs more, also where it does not come to make them. */
  #answeredLater(
    question: Question,
    plan: CallPlan<S>,
    demands: readonly Demand[],
    answer: Promise<StoreAnswer>,
  ): Promise<LimiterDecision> {
    return Promise.resolve(answer).then(
      (later) => this.#answered(question, plan, demands, later),
      (error: unknown) => this.#unreachable(question, plan, demands, error),
    )
  }

  #answered(
    question: Question,
    plan: CallPlan<S>,
    demands: readonly Demand[],
    answer: StoreAnswer,
  ): MaybePromise<LimiterDecision> {
    if (!isStoreAnswer(answer, demands.length)) {
      return this.#unreachable(question, plan, demands, new TypeError('the store gave no answer'))
    }
    // `in` first: the engine knows that from the shape of the object, where it has to call `hasOwn`.
    if ('failure' in answer && Object.hasOwn(answer, 'failure'))
      return this.#answeredPartly(question, plan, demands, answer)
    const { admitted: allowed, counters: states } = answer
    const isNamed = 'source' in answer && Object.hasOwn(answer, 'source')
    const source = (isNamed ? answer.source : undefined) ?? 'store'
    if (source === 'store') this.#watch.answered()
    if (question === 'take' && (plan.hasShadow || !allowed)) this.#refusals?.saw(demands, states, source)
    return new LimiterDecision({ allowed, source, states, windows: this.#windows }, plan, this)
  }

  async #answeredPartly(
    question: Question,
    plan: CallPlan<S>,
    demands: readonly Demand[],
    answer: StoreAnswer,
  ): Promise<LimiterDecision> {
    this.#watch.failed(answer.failure)
    const alone = this.#alone.bind(this)
    const { verdict, giveBack } = decidePartly(question, demands, answer, this.#windows, alone)
    if (question === 'take') this.#refusals?.saw(demands, verdict.states, verdict.source)
    try {
      if (giveBack.length > 0) await this.#windows.refund(giveBack)
    } catch {
      // What cannot be given back is used up.
    }
    return withCause(new LimiterDecision(verdict, plan, this), answer.failure)
  }

  #alone(question: Question, lost: readonly Demand[]): Verdict {
    return decideAlone(question, lost, this.#denying, this.#shares)
  }

  #unreachable(question: Question, plan: CallPlan<S>, demands: readonly Demand[], error: unknown): LimiterDecision {
    this.#watch.failed(error)
    const verdict = this.#alone(question, demands)
    if (question === 'take') this.#refusals?.saw(demands, verdict.states, verdict.source)
    return withCause(new LimiterDecision(verdict, plan, this), error)
  }

  async #change(
    who: string,
    names: readonly string[],
    subject: S,
    change: (windows: OpenWindows, rule: WindowRule, key: string) => void | Promise<void>,
  ): Promise<void> {
    const counters = this.#plans.named(names, who).map((rule) => counterOf(rule, subject))
    for (const { rule, key } of counters) {
      this.#shares?.change(rule, (windows, share) => change(windows, share, key))
    }
    await this.#tell(who, async () => {
      for (const { rule, key } of counters) await change(this.#windows, rule, key)
    })
  }

  /** Hands the store something that it must have. */
  async #tell(who: string, work: () => void | Promise<void>): Promise<void> {
    try {
      await work()
    } catch (error) {
      if (isSecurityError(error) && error.code === 'WINDOW_STORE_FULL') throw error
      this.#watch.failed(error)
      const message = `${who}: the store could not be reached; it may or may not be done`
      throw new RateLimitError('WINDOW_STORE_FAILED', message, { status: 503, cause: error })
    }
    this.#watch.answered()
  }
}

function demandsOf<S>(rules: readonly CompiledRule<S>[], subject: S, cost: number): Demand[] {
  // With its first item in the literal a list of one takes the room of one. The first push() to an empty list makes room for seventeen.
  const demands = [demandOf(rules[0] as CompiledRule<S>, subject, cost)]
  for (let i = 1; i < rules.length; i++) demands.push(demandOf(rules[i] as CompiledRule<S>, subject, cost))
  return demands
}

function demandOf<S>({ window, key, cost }: CompiledRule<S>, subject: S, callCost: number): Demand {
  const units = typeof cost === 'function' ? checkedCost(cost(subject), `rule '${window.name}': cost`) : cost
  return { rule: window, key: subjectKey(window.name, key(subject)), cost: units ?? callCost }
}

function counterOf<S>({ window, key }: CompiledRule<S>, subject: S): Pick<Demand, 'rule' | 'key'> {
  return { rule: window, key: subjectKey(window.name, key(subject)) }
}

function costIn(options: CallOptions | undefined, who: string): number {
  if (options === undefined) return 1
  if (typeof options !== 'object') throw new TypeError(`${who}: give options as an object, for example { cost: 3 }`)
  checkOptions(options, who, ['cost'])
  const cost = Object.hasOwn(options, 'cost') ? options.cost : undefined
  return cost === undefined ? 1 : checkedCost(cost, `${who}: cost`)
}

function isPromise<T>(value: MaybePromise<T>): value is Promise<T> {
  return typeof (value as { then?: unknown } | undefined)?.then === 'function'
}
