import type { Build } from './build.ts'
import { directives, unknownText } from './csp-values.ts'
import { warnOfSources } from './csp-warnings.ts'
import { refused } from './errors.ts'
import { orAllow } from './names.ts'
import { didYouMean } from './nearest.ts'
import { entriesOf } from './options.ts'

/** The value of a policy's header, with gaps for the nonce. */
export function cspText(policy: unknown, path: string, build: Build): string {
  return entriesOf(policy, path, (name, value, at) => {
    checkDirectiveName(name, at, build.allow)
    const text = (directives.get(name) ?? unknownText)(value, at, name, build)
    warnOfSources(name, text, at, build)
    return text === '' ? name : `${name} ${text}`
  }).join('; ')
}

const former =
  /^(plugin-types|block-all-mixed-content|referrer|disown-opener|reflected-xss|navigate-to|prefetch-src|require-sri-for)$/

/** Refuses the name of a directive that nobody knows or follows. */
export function checkDirectiveName(name: string, path: string, allow: ReadonlySet<string>): void {
  if (former.test(name)) throw refused(path, 'browsers no longer follow it; leave it out')
  if (directives.has(name) || allow.has(name)) return
  throw refused(path, `is no known directive${didYouMean(name, [...directives.keys()])}${orAllow}`)
}

/** The same for a policy that only reports: without a report it does nothing at all. */
export function reportOnlyText(policy: unknown, path: string, build: Build): string {
  const text = cspText(policy, path, build)
  const [, misplaced] = /(?:^|; )(sandbox|upgrade-insecure-requests)(?: |;|$)/.exec(text) ?? []
  if (misplaced !== undefined) throw refused(`${path}.${misplaced}`, 'browsers ignore it where policies only report')
  if (!/(^|; )report-(uri|to) /.test(text))
    throw refused(path, "reports nowhere; give 'reports', report-uri or report-to")
  return text
}
