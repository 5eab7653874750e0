import type { Guard, Verdict } from '../guard.ts'
import { isSecurityError, SecurityError } from '../security-error.ts'
import { checkVerdict } from './check-verdict.ts'
import type { Entry, GuardRecord } from './record.ts'

/** Whether a verdict is still to come. */
export function isPending<T>(verdict: Verdict<T> | Promise<Verdict<T>>): verdict is Promise<Verdict<T>> {
  return typeof (verdict as { then?: unknown } | null | undefined)?.then === 'function'
}

/**
 * Keeps a verdict as the innermost entry of the request. A guard of the same name that ran before is replaced, except by a refusal without
 * headers of its own: the answer to a refused request keeps what the outer guard had set.
 *
 * @throws {TypeError} when it is no verdict.
 */
export function keep<T>(record: GuardRecord, guard: Guard<string, T>, verdict: Verdict<T>): Entry {
  checkVerdict(guard.as, verdict)
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

/** The error of a verdict, or `undefined` when it passes. */
export function refusalOf(verdict: Verdict<unknown>, as: string): Error | undefined {
  return verdict.pass ? undefined : asError(verdict.error, as)
}

/**
 * What a framework may be handed as an error. Express takes `undefined` for "go on" and `'route'` for "skip", Fastify takes `undefined` for
 * "go on", Hono lets go of what is no `Error`: a guard that throws one of those must still stop the request.
 */
export function asError(thrown: unknown, as: string): Error {
  if (thrown instanceof Error) return thrown
  return ofAnotherRealm(thrown) ?? new Error(`the guard '${as}' threw something that is no Error`, { cause: thrown })
}

function ofAnotherRealm(thrown: unknown): SecurityError | undefined {
  if (!isSecurityError(thrown)) return undefined
  const { code, status, detail } = thrown
  try {
    return new SecurityError(code, 'an error of another realm', { status, detail, cause: thrown })
  } catch {
    return undefined
  }
}
