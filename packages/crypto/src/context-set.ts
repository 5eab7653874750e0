import { ContextTemplate, type Place, type ValueKind } from './context.ts'
import type { Engine } from './engines/engine.ts'

/** The contexts of one field for one kind of value: the present one first, then those that it formerly had. */
export class ContextSet {
  readonly present: ContextTemplate
  readonly #formerly: readonly ContextTemplate[]

  constructor(engine: Engine, kind: ValueKind, place: Place, formerly: readonly Place[]) {
    this.present = new ContextTemplate(engine, kind, place)
    this.#formerly = formerly.map((earlier) => new ContextTemplate(engine, kind, earlier))
  }

  /** Tries a context after the other until one opens the value; `former` says that it was an earlier one. */
  tryEach<T>(open: (context: ContextTemplate) => T | undefined): { value: T; former: boolean } | undefined {
    const value = open(this.present)
    if (value !== undefined) return { value, former: false }
    for (const context of this.#formerly) {
      const earlier = open(context)
      if (earlier !== undefined) return { value: earlier, former: true }
    }
    return undefined
  }
}
