import type { Guard, Verdict } from '../guard.ts'
import { isSecurityError, SecurityError } from '../security-error.ts'
import type { Entry, GuardRecord } from './record.ts'

/** Whether a verdict is still to come. */
export function isPending<T>(verdict: Verdict<T> | Promise<Verdict<T>>): verdict is Promise<Verdict<T>> {
  return typeof (verdict as { then?: unknown }).then === 'function'
}

/**
 * Keeps a verdict as the innermost entry of the request. A guard of the same name that ran before is replaced, except by a refusal without
 * headers of its own: the answer to a refused request keeps what the outer guard had set.
 */
export function keep<T>(record: GuardRecord, guard: Guard<string, T>, verdict: Verdict<T>): Entry {
  const passed = verdict.pass
  const entry: Entry = {
    guard: passed ? guard : undefined,
    as: guard.as,
    data: passed ? verdict.data : undefined,
    headers: verdict.headers,
    writing: passed ? verdict.writing : undefined,
    previous: record.last,
    replaced: false,
  }
  record.last = entry
  return entry
}

/** The entry that a new one replaces: the nearest of the same name. Marks it. */
export function replacedBy(entry: Entry): Entry | undefined {
  if (entry.guard === undefined && entry.headers === undefined) return undefined
  let outer = entry.previous
  while (outer !== undefined) {
    if (outer.as === entry.as && !outer.replaced) {
      outer.replaced = true
      return outer
    }
    outer = outer.previous
  }
  return undefined
}

/** The error of a verdict, or `undefined` when it passes. What has no `pass` is a refusal. */
export function refusalOf(verdict: Verdict<unknown>): Error | undefined {
  return verdict.pass ? undefined : asError(verdict.error)
}

/**
 * What a framework may be handed as an error. Express takes `undefined` for "go on" and `'route'` for "skip", Fastify takes `undefined` for
 * "go on", Hono lets go of what is no `Error`: a guard that throws one of those must still stop the request.
 */
export function asError(thrown: unknown): Error {
  if (thrown instanceof Error) return thrown
  if (isSecurityError(thrown)) {
    const { code, status, detail } = thrown
    return new SecurityError(code, 'an error of another realm', { status, detail, cause: thrown })
  }
  return new Error('a guard threw, or refused with, something that is no Error', { cause: thrown })
}
