import type { Build } from './build.ts'
import { refuse } from './errors.ts'
import { hostParts } from './host-parts.ts'
import { checkKnown } from './nearest.ts'
import { checkWord, entriesOf, listOf } from './options.ts'
import { shown } from './quoted.ts'
import { features } from './tables.ts'
import { tokenOf } from './token.ts'

/** The value of `Permissions-Policy`: a dictionary of structured fields, RFC 9651, with inner lists of tokens and strings. */
export function permissionsPolicyText(value: unknown, path: string, build: Build): string {
  return entriesOf(value, path, (who, at, feature) => {
    checkFeatureName(feature, at, build.allow)
    const members = listOf(who, at, member)
    checkWord(members, at, '*')
    return `${feature}=${members[0] === '*' ? '*' : `(${members.join(' ')})`}`
  }).join(', ')
}

/** Refuses the name of a feature that nobody knows. */
export function checkFeatureName(feature: string, path: string, allow: ReadonlySet<string>): void {
  checkKnown(feature, path, features, 'no known feature', allow)
}

function member(value: unknown, path: string): string {
  const token = tokenOf(value, path)
  if (token === 'self' || token === '*') return token
  const [, scheme, host, port, folder] = hostParts(token)
  if (scheme === 'https:' && host !== '*' && port !== '*' && folder === undefined) return `"${token}"`
  return refuse(path, `${shown(token)} is neither self nor * nor https://pay.example; [] is for nobody`)
}
