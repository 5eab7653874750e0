import { type Build, nonceGap } from './build.ts'
import { sourceText } from './csp-source.ts'
import { refused } from './errors.ts'
import { listOf } from './options.ts'

const strictDynamic = "'strict-dynamic'"

/** Checks the sources of a directive, one by one and together. */
export function sourcesText(value: unknown, path: string, directive: string, build: Build): string {
  const tokens = listOf(value, path, (source, at) => sourceText(source, at, directive, build))
  const hashed = tokens.some((token) => token.startsWith("'sha"))
  const trusted = hashed || tokens.some((token) => token.includes(nonceGap))
  const refuse = (token: string, unless: boolean, why: string): void => {
    const index = tokens.indexOf(token)
    if (index >= 0 && !unless) throw refused(`${path}[${index}]`, `${token} ${why}`)
  }
  if (tokens.length === 0) throw refused(path, `is empty; for nothing say ["'none'"]`)
  refuse("'none'", tokens.length === 1, standsAlone)
  refuse(strictDynamic, trusted, 'needs NONCE or a hash beside it')
  refuse("'unsafe-hashes'", hashed, 'needs a hash beside it')
  refuse(
    "'unsafe-inline'",
    tokens.includes(strictDynamic),
    `is a fallback beside ${strictDynamic} only; give NONCE or a hash`,
  )
  return tokens.join(' ')
}

/** Why nothing stands beside `'none'` or `*`. */
export const standsAlone = 'stands alone'
