import type { Build } from './build.ts'
import { directives, flags, target, unknownText } from './csp-values.ts'
import { warnOfSources } from './csp-warnings.ts'
import { refuse } from './errors.ts'
import { checkKnown } from './nearest.ts'
import { entriesOf } from './options.ts'

/** The value of a policy's header, with gaps for the nonce. */
export function cspText(policy: unknown, path: string, build: Build): string {
  return entriesOf(policy, path, (value, at, name) => {
    checkDirectiveName(name, at, build.allow)
    const write = directives.get(name)
    if (value === true && (!write || flags.test(name))) return name
    const text = (write ?? unknownText)(value, at, name, build)
    warnOfSources(text, at, name, build)
    return `${name} ${text}`
  }).join('; ')
}

const former =
  /^(plugin-types|block-all-mixed-content|referrer|disown-opener|reflected-xss|navigate-to|prefetch-src|require-sri-for)$/

/** Refuses the name of a directive that nobody knows or follows. */
export function checkDirectiveName(name: string, path: string, allow: ReadonlySet<string>): void {
  if (former.test(name)) refuse(path, 'is no longer followed; leave it out')
  checkKnown(name, path, [...directives.keys()], 'no known directive', allow)
}

/** The same for a policy that only reports: without a report it does nothing at all. */
export function reportOnlyText(policy: unknown, path: string, build: Build): string {
  const text = cspText(policy, path, build)
  const names = Object.keys(policy as object)
  for (const name of names)
    if (flags.test(name)) refuse(`${path}.${name}`, 'is ignored where policies only report; leave it out')
  if (!names.some((name) => target.test(name))) refuse(path, 'needs reports, report-uri or report-to')
  return text
}
