import type { Demand, WindowRule } from '../window-store.ts'
import { operations, placeOf } from './count-script.ts'

/** What the count script does with counters. */
export type CountOperation = keyof typeof operations

/** Writes demands as the count script reads them. */
export class Demands {
  readonly #places = new Map<WindowRule, string>()
  readonly #nameOf: (rule: WindowRule, key: string) => string

  /** @param rules those that the script was made of, in their order. */
  constructor(rules: readonly WindowRule[], nameOf: (rule: WindowRule, key: string) => string) {
    for (const [place, rule] of rules.entries()) this.#places.set(rule, placeOf(place))
    this.#nameOf = nameOf
  }

  /** The keys, then what to do by which rules, then the costs: one, if it is that of all. */
  parametersOf(operation: CountOperation, demands: readonly Demand[]): string[] {
    const parameters: string[] = []
    const first = demands[0]?.cost
    let asked: string = operations[operation]
    let isSame = true
    for (const { rule, key, cost } of demands) {
      parameters.push(this.#nameOf(rule, key))
      asked += this.#placeOf(rule)
      isSame &&= cost === first
    }
    parameters.push(asked)
    if (isSame) parameters.push(String(first))
    else for (const { cost } of demands) parameters.push(String(cost))
    return parameters
  }

  #placeOf(rule: WindowRule): string {
    const place = this.#places.get(rule)
    if (place === undefined)
      throw new TypeError(`redisStore: the rule '${rule.name}' is none of those that were opened`)
    return place
  }
}
