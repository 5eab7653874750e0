/** How the hits of a rule are kept: each for itself, or rounded up to the next of equal parts of the window. */
export type Algorithm = 'exact' | 'strict'

/** How long a next attempt must wait, growing with the units that count. */
export interface WindowBackoff {
  /** From this many units on there is a wait. */
  readonly after: number
  /** The first wait, in milliseconds. */
  readonly base: number
  /** What each further unit multiplies it by. */
  readonly factor: number
  /** The longest wait, in milliseconds. */
  readonly max: number
}

/** What a store must know of a rule. All numbers are whole, all times are milliseconds. */
export interface WindowRule {
  readonly name: string
  /** How many units any trailing window may hold. */
  readonly limit: number
  readonly window: number
  readonly algorithm: Algorithm
  /** Hits count as if they came at the next multiple of this. 1 for `exact`. */
  readonly quantum: number
  /** It is counted, and never refuses. */
  readonly shadow: boolean
  readonly backoff: WindowBackoff | undefined
}

/** One counter that a call asks for, and what the call costs there. */
export interface Demand {
  /** One of the rules that the store was opened with: the same object. */
  readonly rule: WindowRule
  /** Names the counter within its rule. Checked and bounded by the limiter. */
  readonly key: string
  /** A positive safe integer. */
  readonly cost: number
}

/** What was taken from one counter: what a refund gives back. */
export interface Receipt {
  readonly rule: WindowRule
  readonly key: string
  /** The time at which the hit is kept, in the counter's own time, in milliseconds. */
  readonly at: number
  readonly units: number
  /** Tells this life of the counter from those before and after a reset. Its meaning is the store's own. */
  readonly mark: number
}

/** One counter after a call. */
export interface CounterState {
  /** Whether this counter, asked alone, lets the cost pass. */
  readonly admits: boolean
  /** The units that would be admitted now, after the call; 0 while it is blocked or backs off. */
  readonly remaining: number
  /** 0 when the cost passes, else the first millisecond at which it does if nothing else is admitted; `null`: never. */
  readonly retryAfterMs: number | null
  /** In how many milliseconds `remaining` grows next; 0: it cannot grow. */
  readonly resetMs: number
  /** The counter's time at the call, in milliseconds. It never goes back. */
  readonly now: number
  /** What was taken; `undefined` where nothing was. */
  readonly receipt: Receipt | undefined
  /** This counter could not be reached, and others could: nothing else that stands here is known. It admits nothing and remains 0. */
  readonly failed?: true
}

/** The answer to a call, its counters in the order of the demands. */
export interface StoreAnswer {
  /** Every rule that is no shadow admits. For `take` that means: the units were taken. */
  readonly admitted: boolean
  readonly counters: readonly CounterState[]
  /** Set when no store was asked. */
  readonly source?: 'denyCache'
  /**
   * Why the counters that are marked as `failed` could not be reached. Only for a store in several places. Then `admitted` says nothing: each
   * counter speaks for itself. Where one that answered refuses, a `take` has taken nothing; else it has taken where there is a receipt.
   */
  readonly failure?: unknown
}

/**
 * The counters of one limiter. Methods answer at once where they can, or with a promise. They throw or reject when the storage cannot be reached;
 * then nobody knows whether the call was counted, and it may be at most once. What they throw is the `cause` of errors, which logs print: keys and
 * passwords do not belong into it.
 */
export interface OpenWindows {
  /**
   * Takes the cost of every demand, or nothing. Atomic over all of them, unless the store says otherwise. A refused call writes nothing. A shadow
   * rule that would refuse is left as it is and stops nobody.
   *
   * @param goesOn for a store that keeps counters in several places: whether the call may go on without these, which cannot be reached. Asked before
   * anything is taken. Without it, or when it says no, nothing is taken.
   */
  take(demands: readonly Demand[], goesOn?: (lost: readonly Demand[]) => boolean): StoreAnswer | Promise<StoreAnswer>
  /** Whether `take` would admit. Takes nothing and writes nothing, so `remaining` is what there is before it. */
  peek(demands: readonly Demand[]): StoreAnswer | Promise<StoreAnswer>
  /**
   * Counts every demand, also above the limit: a penalty. The states are those that a `take` of the same cost would find right after it. Of a
   * counter above its limit the newest `limit` units are kept: those that are dropped expire before them, so no later answer differs. A penalty
   * that drops units gets no receipt, and ends the refunds of what was taken before it, as a reset does: given back, a kept unit would make room
   * that a dropped one still holds. Atomic for each counter.
   */
  penalize(demands: readonly Demand[]): StoreAnswer | Promise<StoreAnswer>
  /** Gives back what receipts took, as far as it still counts. Without effect after a reset of the counter. Atomic for each counter. */
  refund(receipts: readonly Receipt[]): void | Promise<void>
  /** Forgets the units of a counter, not a block. Atomic. */
  reset(rule: WindowRule, key: string): void | Promise<void>
  /** Refuses everything that asks for this counter for so many milliseconds from now; 0 ends it. A later call replaces an earlier one. Throws if it cannot be stored. Atomic. */
  block(rule: WindowRule, key: string, forMs: number): void | Promise<void>
}

/** Where the hits of rules are kept. */
export interface WindowStore {
  /**
   * Prepares the counters of a limiter. Called once for each limiter, when it is made.
   *
   * @throws {TypeError | RangeError} when the store cannot keep these rules.
   */
  open(rules: readonly WindowRule[]): OpenWindows
}
