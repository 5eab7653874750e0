import type { Build } from './build.ts'
import { refused } from './errors.ts'
import { didYouMean } from './nearest.ts'
import { elementsOf, entriesOf, refuseRepeats } from './options.ts'
import { shown } from './quoted.ts'
import { features, formerFeatures } from './tables.ts'
import { tokenOf } from './token.ts'

const mostFeatures = 150
const mostOrigins = 50
const origin =
  /^(?:https:\/\/(?:\*\.)?[a-z0-9-]+(?:\.[a-z0-9-]+)*|http:\/\/(?:localhost|127\.0\.0\.1))(?::[1-9]\d{0,4})?$/

/** The value of `Permissions-Policy`: a dictionary of structured fields, RFC 9651, with inner lists of tokens and strings. */
export function permissionsPolicyText(value: unknown, path: string, build: Build): string {
  return entriesOf(value, path, mostFeatures)
    .map(([feature, who]) => {
      const at = `${path}.${shown(feature)}`
      checkFeatureName(feature, at, build.allow)
      return `${feature}=${allowlist(who, at)}`
    })
    .join(', ')
}

/** Refuses the name of a feature that nobody knows. */
export function checkFeatureName(feature: string, path: string, allow: ReadonlySet<string>): void {
  if (features.includes(feature) || allow.has(feature)) return
  if (formerFeatures.includes(feature)) throw refused(path, 'browsers no longer know it; leave it out')
  throw refused(
    path,
    `it is no feature that is known here${didYouMean(feature, features)}; one that is meant stands in the option 'allow'`,
  )
}

function allowlist(value: unknown, path: string): string {
  const tokens = elementsOf(value, path, mostOrigins).map((one, index) => member(one, `${path}[${index}]`))
  refuseRepeats(tokens, path)
  if (!tokens.includes('*')) return `(${tokens.join(' ')})`
  if (tokens.length > 1) throw refused(`${path}[${tokens.indexOf('*')}]`, "'*' stands alone")
  return '*'
}

function member(value: unknown, path: string): string {
  const token = tokenOf(value, path)
  if (token === 'self' || token === '*') return token
  if (/^["']?self["']?$/i.test(token)) throw refused(path, "write 'self', without further quotes")
  if (/^["']?none["']?$/i.test(token)) throw refused(path, 'to allow nobody give an empty array')
  if (origin.test(token)) return `"${token}"`
  throw refused(
    path,
    `'${shown(token)}' is none of 'self', '*' and an origin such as 'https://pay.example', without a path`,
  )
}
