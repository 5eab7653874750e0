import type { Build } from './build.ts'
import { nonceGap } from './build.ts'
import { fallbackOnly, isHash, sourceText } from './csp-source.ts'
import { refused } from './errors.ts'
import { elementsOf, refuseRepeats } from './options.ts'

const mostSources = 100

/** Checks the sources of a directive, one by one and together. */
export function sourcesText(value: unknown, path: string, directive: string, build: Build): string {
  const tokens = elementsOf(value, path, mostSources).map((source, index) =>
    sourceText(source, `${path}[${index}]`, directive, build),
  )
  if (tokens.length === 0) throw refused(path, `it is empty; to allow nothing say ["'none'"]`)
  refuseRepeats(tokens, path)
  const at = (token: string): string => `${path}[${tokens.indexOf(token)}]`
  const has = (token: string): boolean => tokens.includes(token)
  const trusted = tokens.some((token) => isHash(token) || token.includes(nonceGap))
  if (has("'none'") && tokens.length > 1) throw refused(at("'none'"), "'none' stands alone, or browsers ignore it")
  if (has("'strict-dynamic'") && !trusted) {
    throw refused(at("'strict-dynamic'"), "'strict-dynamic' without NONCE or a hash blocks every script")
  }
  if (has("'unsafe-inline'") && !has("'strict-dynamic'")) throw refused(at("'unsafe-inline'"), fallbackOnly)
  if (has("'unsafe-hashes'") && !tokens.some(isHash))
    throw refused(at("'unsafe-hashes'"), "'unsafe-hashes' needs a hash beside it")
  return tokens.join(' ')
}
