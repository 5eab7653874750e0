import { type Build, nonceGap } from './build.ts'
import { sourceText } from './csp-source.ts'
import { checkWord, listOf } from './options.ts'

const strictDynamic = "'strict-dynamic'"

/** Checks the sources of a directive, one by one and together. */
export function sourcesText(value: unknown, path: string, directive: string, build: Build): string {
  const tokens = listOf(
    value,
    path,
    (source, at) => sourceText(source, at, directive, build),
    `is empty; for nothing say ["'none'"]`,
  )
  const hashed = tokens.some((token) => /^'sha(256|384|512)-/.test(token))
  const trusted = hashed || tokens.some((token) => token.includes(nonceGap))
  checkWord(tokens, path, "'none'")
  checkWord(tokens, path, strictDynamic, trusted, 'needs NONCE or a hash beside it')
  checkWord(tokens, path, "'unsafe-hashes'", hashed, 'needs a hash beside it')
  checkWord(
    tokens,
    path,
    "'unsafe-inline'",
    tokens.includes(strictDynamic),
    `is a fallback beside ${strictDynamic} only; give ${directive.endsWith('attr') ? "'unsafe-hashes' and" : 'NONCE or'} a hash`,
  )
  return tokens.join(' ')
}
