import type { WindowRule } from '../../src/window-store.ts'

/** Units that a store said it took. */
export interface Admission {
  readonly time: number
  readonly units: number
  refunded: boolean
}

/** One counter: what was admitted, and penalties, which count and are no admissions. */
interface Counted {
  readonly admissions: Admission[]
  readonly penalties: Admission[]
}

/**
 * Judges a limiter by its answers alone. It writes every admission down at the time that the answer named, forgets none, and adds up every
 * trailing window by brute force. It knows no log, no rounding and no clock.
 */
export class Oracle {
  readonly #counters = new Map<WindowRule, Map<string, Counted>>()

  /**
   * Notes that units were admitted. The fullest trailing windows are those that end at an admission, so each is added up here, before any
   * later refund makes it emptier.
   *
   * @returns what to mark when it is given back.
   * @throws {Error} when the window that ends now holds more than the limit.
   */
  admitted(rule: WindowRule, key: string, time: number, units: number): Admission {
    const { admissions, penalties } = this.#counted(rule, key)
    const admission = { time, units, refunded: false }
    admissions.push(admission)
    const sum = sumAfter(admissions, time - rule.window)
    const penalty = sumAfter(penalties, time - rule.window)
    if (sum + penalty <= rule.limit) return admission
    throw new Error(`${sum} units and ${penalty} of penalties within ${rule.window} ms, the limit is ${rule.limit}`)
  }

  penalized(rule: WindowRule, key: string, time: number, units: number): Admission {
    const penalty = { time, units, refunded: false }
    this.#counted(rule, key).penalties.push(penalty)
    return penalty
  }

  reset(rule: WindowRule, key: string): void {
    this.#counters.get(rule)?.delete(key)
  }

  /**
   * Notes that a counter refused by its limit.
   *
   * @throws {Error} when even the hits within the window and the rounding leave room: when an exact limiter of `window + quantum - 1`
   * milliseconds with the same admissions would have let it pass.
   */
  refused(rule: WindowRule, key: string, time: number, cost: number): void {
    const { admissions, penalties } = this.#counted(rule, key)
    const after = time - rule.window - (rule.quantum - 1)
    const sum = sumAfter(admissions, after) + sumAfter(penalties, after)
    if (sum + cost <= rule.limit) throw new Error(`${cost} refused, and ${sum} of ${rule.limit} are all that may count`)
  }

  #counted(rule: WindowRule, key: string): Counted {
    let counters = this.#counters.get(rule)
    if (counters === undefined) this.#counters.set(rule, (counters = new Map<string, Counted>()))
    let counted = counters.get(key)
    if (counted === undefined) counters.set(key, (counted = { admissions: [], penalties: [] }))
    return counted
  }
}

/** Everything after a time that nobody gave back. */
function sumAfter(hits: readonly Admission[], after: number): number {
  let sum = 0
  for (const { time, units, refunded } of hits) if (time > after && !refunded) sum += units
  return sum
}
