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

  /** Tries the earlier contexts one after the other until one opens the value. */
  openFormer(open: (context: ContextTemplate) => Uint8Array | undefined): Uint8Array | undefined {
    for (const context of this.#formerly) {
      const value = open(context)
      if (value) return value
    }
    return undefined
  }
}
