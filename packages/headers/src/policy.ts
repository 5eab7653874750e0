import type { Duration, HeaderPair } from '@mosaajii/core'
import type { NONCE } from './nonce-marker.ts'

/** One source of a directive: a keyword in its quotes (`"'self'"`), a hash, a scheme (`'https:'`), a host, or {@link NONCE}. */
export type CspSource = string | typeof NONCE

/** The sources of a directive, each its own element. */
export type CspSources = readonly CspSource[]

/** The directives of a Content Security Policy (Level 3, with Trusted Types), in the order in which they are sent. */
export interface CspPolicy {
  readonly 'default-src'?: CspSources
  readonly 'script-src'?: CspSources
  readonly 'script-src-elem'?: CspSources
  readonly 'script-src-attr'?: CspSources
  readonly 'style-src'?: CspSources
  readonly 'style-src-elem'?: CspSources
  readonly 'style-src-attr'?: CspSources
  readonly 'img-src'?: CspSources
  readonly 'font-src'?: CspSources
  readonly 'connect-src'?: CspSources
  readonly 'media-src'?: CspSources
  readonly 'object-src'?: CspSources
  readonly 'child-src'?: CspSources
  readonly 'frame-src'?: CspSources
  readonly 'fenced-frame-src'?: CspSources
  readonly 'worker-src'?: CspSources
  readonly 'manifest-src'?: CspSources
  readonly 'base-uri'?: CspSources
  readonly 'form-action'?: CspSources
  readonly 'frame-ancestors'?: CspSources
  /** `true` for every restriction, or what is allowed: `['allow-forms', 'allow-scripts']`. Not in a report-only policy. */
  readonly sandbox?: true | readonly string[]
  /** Not in a report-only policy. */
  readonly 'upgrade-insecure-requests'?: true
  /** `["'script'"]`. The option `trustedTypes` sets it. */
  readonly 'require-trusted-types-for'?: readonly string[]
  /** Names of Trusted Types policies, `"'allow-duplicates'"`, or `"'none'"` alone. */
  readonly 'trusted-types'?: readonly string[]
  /** Paths or https addresses. The option `reports` sets it. */
  readonly 'report-uri'?: readonly string[]
  /** The name of one group of `reportingEndpoints`. */
  readonly 'report-to'?: readonly string[]
  /** A directive that is newer than this package; its name stands in the option `allow`. */
  readonly [directive: string]: CspSources | true | undefined
}

/** The words of `Referrer-Policy`. */
export type ReferrerPolicy =
  | 'no-referrer'
  | 'no-referrer-when-downgrade'
  | 'origin'
  | 'origin-when-cross-origin'
  | 'same-origin'
  | 'strict-origin'
  | 'strict-origin-when-cross-origin'
  | 'unsafe-url'

/** `Strict-Transport-Security`, RFC 6797. */
export interface HstsPolicy {
  /** Sent in whole seconds; a number is milliseconds. `0` makes browsers forget what they were told. */
  readonly maxAge: Duration
  readonly includeSubDomains?: boolean
  /** Asks browser makers to build the rule in. Needs a year and `includeSubDomains`, and takes months to undo. */
  readonly preload?: boolean
}

/** Which headers are sent. What is left out is not sent. */
export interface HeaderPolicy {
  /** `Content-Security-Policy`. */
  readonly csp?: CspPolicy
  /** `Content-Security-Policy-Report-Only`. It needs a place for its reports: `reports`, or its own `report-uri` or `report-to`. */
  readonly cspReportOnly?: CspPolicy
  /** Puts `require-trusted-types-for 'script'` into the enforced policy, or into the one that only reports. */
  readonly trustedTypes?: 'enforce' | 'report'
  /** Where violation reports go: a path such as `/csp-reports`, or an https address. It becomes `report-uri` in both policies. */
  readonly reports?: string
  readonly hsts?: HstsPolicy
  /** Features and who may use them: `camera: []` (nobody), `['self', 'https://pay.example']`, or `['*']`. */
  readonly permissionsPolicy?: Readonly<Record<string, readonly string[]>>
  /** Of several, a browser takes the last that it knows. */
  readonly referrerPolicy?: ReferrerPolicy | readonly ReferrerPolicy[]
  /** `X-Content-Type-Options`. */
  readonly contentTypeOptions?: 'nosniff'
  /** `X-Frame-Options`, for browsers that do not know `frame-ancestors`. */
  readonly frameOptions?: 'DENY' | 'SAMEORIGIN'
  readonly crossOriginOpenerPolicy?:
    | 'same-origin'
    | 'same-origin-allow-popups'
    | 'noopener-allow-popups'
    | 'unsafe-none'
  readonly crossOriginEmbedderPolicy?: 'require-corp' | 'credentialless' | 'unsafe-none'
  readonly crossOriginResourcePolicy?: 'same-origin' | 'same-site' | 'cross-origin'
  /** `Origin-Agent-Cluster`: `true` asks for a process of its own for the origin, `false` declines. */
  readonly originAgentCluster?: boolean
  /** `X-DNS-Prefetch-Control`. */
  readonly dnsPrefetchControl?: 'off' | 'on'
  /** `X-Permitted-Cross-Domain-Policies`. */
  readonly permittedCrossDomainPolicies?:
    | 'none'
    | 'master-only'
    | 'by-content-type'
    | 'by-ftp-filename'
    | 'all'
    | 'none-this-response'
  /** Names of groups, and the https address to which each sends. */
  readonly reportingEndpoints?: Readonly<Record<string, string>>
  /** `no-store` on every answer, or on `text/html` only. A `Cache-Control` that the handler sets wins. */
  readonly cacheControl?: 'no-store' | 'no-store on html'
  /** Names of directives, keywords, schemes and features that this package does not know yet and that are meant: `['new-src']`. */
  readonly allow?: readonly string[]
}

/** A policy that was checked, with everything worked out that does not change from answer to answer. It is frozen. */
export interface CompiledHeaders {
  /** The headers that are the same on each answer, their names in lower case. */
  readonly static: readonly HeaderPair[]
  /**
   * The headers that hold the nonce.
   *
   * @param nonce 22 to 256 characters of base64 or base64url.
   * @throws {TypeError} when it is something else.
   */
  dynamic(nonce: string): readonly HeaderPair[]
  /** All headers of one answer, for code without a framework. Without a nonce they get a fresh one, which nobody then knows. */
  pairs(nonce?: string): readonly HeaderPair[]
  /** Whether the policy holds `NONCE`. */
  readonly usesNonce: boolean
  /** What is allowed and yet worth a thought, each with its place. Print them when the server starts. */
  readonly warnings: readonly string[]
  /** As in the policy. `no-store` is among the static headers; `no-store on html` is decided when an answer is written. */
  readonly cacheControl: 'no-store' | 'no-store on html' | undefined
}
