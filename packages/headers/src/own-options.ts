import { checkOptions } from '@mosaajii/core'
import { snapshotOf } from './snapshot.ts'

/**
 * A copy of an options object that has what the object itself has: nothing that it inherits, which may come from anywhere.
 *
 * @throws {TypeError} when it is no plain object or has an unknown option.
 */
export function optionsOf<T>(options: T, who: string, known: readonly string[]): T {
  const own = snapshotOf(options)
  checkOptions(own, who, known)
  return own as T
}

/** What an object itself has, where parts of it (a sink, a clock) cannot be copied. */
export function ownOf<T extends object>(value: T): T {
  return { __proto__: null, ...value }
}
