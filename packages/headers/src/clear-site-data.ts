import type { HeaderPair } from '@mosaajii/core'
import { parseAuthority } from './authority.ts'
import { checkOptions } from './options.ts'

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

/** What a prefix demands of a cookie (RFC 6265bis, 4.1.3), in lower case: browsers do not mind the case. */
const hostPrefix = '__host-'

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
  checkOptions(options, 'clearSiteData', ['cookie', 'path', 'domain', 'directives'])
  const pairs: HeaderPair[] = [['Clear-Site-Data', directiveList(options.directives ?? ['storage'])]]
  if (options.cookie !== undefined) pairs.push(['Set-Cookie', expired(options.cookie, options)])
  else if (options.path !== undefined || options.domain !== undefined) {
    throw new TypeError('clearSiteData: path and domain are those of a cookie; name it')
  }
  return Object.freeze(pairs.map((pair) => Object.freeze(pair)))
}

function directiveList(list: readonly ClearSiteDataDirective[]): string {
  if (
    !Array.isArray(list) ||
    list.length === 0 ||
    !list.every((one: ClearSiteDataDirective) => directives.includes(one))
  ) {
    throw new TypeError(`clearSiteData: directives must be some of ${directives.join(', ')}`)
  }
  return [...new Set(list)].map((directive) => `"${directive}"`).join(', ')
}

function expired(cookie: string, { path = '/', domain }: ClearSiteDataOptions): string {
  if (typeof cookie !== 'string' || !/^[\w!#$%&'*+.^`|~-]{1,256}$/.test(cookie)) {
    throw new TypeError('clearSiteData: cookie must be the name of a cookie, such as __Host-session')
  }
  // The characters of a path-value (RFC 6265, 4.1.1), without what ends it.
  if (typeof path !== 'string' || !/^\/[\x21-\x3a\x3c-\x7e]{0,1023}$/.test(path)) {
    throw new TypeError('clearSiteData: path must begin with / and may not hold spaces, ; or controls')
  }
  if (domain !== undefined && !isDomain(domain)) throw new TypeError('clearSiteData: domain must be a host name')
  if (cookie.toLowerCase().startsWith(hostPrefix) && (path !== '/' || domain !== undefined)) {
    throw new TypeError('clearSiteData: a __Host- cookie has the path / and no domain')
  }
  const where = domain === undefined ? `Path=${path}` : `Path=${path}; Domain=${domain}`
  // Secure also where the cookie had none: it expires all the same, and __Host- and __Secure- cookies need it.
  return `${cookie}=; ${where}; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; Secure; SameSite=Lax`
}

function isDomain(domain: unknown): boolean {
  const name = typeof domain === 'string' ? domain.replace(/^\./, '') : ''
  const authority = parseAuthority(name)
  return authority?.host === name.toLowerCase() && !name.startsWith('[')
}
