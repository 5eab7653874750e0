import { isHeaderPair } from '../foreign-error.ts'
import type { HeaderPair, Verdict } from '../guard.ts'
import { isSecurityError } from '../security-error.ts'

/**
 * Checks what a guard answered before anything is made of it: nothing but `true` passes and nothing but `false` refuses, so that a forgotten
 * `await` or a text such as `'no'` lets nobody in.
 *
 * @throws {TypeError} that names the guard.
 */
export function checkVerdict(as: string, verdict: Verdict<unknown> | null | undefined): void {
  const pass: unknown = verdict?.pass
  if (pass !== true && (pass !== false || !isAnyError((verdict as { error?: unknown }).error))) {
    throw new TypeError(`the guard '${as}' must answer { pass: true, data } or { pass: false, error }`)
  }
  const headers: unknown = verdict?.headers
  if (headers !== undefined && !arePairs(headers)) {
    throw new TypeError(
      `the guard '${as}' must answer { pass: true, data } or { pass: false, error }, its headers as [['X-Name', 'value']]`,
    )
  }
}

/**
 * Checks headers that nobody sets before the handler has run.
 *
 * @throws {TypeError} that names the guard.
 */
export function checkPairs(as: string, headers: readonly HeaderPair[]): void {
  const none = headers.find((pair) => !isHeaderPair(pair))
  if (none !== undefined)
    throw new TypeError(`the guard '${as}' answered with a header that is none: ${quoted(none[0])}`)
}

function quoted(name: string): string {
  return JSON.stringify(name.slice(0, 60))
}

function isAnyError(value: unknown): boolean {
  return value instanceof Error || isSecurityError(value)
}

function arePairs(headers: unknown): boolean {
  if (!Array.isArray(headers)) return false
  // Not every(), which calls a function for each and does not see what is missing.
  for (const pair of headers as unknown[]) if (!isPair(pair)) return false
  return true
}

/** As far as types go; what a name and a value may hold is checked where they are set. */
function isPair(pair: unknown): boolean {
  return Array.isArray(pair) && pair.length === 2 && typeof pair[0] === 'string' && typeof pair[1] === 'string'
}
