import type { Demand, Receipt, StoreAnswer, WindowRule } from '../window-store.ts'
import { answerOf } from './answer.ts'
import type { Connection } from './connection.ts'
import type { Deadline } from './deadlines.ts'
import { type CountOperation, Demands } from './demands.ts'
import type { KeyNames } from './key-names.ts'
import { countScriptOf } from './count-script.ts'
import { blockScript, refundScript, resetScript } from './mend-scripts.ts'
import { Script } from './script.ts'

const scripts = {
  refund: new Script(refundScript),
  reset: new Script(resetScript),
  block: new Script(blockScript),
}

/** What a limiter can ask of one server: each of these is one script, on counters of one slot. */
export class Calls {
  readonly #connection: Connection
  readonly #names: KeyNames
  readonly #demands: Demands
  readonly #countScript: Script

  constructor(connection: Connection, names: KeyNames, rules: readonly WindowRule[]) {
    this.#connection = connection
    this.#names = names
    this.#demands = new Demands(rules, (rule, key) => this.nameOf(rule, key))
    this.#countScript = new Script(countScriptOf(rules))
  }

  /** Does the steps of one call within one deadline. */
  once<T>(steps: (deadline: Deadline) => Promise<T>): Promise<T> {
    return this.#connection.call(steps)
  }

  nameOf(rule: WindowRule, key: string): string {
    return this.#names.of(rule, key)
  }

  async count(operation: CountOperation, demands: readonly Demand[], deadline: Deadline): Promise<StoreAnswer> {
    const parameters = this.#demands.parametersOf(operation, demands)
    return answerOf(
      await this.#connection.run(this.#countScript, demands.length, parameters, deadline),
      operation,
      demands,
    )
  }

  async refund(receipts: readonly Receipt[], deadline: Deadline): Promise<void> {
    const keys = receipts.map(({ rule, key }) => this.nameOf(rule, key))
    const values = receipts.flatMap(({ at, units, mark }) => [String(at), String(units), String(mark)])
    await this.#connection.run(scripts.refund, keys.length, [...keys, ...values], deadline)
  }

  async reset(rule: WindowRule, key: string, deadline: Deadline): Promise<void> {
    await this.#connection.run(scripts.reset, 1, [this.nameOf(rule, key)], deadline)
  }

  async block(rule: WindowRule, key: string, forMs: number, deadline: Deadline): Promise<void> {
    const parameters = [this.nameOf(rule, key), String(rule.window), String(forMs)]
    await this.#connection.run(scripts.block, 1, parameters, deadline)
  }
}
