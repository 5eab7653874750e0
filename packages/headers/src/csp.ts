import type { Build } from './build.ts'
import { directives, unknownText } from './csp-values.ts'
import { warnOfPolicy } from './csp-warnings.ts'
import { refused } from './errors.ts'
import { didYouMean } from './nearest.ts'
import { entriesOf } from './options.ts'
import { shown } from './quoted.ts'
import { formerDirectives } from './tables.ts'

const mostDirectives = 64

/** The value of a policy's header, with gaps for the nonce. */
export function cspText(policy: unknown, path: string, build: Build): string {
  const written = entriesOf(policy, path, mostDirectives).map(([name, value]) => {
    const at = `${path}.${shown(name)}`
    checkDirectiveName(name, at, build.allow)
    return [name, (directives.get(name) ?? unknownText)(value, at, name, build)] as const
  })
  warnOfPolicy(new Map(written), path, build)
  return written.map(([name, text]) => (text === '' ? name : `${name} ${text}`)).join('; ')
}

/** Refuses the name of a directive that nobody knows or follows. */
export function checkDirectiveName(name: string, path: string, allow: ReadonlySet<string>): void {
  if (directives.has(name) || allow.has(name)) return
  const former = formerDirectives.get(name)
  if (former !== undefined) throw refused(path, former)
  throw refused(
    path,
    `it is no directive that is known here${didYouMean(name, [...directives.keys()])}; one that is meant stands in the option 'allow'`,
  )
}

const enforcedOnly = ['sandbox', 'upgrade-insecure-requests']

/** The same for a policy that only reports: without a report it does nothing at all. */
export function reportOnlyText(policy: unknown, path: string, build: Build): string {
  const names = entriesOf(policy, path, mostDirectives).map(([name]) => name)
  const misplaced = names.find((name) => enforcedOnly.includes(name))
  if (misplaced !== undefined) throw refused(`${path}.${misplaced}`, 'browsers ignore it in a policy that only reports')
  if (!names.some((name) => name === 'report-uri' || name === 'report-to')) {
    throw refused(path, "it has nowhere to report to; give the option 'reports', or report-uri or report-to")
  }
  return cspText(policy, path, build)
}
