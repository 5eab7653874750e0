import type { Verdict } from './limiter-decision.ts'
import type { CompiledRule } from './rules.ts'
import { isStoreAnswer } from './store-answer.ts'
import type {
  CounterState,
  Demand,
  OpenWindows,
  Receipt,
  StoreAnswer,
  WindowRule,
  WindowStore,
} from './window-store.ts'

/** What a limiter may ask of a store. */
export type Question = 'take' | 'peek' | 'penalize'

/**
 * What this process admits by itself while the store cannot be reached: of each rule with a `localShare` so many units in any trailing window. Its
 * counters live on when the store comes back, so that a store that comes and goes gives nobody a new share.
 */
export class LocalShares {
  readonly windows: OpenWindows
  readonly #rules: ReadonlyMap<WindowRule, WindowRule>
  readonly #shares: ReadonlySet<WindowRule>

  /** @param store one of its own, in the memory of this process. */
  private constructor(shares: ReadonlyMap<WindowRule, WindowRule>, store: WindowStore) {
    this.#rules = shares
    this.#shares = new Set(shares.values())
    this.windows = store.open([...shares.values()])
  }

  /** `undefined` where no rule has a share. */
  static of<S>(rules: Iterable<CompiledRule<S>>, store: WindowStore): LocalShares | undefined {
    const shares = new Map<WindowRule, WindowRule>()
    for (const { window, onStoreFailure } of rules) {
      // A shadow rule refuses nobody, so there is nothing to share out.
      if (typeof onStoreFailure === 'string' || window.shadow) continue
      shares.set(window, Object.freeze({ ...window, limit: onStoreFailure.localShare }))
    }
    return shares.size === 0 ? undefined : new LocalShares(shares, store)
  }

  /** Asks for those of the demands that have a share, all of them or none. `undefined`: none has. */
  ask(question: Question, demands: readonly Demand[]): StoreAnswer | undefined {
    const shared: Demand[] = []
    for (const demand of demands) {
      const rule = this.#rules.get(demand.rule)
      if (rule !== undefined) shared.push({ ...demand, rule })
    }
    if (shared.length === 0) return undefined
    const answer: unknown = this.windows[question](shared)
    if (isStoreAnswer(answer, shared.length)) return answer
    forget(answer)
    throw new TypeError('local shares need a store that answers at once')
  }

  /** Whether a receipt is from here. */
  gave({ rule }: Receipt): boolean {
    return this.#shares.has(rule)
  }

  has(rule: WindowRule): boolean {
    return this.#rules.has(rule)
  }

  /** Does to the share of a rule what is done to the rule. What is refused here is refused silently: the store has the last word. */
  change(rule: WindowRule, work: (windows: OpenWindows, rule: WindowRule) => unknown): void {
    const share = this.#rules.get(rule)
    if (share === undefined) return
    try {
      forget(work(this.windows, share))
    } catch {
      // No place for a block. It is in the store, or the caller hears that it is not.
    }
  }
}

/** When a promise that nobody waits for rejects, that must not end the process. */
function forget(value: unknown): void {
  Promise.resolve(value).catch(() => undefined)
}

/** The rules that refuse when they cannot be counted. */
export function denyingRules<S>(rules: Iterable<CompiledRule<S>>): ReadonlySet<WindowRule> {
  const denying = new Set<WindowRule>()
  for (const { window, onStoreFailure } of rules) {
    if (!window.shadow && onStoreFailure === 'deny') denying.add(window)
  }
  return denying
}

/**
 * Decides about counters that could not be reached: refused if any of their rules denies then, else by the shares of this process, else allowed. Shadow
 * rules have no say.
 */
export function decideAlone(
  question: Question,
  demands: readonly Demand[],
  denying: ReadonlySet<WindowRule>,
  shares: LocalShares | undefined,
): Verdict {
  const denies = demands.some(({ rule }) => denying.has(rule))
  // A penalty counts wherever it can.
  if (shares === undefined || (denies && question !== 'penalize')) return withoutCounting(!denies)
  try {
    const answer = shares.ask(question, demands)
    if (answer === undefined) return withoutCounting(!denies)
    const states = aligned(demands, answer, shares)
    if (denies) return { allowed: false, source: 'failure', states, windows: shares.windows }
    return { allowed: answer.admitted, source: 'local', states, windows: shares.windows }
  } catch {
    // Nobody counts, so nobody can say that it is within the share.
    return withoutCounting(false)
  }
}

function withoutCounting(allowed: boolean): Verdict {
  return { allowed, source: 'failure', states: [], windows: undefined }
}

function aligned(demands: readonly Demand[], answer: StoreAnswer, shares: LocalShares): (CounterState | undefined)[] {
  let next = 0
  return demands.map(({ rule }) => (shares.has(rule) ? answer.counters[next++] : undefined))
}
