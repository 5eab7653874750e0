import { mostEntries } from './options.ts'

/** A policy, an option of it, a list in that. */
const deepest = 2

/** Stands for what cannot be copied faithfully: null, what is no plain object (what it inherits would be overlooked), what is nested deeper. */
const unusable = Symbol('unusable')

/**
 * Copies a policy, reading each property once: what is checked is what is sent, whatever happens to the original later and whatever a getter
 * would say the second time. In the place of what is unusable stands a symbol, which each check refuses.
 */
export function snapshotOf(value: unknown, depth = 0): unknown {
  if (typeof value !== 'object') return value
  if (value === null || depth > deepest) return unusable
  if (Array.isArray(value)) {
    // One more than there may be is enough to refuse it.
    const length = Math.min(value.length, mostEntries + 1)
    return Array.from({ length }, (_, index) => snapshotOf(value[index], depth + 1))
  }
  if (!isPlain(value)) return unusable
  // Without a prototype: no name in it comes from elsewhere.
  return {
    __proto__: null,
    ...Object.fromEntries(Object.entries(value).map(([name, one]) => [name, snapshotOf(one, depth + 1)])),
  }
}

/** Whether it has a property that the copy would lack: an inherited one, a hidden one, a symbol. `Object.prototype` may be another realm's. */
function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  return (
    (!prototype || Object.hasOwn(prototype, 'isPrototypeOf')) &&
    Reflect.ownKeys(value).length === Object.keys(value).length
  )
}
