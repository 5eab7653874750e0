import { type Build, nonceGap } from './build.ts'
import { checkHost } from './csp-host.ts'
import { refuse } from './errors.ts'
import { checkKnown } from './nearest.ts'
import { NONCE } from './nonce-marker.ts'
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
  if (source === NONCE) {
    checkPlace('NONCE', nonceDirectives, path, directive)
    return `'nonce-${nonceGap}'`
  }
  const token = tokenOf(source, path)
  const places = hash.test(token) ? hashDirectives : keywords.get(token)
  if (places) checkPlace(token, places, path, directive)
  else if (/^['{]*nonce([-'}]|$)/i.test(token)) refuse(path, 'give NONCE, imported and without quotes')
  else if (/^'?sha\d+-/i.test(token)) refuse(path, "is no 'sha256-…' in quotes with the whole digest in base64")
  else if (!token.includes("'")) checkHost(token, path, directive, build.allow)
  else checkKnown(/^'([^']+)'$/.exec(token)?.[1] ?? token, path, [...keywords.keys()], 'no keyword', build.allow)
  return token
}

function checkPlace(token: string, places: RegExp, path: string, directive: string): void {
  if (!places.test(directive)) refuse(path, `${token} means nothing in ${directive}`)
}
