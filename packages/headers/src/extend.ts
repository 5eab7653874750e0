import { checkDirectiveName } from './csp.ts'
import { policyOptions } from './header-table.ts'
import { hstsOptions } from './hsts.ts'
import { allowedNames } from './names.ts'
import { checkOptions, recordOf } from './options.ts'
import { checkFeatureName } from './permissions-policy.ts'
import type { HeaderPolicy } from './policy.ts'
import { shown } from './quoted.ts'
import { snapshotOf } from './snapshot.ts'

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

type Entries = Readonly<Record<string, unknown>>

/** Checks a name among the entries of an option, where there is a table of them. */
type CheckName = (name: string, path: string, allow: ReadonlySet<string>) => void

const merged: ReadonlyMap<string, CheckName> = new Map<string, CheckName>([
  ['csp', checkDirectiveName],
  ['cspReportOnly', checkDirectiveName],
  ['permissionsPolicy', checkFeatureName],
  ['reportingEndpoints', () => undefined],
  ['hsts', (name, path) => checkOptions({ [name]: true }, path, hstsOptions)],
])

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
  const before = entriesOf(policy)
  const change = entriesOf(changes)
  const allow = allowOf(before, change)
  const result = new Map(Object.entries(before))
  for (const [option, value] of Object.entries(change)) {
    const check = merged.get(option)
    const next = check === undefined || !value ? value : mergedEntries(before[option], value, option, check, allow)
    apply(result, option, next, option !== 'originAgentCluster')
  }
  if (allow.size > 0) result.set('allow', [...allow])
  return Object.fromEntries(result)
}

function entriesOf(policy: unknown): Entries {
  const entries = snapshotOf(policy) as Entries
  checkOptions(entries, 'policy', policyOptions)
  return entries
}

/** Both lists, unless the change takes the first away. */
function allowOf(before: Entries, change: Entries): ReadonlySet<string> {
  if (change['allow'] === false) return new Set()
  return new Set([...allowedNames(before['allow']), ...allowedNames(change['allow'])])
}

function mergedEntries(
  before: unknown,
  change: unknown,
  option: string,
  check: CheckName,
  allow: ReadonlySet<string>,
): unknown {
  const result = new Map(Object.entries(recordOf(before ?? {}, option)))
  for (const [name, value] of Object.entries(recordOf(change, option))) {
    if (!result.has(name)) check(name, `${option}.${shown(name)}`, allow)
    apply(result, name, value, true)
  }
  return result.size === 0 ? false : Object.fromEntries(result)
}

function apply(result: Map<string, unknown>, name: string, value: unknown, falseRemoves: boolean): void {
  if (value === undefined) return
  if (value === false && falseRemoves) result.delete(name)
  else result.set(name, value)
}
