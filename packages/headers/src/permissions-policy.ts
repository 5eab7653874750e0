import type { Build } from './build.ts'
import { standsAlone } from './csp-sources.ts'
import { refused } from './errors.ts'
import { hostParts } from './host-parts.ts'
import { orAllow } from './names.ts'
import { didYouMean } from './nearest.ts'
import { entriesOf, listOf } from './options.ts'
import { shown } from './quoted.ts'
import { features } from './tables.ts'
import { tokenOf } from './token.ts'

/** The value of `Permissions-Policy`: a dictionary of structured fields, RFC 9651, with inner lists of tokens and strings. */
export function permissionsPolicyText(value: unknown, path: string, build: Build): string {
  return entriesOf(value, path, (feature, who, at) => {
    checkFeatureName(feature, at, build.allow)
    return `${feature}=${allowlist(who, at)}`
  }).join(', ')
}

/** Refuses the name of a feature that nobody knows. */
export function checkFeatureName(feature: string, path: string, allow: ReadonlySet<string>): void {
  if (features.includes(feature) || allow.has(feature)) return
  throw refused(path, `is no known feature${didYouMean(feature, features)}${orAllow}`)
}

function allowlist(value: unknown, path: string): string {
  const tokens = listOf(value, path, member)
  const all = tokens.indexOf('*')
  if (all < 0) return `(${tokens.join(' ')})`
  if (tokens.length > 1) throw refused(`${path}[${all}]`, `* ${standsAlone}`)
  return '*'
}

function member(value: unknown, path: string): string {
  const token = tokenOf(value, path)
  if (token === 'self' || token === '*') return token
  const [, scheme, host, port, folder] = hostParts(token)
  if (scheme === 'https:' && host !== '*' && port !== '*' && folder === undefined) return `"${token}"`
  throw refused(path, `'${shown(token)}' is neither self nor * nor 'https://pay.example'; for nobody give []`)
}
