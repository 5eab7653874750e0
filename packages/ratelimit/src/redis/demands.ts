import type { Demand, WindowRule } from '../window-store.ts'

/** What a script does with counters. */
export type CountOperation = 'take' | 'peek' | 'penalize'

/** What of a rule goes with each call, written once: limit, window, quantum, and what few rules have. */
type WrittenRule = readonly [limit: string, window: string, quantum: string, extra: string]

/** Writes demands as the count script reads them. */
export class Demands {
  readonly #rules = new Map<WindowRule, WrittenRule>()
  readonly #nameOf: (rule: string, key: string) => string

  constructor(rules: readonly WindowRule[], nameOf: (rule: string, key: string) => string) {
    for (const rule of rules) this.#rules.set(rule, written(rule))
    this.#nameOf = nameOf
  }

  /** The keys, then the operation, then five values for each. */
  parametersOf(operation: CountOperation, demands: readonly Demand[]): string[] {
    const parameters: string[] = []
    for (const { rule, key } of demands) parameters.push(this.#nameOf(rule.name, key))
    parameters.push(operation)
    for (const { rule, cost } of demands) {
      const [limit, window, quantum, extra] = this.#writtenOf(rule)
      parameters.push(limit, window, quantum, String(cost), extra)
    }
    return parameters
  }

  #writtenOf(rule: WindowRule): WrittenRule {
    const found = this.#rules.get(rule)
    if (found === undefined)
      throw new TypeError(`redisStore: the rule '${rule.name}' is none of those that were opened`)
    return found
  }
}

function written({ limit, window, quantum, shadow, backoff }: WindowRule): WrittenRule {
  const extra = shadow ? ['s'] : []
  if (backoff !== undefined) extra.push(`${backoff.after} ${backoff.base} ${backoff.factor} ${backoff.max}`)
  return [String(limit), String(window), String(quantum), extra.join(' ')]
}
