import { NONCE } from './nonce-marker.ts'
import type { HeaderPolicy } from './policy.ts'
import { powerfulFeatures } from './tables.ts'

const noFeatures = Object.fromEntries(powerfulFeatures.map((feature): [string, readonly string[]] => [feature, []]))

const api: HeaderPolicy = {
  csp: { 'default-src': ["'none'"], 'frame-ancestors': ["'none'"] },
  hsts: { maxAge: '365d', includeSubDomains: true },
  referrerPolicy: 'no-referrer',
  contentTypeOptions: 'nosniff',
  frameOptions: 'DENY',
  crossOriginResourcePolicy: 'same-origin',
  permittedCrossDomainPolicies: 'none',
  cacheControl: 'no-store',
}

const strict: HeaderPolicy = {
  ...api,
  csp: {
    'default-src': ["'none'"],
    // Browsers that know nonces ignore the last two; older ones would run nothing without them.
    'script-src': [NONCE, "'strict-dynamic'", 'https:', "'unsafe-inline'"],
    'style-src': ["'self'", NONCE],
    'img-src': ["'self'"],
    'font-src': ["'self'"],
    'connect-src': ["'self'"],
    'manifest-src': ["'self'"],
    'form-action': ["'self'"],
    'base-uri': ["'none'"],
    'object-src': ["'none'"],
    'frame-ancestors': ["'none'"],
  },
  trustedTypes: 'enforce',
  permissionsPolicy: noFeatures,
  // Not no-referrer: forms would then send `Origin: null`, and checks against forged requests need the origin.
  referrerPolicy: 'strict-origin-when-cross-origin',
  crossOriginOpenerPolicy: 'same-origin',
  originAgentCluster: true,
  dnsPrefetchControl: 'off',
  cacheControl: 'no-store on html',
}

/** The operations manual, "Security Headers Configuration", word for word. */
const manual: HeaderPolicy = {
  csp: {
    'default-src': ["'self'"],
    'script-src': ["'self'", NONCE],
    'style-src': ["'self'", NONCE],
    'img-src': ["'self'", 'data:', 'https:'],
    'font-src': ["'self'"],
    'connect-src': ["'self'"],
    'frame-ancestors': ["'none'"],
    'base-uri': ["'self'"],
    'form-action': ["'self'"],
  },
  frameOptions: 'DENY',
  contentTypeOptions: 'nosniff',
  referrerPolicy: 'strict-origin-when-cross-origin',
  permissionsPolicy: noFeatures,
  hsts: { maxAge: '365d', includeSubDomains: true, preload: true },
}

/**
 * Policies to begin with; change them with `extendPolicy()`.
 *
 * - `strict`: pages. Scripts and styles need the nonce, Trusted Types hold, nothing comes from elsewhere.
 * - `api`: answers that are data.
 * - `manual`: the values of the operations manual, HSTS preloading included.
 *
 * @example
 * compileHeaders(presets.api).static[0] // ['content-security-policy', "default-src 'none'; frame-ancestors 'none'"]
 */
export const presets: { readonly strict: HeaderPolicy; readonly api: HeaderPolicy; readonly manual: HeaderPolicy } =
  deepFrozen({ strict, api, manual })

function deepFrozen<T>(value: T): T {
  if (typeof value === 'object' && value !== null) for (const one of Object.values(value)) deepFrozen(one)
  return Object.freeze(value)
}
