import type { Facts, Guard } from '@mosaajii/core'
import { parseAuthority, requestHost } from './authority.ts'
import { HeadersError, mistyped } from './errors.ts'
import { flagOf, listOf, textOf } from './options.ts'
import { optionsOf } from './own-options.ts'
import { urlOf } from './redact.ts'

/**
 * Where request headers are read: a function that takes a name in lower case, a `Headers` object, or a record such as Node's `request.headers`,
 * whose names may be in any case.
 */
export type HeaderSource =
  | ((name: string) => string | undefined)
  | { get(name: string): string | null }
  | Readonly<Record<string, string | readonly string[] | undefined>>

/** Which requests from other sites are let through. */
export interface FetchMetadataOptions {
  /**
   * Origins that may send any request, such as `https://pay.example`. Needed for a page of another site that posts here, also where the browser
   * says that it is another site. `null` (sandboxed pages, some redirects) counts as an origin and must be listed like one.
   */
  readonly origins?: readonly string[]
  /** Whether sibling subdomains (`same-site`) are trusted like the own origin. Default false: one that was taken over must not act for users. */
  readonly sameSite?: boolean
  /** Whether other sites may load pages of this one into frames. Default false. `frame-ancestors` of the CSP must allow it as well. */
  readonly frames?: boolean
}

/** Why a request was refused. */
export type FetchMetadataReason = 'cross-site' | 'same-site' | 'origin'

/** The answer of {@link checkFetchMetadata}. */
export type FetchMetadataResult =
  | { readonly allowed: true }
  | {
      readonly allowed: false
      /** `cross-site` and `same-site`: by Sec-Fetch-Site. `origin`: by Origin, where Sec-Fetch-Site is missing. */
      readonly reason: FetchMetadataReason
    }

const who = 'fetchMetadata'

const names = ['origins', 'sameSite', 'frames'] as const

/**
 * Decides by what the browser says of a request's origin (Fetch Metadata, Sec-Fetch-*) whether another site forged it: a resource isolation
 * policy, and the CSRF protection of sessions in cookies. The own origin and what a user typed or opened from a bookmark pass; other sites
 * may only link here. A request without Sec-Fetch-Site (old browsers, tills, the Reporting API, plain http to a name that is not localhost)
 * passes if its method is safe or it has no Origin; otherwise its Origin must be this host or a listed one.
 *
 * @param headers where the request headers are read.
 * @param options the request's method, and which other sites are let through.
 * @throws {TypeError} for an unknown option, or an origin that is not written as browsers send it.
 * @example
 * const forged = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'cors', 'sec-fetch-dest': 'empty' }
 * checkFetchMetadata(forged, { method: 'POST' }) // { allowed: false, reason: 'cross-site' }
 */
export function checkFetchMetadata(
  headers: HeaderSource,
  options: FetchMetadataOptions & { readonly method: string },
): FetchMetadataResult {
  const own = optionsOf(options, who, [...names, 'method'])
  return decide(reader(headers), textOf(own.method, `${who}.method`), rulesOf(own))
}

/**
 * {@link checkFetchMetadata} as a guard: a forged request is refused with `CROSS_SITE_REFUSED` (403) before any handler runs. Its data is
 * what the browser said (`same-origin`, `none`, …), `undefined` when it said nothing.
 *
 * @throws {TypeError} for an unknown option, or an origin that is not written as browsers send it.
 * @example
 * app.use(toExpress(fetchMetadataGuard({ origins: ['https://pay.example'] })))
 */
export function fetchMetadataGuard(options: FetchMetadataOptions = {}): Guard<'fetchMetadata', string | undefined> {
  const rules = rulesOf(optionsOf(options, who, names))
  return {
    as: who,
    check: (facts) => {
      const result = decide((name) => facts.header(name), facts.method, rules)
      return result.allowed
        ? { pass: true, data: facts.header('sec-fetch-site') }
        : { pass: false, error: refusal(result.reason, facts) }
    },
  }
}

function refusal(reason: FetchMetadataReason, { method }: Facts): HeadersError {
  const message = `another site sent this ${method.slice(0, 20)}; list its origin if it may`
  return new HeadersError('CROSS_SITE_REFUSED', message, { status: 403, detail: { reason } })
}

interface Rules {
  readonly origins: ReadonlySet<string>
  readonly sameSite: boolean
  readonly frames: boolean
}

function rulesOf({ origins = [], sameSite = false, frames = false }: FetchMetadataOptions): Rules {
  const list = listOf(origins, `${who}.origins`, (origin, at) =>
    isOrigin(origin) ? origin : mistyped(at, "an origin as browsers send it, such as 'https://pay.example'"),
  )
  return {
    origins: new Set(list),
    sameSite: flagOf(sameSite, `${who}.sameSite`),
    frames: flagOf(frames, `${who}.frames`),
  }
}

/** Lower case, without a path, without the port that its scheme has anyway. */
function isOrigin(value: unknown): value is string {
  return value === 'null' || (typeof value === 'string' && /^https?:/.test(value) && urlOf(value)?.origin === value)
}

type Read = (name: string) => string | undefined

const allowed: FetchMetadataResult = Object.freeze({ allowed: true })

function decide(read: Read, method: string, rules: Rules): FetchMetadataResult {
  const origin = read('origin')
  if (origin !== undefined && rules.origins.has(origin)) return allowed
  const site = read('sec-fetch-site')
  if (site === undefined) return isSafe(read, method) || isOwn(read, origin) ? allowed : refused('origin')
  if (site === 'same-origin' || site === 'none') return allowed
  if (site === 'same-site' && rules.sameSite) return allowed
  // No browser sends anything but the four words, in lower case and once: what is none of them is taken for another site.
  return isNavigation(read, method, rules) ? allowed : refused(site === 'same-site' ? 'same-site' : 'cross-site')
}

function refused(reason: FetchMetadataReason): FetchMetadataResult {
  return { allowed: false, reason }
}

const safeMethods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS'])

/** A WebSocket begins as a GET, with cookies and without asking for leave, so it is not safe. */
function isSafe(read: Read, method: string): boolean {
  return safeMethods.has(method) && read('upgrade')?.toLowerCase() !== 'websocket'
}

/** A link to a page, and nothing that a page can load or embed unseen. */
function isNavigation(read: Read, method: string, { frames }: Rules): boolean {
  if ((method !== 'GET' && method !== 'HEAD') || read('sec-fetch-mode') !== 'navigate') return false
  const destination = read('sec-fetch-dest')
  return destination === 'document' || (frames && (destination === 'iframe' || destination === 'frame'))
}

/** Whether an Origin is this host. The scheme is not compared: behind a proxy that ends TLS it is not known here. */
function isOwn(read: Read, origin: string | undefined): boolean {
  if (origin === undefined) return true
  const [, from] = /^https?:\/\/(.+)/.exec(origin) ?? []
  const [own, named] = [requestHost(read), from].map((text) => parseAuthority(text ?? ''))
  return own !== undefined && own.host === named?.host && own.port === named.port
}

function reader(headers: HeaderSource): Read {
  if (typeof headers === 'function') return headers
  if (isHeadersObject(headers)) return (name) => headers.get(name) ?? undefined
  return (name) => {
    // Whoever spells a name in two ways said two things: of several values none passes.
    const values = Object.entries(headers).flatMap(([given, value]) =>
      given.toLowerCase() === name ? (value ?? []) : [],
    )
    return values.length > 0 ? values.join(', ') : undefined
  }
}

function isHeadersObject(headers: object): headers is { get(name: string): string | null } {
  return typeof (headers as { get?: unknown }).get === 'function'
}
