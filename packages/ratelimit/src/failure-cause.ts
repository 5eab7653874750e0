import type { Decision } from './decision.ts'

/** Apart from the decisions: all would carry the place for it, and hardly one ever needs it. */
const causes = new WeakMap<Decision, unknown>()

/** Remembers what the store failed with, where a call is refused for want of it. */
export function withCause<D extends Decision>(decision: D, cause: unknown): D {
  if (!decision.allowed && decision.source === 'failure') causes.set(decision, cause)
  return decision
}

/** For the options of an error: empty where nothing is known. */
export function causeOf(decision: Decision): { readonly cause?: unknown } {
  const cause = causes.get(decision)
  return cause === undefined ? {} : { cause }
}
