import { type Build, nonceGap } from './build.ts'
import { checkHost } from './csp-host.ts'
import { refused } from './errors.ts'
import { didYouMean } from './nearest.ts'
import { NONCE } from './nonce-marker.ts'
import { shown } from './quoted.ts'
import { hashDirectives, keywords, nonceDirectives } from './tables.ts'
import { tokenOf } from './token.ts'

/** The digests in base64 with their padding, to the last bit: another text can match nothing. */
const hash = /^'sha(256-[\w+/-]{42}[AEIMQUYcgkosw048]=|384-[\w+/-]{64}|512-[\w+/-]{85}[AQgw]==)'$/

/**
 * Checks one source of a directive.
 *
 * @returns it as it is sent; {@link NONCE} with a gap for the nonce.
 */
export function sourceText(source: unknown, path: string, directive: string, build: Build): string {
  if (source === NONCE) return placed(`'nonce-${nonceGap}'`, nonceDirectives, path, directive)
  const token = tokenOf(source, path)
  if (/^'?nonce-/i.test(token)) throw refused(path, 'a nonce in a policy never changes; give NONCE')
  if (/^'?sha\d+-/i.test(token)) {
    if (hash.test(token)) return placed(token, hashDirectives, path, directive)
    throw refused(path, "a hash is 'sha256-…' in quotes, with the whole digest in base64")
  }
  if (token.includes("'")) return keyword(token, path, directive, build)
  checkHost(token, path, directive, build)
  return token
}

function keyword(token: string, path: string, directive: string, build: Build): string {
  const places = keywords.get(token)
  if (places !== undefined) return placed(token, places, path, directive)
  if (/^'[^']+'$/.test(token) && build.allow.has(token.slice(1, -1))) return token
  throw refused(path, `${shown(token)} is no keyword${didYouMean(token, [...keywords.keys()])}`)
}

function placed(token: string, places: RegExp, path: string, directive: string): string {
  if (places.test(directive)) return token
  throw refused(path, `${token.replace(nonceGap, '…')} means nothing in ${directive}`)
}
