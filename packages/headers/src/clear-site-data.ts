import type { HeaderPair } from '@mosaajii/core'
import { mistyped } from './errors.ts'
import { listOf } from './options.ts'
import { optionsOf } from './own-options.ts'

const directives = [
  'cache',
  'clientHints',
  'cookies',
  'executionContexts',
  'prefetchCache',
  'prerenderCache',
  'storage',
  '*',
] as const

/** What Clear-Site-Data can clear. `cookies` and `*` reach the whole registrable domain, and so sign out sibling subdomains. */
export type ClearSiteDataDirective = (typeof directives)[number]

/** Options of {@link clearSiteData}. */
export interface ClearSiteDataOptions {
  /** The name of the session cookie, which is expired by name. Without it no cookie is touched. */
  readonly cookie?: string
  /** The Path that the cookie was set with. Default `/`. */
  readonly path?: string
  /** The Domain that the cookie was set with. Default: none, as for `__Host-` cookies. */
  readonly domain?: string
  /** Default `['storage']`. */
  readonly directives?: readonly ClearSiteDataDirective[]
}

/**
 * The headers of a logout: `Clear-Site-Data: "storage"`, and the session cookie expired by its name. Not `"cookies"`, which would also sign
 * out every sibling subdomain. Browsers take Clear-Site-Data over https only. The session must also end on the server: a browser may
 * ignore all of this.
 *
 * @returns the headers, to be appended to the answer: an answer may set other cookies as well.
 * @throws {TypeError} when the cookie's name is no token, its prefix forbids the path or domain, or a directive is unknown.
 * @example
 * clearSiteData({ cookie: '__Host-session' })
 * // [['Clear-Site-Data', '"storage"'], ['Set-Cookie', '__Host-session=; Path=/; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT; …']]
 */
export function clearSiteData(options: ClearSiteDataOptions = {}): readonly HeaderPair[] {
  const own = optionsOf(options, 'clearSiteData', ['cookie', 'path', 'domain', 'directives'])
  const pairs: HeaderPair[] = [['Clear-Site-Data', directiveList(own.directives ?? ['storage'])]]
  if (own.cookie !== undefined) pairs.push(['Set-Cookie', expired(own.cookie, own)])
  else if (own.path !== undefined || own.domain !== undefined) {
    mistyped('clearSiteData.cookie', 'the one that path and domain belong to')
  }
  return Object.freeze(pairs.map((pair) => Object.freeze(pair)))
}

function directiveList(asked: readonly ClearSiteDataDirective[]): string {
  const path = 'clearSiteData.directives'
  const one = `one of ${directives.join(', ')}`
  const list = listOf(asked, path, (word, at) =>
    (directives as readonly unknown[]).includes(word) ? `"${String(word)}"` : mistyped(at, one),
  )
  return list.length > 0 ? list.join(', ') : mistyped(path, one)
}

/** RFC 6265, 4.1.1: a token, a path-value without what ends it, and a host name. */
const forms = {
  cookie: /^[\w!#$%&'*+.^`|~-]{1,256}$/,
  path: /^\/[!-:<-~]{0,1023}$/,
  domain: /^\.?[a-z\d-]{1,63}(\.[a-z\d-]{1,63}){0,9}$/i,
}

function expired(cookie: string, { path = '/', domain }: ClearSiteDataOptions): string {
  for (const [name, value] of Object.entries({ cookie, path, domain })) {
    const form = forms[name as keyof typeof forms]
    if (value !== undefined && !(typeof value === 'string' && form.test(value))) {
      mistyped(`clearSiteData.${name}`, 'what Set-Cookie had')
    }
  }
  // Browsers do not mind the case of a prefix (RFC 6265bis, 4.1.3).
  if (/^__host-/i.test(cookie) && (path !== '/' || domain !== undefined)) {
    mistyped('clearSiteData', 'a __Host- cookie the path / and no domain')
  }
  const where = domain === undefined ? `Path=${path}` : `Path=${path}; Domain=${domain}`
  // Secure also where the cookie had none: it expires all the same, and __Host- and __Secure- cookies need it.
  return `${cookie}=; ${where}; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; Secure; SameSite=Lax`
}
