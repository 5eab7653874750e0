import type { Build } from './build.ts'
import { nonceGap } from './build.ts'
import { checkHost } from './csp-host.ts'
import { refused } from './errors.ts'
import { didYouMean, nearest } from './nearest.ts'
import { NONCE } from './nonce-marker.ts'
import { shown } from './quoted.ts'
import { hashDirectives, keywords, nonceDirectives } from './tables.ts'
import { tokenOf } from './token.ts'

/** The digests in base64 with their padding, to the last bit: another text can match nothing. */
const hash = /^'sha(?:256-[\w+/-]{42}[AEIMQUYcgkosw048]=|384-[\w+/-]{64}|512-[\w+/-]{85}[AQgw]==)'$/

const quotedKeywords = [...keywords.keys()].map((name) => `'${name}'`)

export function isHash(token: string): boolean {
  return token.startsWith("'sha")
}

/**
 * Checks one source of a directive.
 *
 * @returns it as it is sent; {@link NONCE} with a gap for the nonce.
 */
export function sourceText(source: unknown, path: string, directive: string, build: Build): string {
  if (source === NONCE) return nonceIn(directive, path)
  if (typeof source !== 'string') throw new TypeError(`${path}: give a string or NONCE`)
  const token = tokenOf(source, path)
  if (/^'?nonce-/i.test(token))
    throw refused(path, 'a nonce that stands in the policy is the same on each answer; give NONCE')
  if (/^'?sha\d+-/i.test(token)) checkHash(token, path, directive)
  else if (token.includes("'")) checkKeyword(token, path, directive, build)
  else checkUnquoted(token, path, directive, build)
  return token
}

function nonceIn(directive: string, path: string): string {
  if (!nonceDirectives.includes(directive)) throw refused(path, `a nonce means nothing in ${directive}`)
  return `'nonce-${nonceGap}'`
}

function checkHash(token: string, path: string, directive: string): void {
  if (!hash.test(token)) {
    throw refused(path, `'${shown(token)}' is no hash; write 'sha256-…' in its quotes, with the whole digest in base64`)
  }
  if (!hashDirectives.includes(directive)) throw refused(path, `a hash means nothing in ${directive}`)
}

function checkKeyword(token: string, path: string, directive: string, build: Build): void {
  const name = /^'([^']+)'$/.exec(token)?.[1]
  if (name === undefined) throw refused(path, `${shown(token)} has a stray quote; in a path write %27`)
  if (build.allow.has(name)) return
  const places = keywords.get(name)
  if (places === undefined) throw refused(path, `${shown(token)} is no keyword${didYouMean(token, quotedKeywords)}`)
  if (places.includes(directive)) return
  if (name === 'unsafe-inline') throw refused(path, fallbackOnly)
  throw refused(path, `${token} means nothing in ${directive}`)
}

export const fallbackOnly =
  "'unsafe-inline' lets injected text act; it is taken as a fallback only, in script-src or script-src-elem beside 'strict-dynamic' and NONCE or a hash"

function checkUnquoted(token: string, path: string, directive: string, build: Build): void {
  // `self` and `data` are host names to a browser, and so is a slip.
  const meant = /^[\w-]+$/.test(token) ? nearest(token, [...keywords.keys()]) : undefined
  if (meant !== undefined) throw refused(path, `a keyword needs its quotes: "'${meant}'"`)
  checkHost(token, path, directive, build)
}
