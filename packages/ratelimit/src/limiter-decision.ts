import type { CallPlan } from './call-plans.ts'
import type { Decision, DecisionSource, RuleState } from './decision.ts'
import type { ShownLimits } from './rate-limit-fields.ts'
import type { CounterState, OpenWindows, Receipt } from './window-store.ts'

/** What a refund gives back, and where. */
export interface Refund {
  readonly windows: OpenWindows
  readonly receipts: readonly Receipt[]
}

/** Works out what an answer told with a decision. */
export type Shown = (decision: Decision) => ShownLimits

/** What a decision is made of. */
export interface Verdict {
  readonly allowed: boolean
  readonly source: DecisionSource
  /** By the rules of the plan; `undefined` for one that nobody could ask. */
  readonly states: readonly (CounterState | undefined)[]
  /** The counters that were asked. */
  readonly windows: OpenWindows | undefined
}

/** A decision of a limiter. What only some callers read is worked out when they do. */
export class LimiterDecision implements Decision {
  readonly allowed: boolean
  readonly source: DecisionSource
  readonly #plan: CallPlan<never>
  readonly #states: Verdict['states']
  /** Gone once a refund has begun. */
  #windows: OpenWindows | undefined
  readonly #owner: object
  #rules: Readonly<Record<string, RuleState>> | undefined
  #shown: Shown | undefined

  constructor({ allowed, source, states, windows }: Verdict, plan: CallPlan<never>, owner: object) {
    this.allowed = allowed
    this.source = source
    this.#states = states
    this.#windows = windows
    this.#plan = plan
    this.#owner = owner
  }

  /** What was asked. This and what follows is for this package: `Decision` has none of it. */
  get plan(): CallPlan<never> {
    return this.#plan
  }

  /** What `rules` is made of, in the order of the plan. */
  get states(): Verdict['states'] {
    return this.#states
  }

  /** What an answer told of limits with this decision. Worked out by whoever asks. */
  get shown(): Shown | undefined {
    return this.#shown
  }

  set shown(shown: Shown) {
    this.#shown = shown
  }

  get violated(): readonly string[] {
    const violated: string[] = []
    if (this.allowed) return violated
    for (const [i, { window }] of this.#plan.rules.entries()) {
      if (!window.shadow && this.#states[i]?.admits === false) violated.push(window.name)
    }
    return violated
  }

  get retryAfterMs(): number | null {
    if (this.allowed) return 0
    if (this.source === 'failure') return null
    let longest = 0
    for (const [i, { window }] of this.#plan.rules.entries()) {
      const wait = waitOf(this.#states[i])
      if (window.shadow) continue
      if (wait === null) return null
      longest = Math.max(longest, wait)
    }
    return longest
  }

  get rules(): Readonly<Record<string, RuleState>> {
    if (this.#rules !== undefined) return this.#rules
    // Without a prototype: a rule may be called `constructor`.
    const rules: Record<string, RuleState> = { __proto__: null } as never
    for (const [i, { window }] of this.#plan.rules.entries()) {
      const { limit, shadow } = window
      rules[window.name] = Object.freeze({ limit, window: window.window, ...this.#reading(i), shadow })
    }
    this.#rules = Object.freeze(rules)
    return this.#rules
  }

  #reading(i: number): Pick<RuleState, 'remaining' | 'retryAfterMs' | 'resetMs'> {
    const state = this.#states[i]
    if (state !== undefined) {
      return { remaining: state.remaining, retryAfterMs: waitOf(state), resetMs: state.resetMs }
    }
    const rule = this.#plan.rules[i]
    const isFree = rule !== undefined && (rule.window.shadow || rule.onStoreFailure === 'allow')
    return isFree
      ? { remaining: rule.window.limit, retryAfterMs: 0, resetMs: 0 }
      : { remaining: 0, retryAfterMs: null, resetMs: 0 }
  }

  /** For logs, which do not look at what is worked out on demand. */
  toJSON(): Decision {
    const { allowed, source, violated, retryAfterMs, rules } = this
    return { allowed, source, violated, retryAfterMs, rules }
  }

  /**
   * Takes out what a refund gives back. Whoever asks first gets it, and nobody else: also when the refund then fails.
   *
   * @throws {TypeError} when it is no decision of this limiter.
   */
  static refundOf(decision: unknown, owner: object): Refund | undefined {
    if (typeof decision !== 'object' || decision === null || !(#owner in decision) || decision.#owner !== owner) {
      throw new TypeError('refund: give a decision that this limiter made: what await limiter.check(…) gave')
    }
    const windows = decision.#windows
    if (windows === undefined) return undefined
    decision.#windows = undefined
    const receipts: Receipt[] = []
    for (const state of decision.#states) if (state?.receipt !== undefined) receipts.push(state.receipt)
    return receipts.length === 0 ? undefined : { windows, receipts }
  }
}

/** A counter that admitted the cost says when it would do so again; the call itself does not wait. */
function waitOf(state: CounterState | undefined): number | null {
  if (state === undefined || state.admits) return 0
  return state.retryAfterMs
}
