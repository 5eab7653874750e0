import type { Demand, WindowRule } from '../window-store.ts'

/** What the count script does with counters. */
export type CountOperation = 'take' | 'peek' | 'penalize'

/** Writes demands as the count script reads them. */
export class Demands {
  readonly #places = new Map<WindowRule, string>()
  readonly #nameOf: (rule: WindowRule, key: string) => string

  /** @param rules those that the script was made of, in their order. */
  constructor(rules: readonly WindowRule[], nameOf: (rule: WindowRule, key: string) => string) {
    for (const [place, rule] of rules.entries()) this.#places.set(rule, String(place))
    this.#nameOf = nameOf
  }

  /** The keys, then the operation, then place and cost for each. */
  parametersOf(operation: CountOperation, demands: readonly Demand[]): string[] {
    const parameters: string[] = []
    for (const { rule, key } of demands) parameters.push(this.#nameOf(rule, key))
    parameters.push(operation)
    for (const { rule, cost } of demands) parameters.push(this.#placeOf(rule), String(cost))
    return parameters
  }

  #placeOf(rule: WindowRule): string {
    const place = this.#places.get(rule)
    if (place === undefined)
      throw new TypeError(`redisStore: the rule '${rule.name}' is none of those that were opened`)
    return place
  }
}
