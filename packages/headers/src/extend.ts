import { checkOptions } from '@mosaajii/core'
import { checkDirectiveName } from './csp.ts'
import { hstsOptions } from './hsts.ts'
import { allowedNames } from './names.ts'
import { recordOf } from './options.ts'
import { checkFeatureName } from './permissions-policy.ts'
import type { HeaderPolicy } from './policy.ts'
import { policyOf } from './policy-of.ts'
import { shown } from './quoted.ts'

type MergedOption = 'csp' | 'cspReportOnly' | 'permissionsPolicy' | 'reportingEndpoints' | 'hsts'

type Changes<T> = { readonly [Name in keyof T]?: T[Name] | false | undefined }

/**
 * Changes of a policy: a value replaces, `false` removes, `undefined` leaves. The directives of `csp` and `cspReportOnly`, features, endpoints and
 * the parts of `hsts` are changed one by one. `originAgentCluster: false` is a value.
 */
export type PolicyChanges = {
  readonly [Option in keyof HeaderPolicy]?: Option extends MergedOption
    ? Changes<NonNullable<HeaderPolicy[Option]>> | false | undefined
    : HeaderPolicy[Option] | false | undefined
}

/** Checks a name among the entries of an option, where there is a table of them. */
type CheckName = (name: string, path: string, allow: ReadonlySet<string>) => void

/** The options whose entries are changed one by one. */
const merged: Readonly<Partial<Record<string, CheckName>>> = {
  csp: checkDirectiveName,
  cspReportOnly: checkDirectiveName,
  permissionsPolicy: checkFeatureName,
  reportingEndpoints: () => undefined,
  hsts: (name, path) => checkOptions({ [name]: true }, path, hstsOptions),
}

/**
 * Makes a policy from another one. A changed directive is replaced as a whole, in its place; a new one comes last.
 *
 * @param policy a preset or a policy of your own. It is not changed.
 * @param changes what differs: a value replaces, `false` removes, `undefined` leaves.
 * @returns a plain policy: compile it, or extend it further.
 * @throws {HeadersError} `POLICY_REFUSED` when a directive or feature is unknown. Values are checked by `compileHeaders()`.
 * @throws {TypeError} when an option is unknown.
 * @example
 * const shop = extendPolicy(presets.strict, { csp: { 'img-src': ["'self'", 'https://cdn.example'] }, crossOriginOpenerPolicy: 'same-origin-allow-popups' })
 */
export function extendPolicy(policy: HeaderPolicy, changes: PolicyChanges): HeaderPolicy {
  const before = policyOf(policy)
  const change = policyOf(changes)
  // Both lists, unless the change takes the first away.
  const kept = change['allow'] === false ? [] : [...allowedNames(before['allow']), ...allowedNames(change['allow'])]
  const allow = new Set(kept)
  return apply({ ...change, allow: allow.size > 0 && [...allow] }, before, 'policy', (option, value, present) => {
    const check = merged[option]
    if (!check || !value) return value
    const entries = apply(value, present ?? {}, option, (name, one, known) => {
      if (known === undefined) check(name, `${option}.${shown(name)}`, allow)
      return one
    })
    return Object.keys(entries).length > 0 && entries
  })
}

/** Applies the entries of a change: `false` removes, except where it is a value, and `undefined` leaves. */
function apply(
  change: unknown,
  before: unknown,
  path: string,
  next: (name: string, value: unknown, present: unknown) => unknown,
): object {
  // A map, because an object would take __proto__ for its prototype.
  const result = new Map<string, unknown>(Object.entries(recordOf(before, path)))
  for (const [name, one] of Object.entries(recordOf(change, path))) {
    const value = next(name, one, result.get(name))
    if (value === false && name !== 'originAgentCluster') result.delete(name)
    else if (value !== undefined) result.set(name, value)
  }
  return Object.fromEntries(result)
}
