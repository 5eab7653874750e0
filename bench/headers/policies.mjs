// The same policy in the words of each package.
import { NONCE, presets } from '@mosaajii/headers'

export const strict = presets.strict

/** The CSP of `strict`, and of the other headers those that the peers have too. */
export const equal = {
  csp: strict.csp,
  trustedTypes: strict.trustedTypes,
  hsts: { maxAge: '365d', includeSubDomains: true },
  referrerPolicy: 'no-referrer',
  contentTypeOptions: 'nosniff',
  frameOptions: 'SAMEORIGIN',
  crossOriginOpenerPolicy: 'same-origin',
  crossOriginResourcePolicy: 'same-origin',
  originAgentCluster: true,
  dnsPrefetchControl: 'off',
  permittedCrossDomainPolicies: 'none',
}

/** What helmet and hono send beside them, switched off. */
export const withoutExtras = { xDownloadOptions: false, xXssProtection: false }
export const equalHono = { ...withoutExtras, strictTransportSecurity: 'max-age=31536000; includeSubDomains' }

/**
 * The directives of `strict`.
 *
 * @param {unknown} nonce what the peer wants to see in the place of the nonce; left out when undefined
 * @param {(name: string) => string} spelling of a directive
 * @returns {Record<string, unknown[]>}
 */
export function directives(nonce, spelling = (name) => name) {
  const withTypes = { ...strict.csp, 'require-trusted-types-for': ["'script'"] }
  const put = (source) => (source === NONCE ? nonce : source)
  const list = (sources) => (sources === true ? [] : sources.map(put).filter((source) => source !== undefined))
  return Object.fromEntries(Object.entries(withTypes).map(([name, sources]) => [spelling(name), list(sources)]))
}

export const camelCase = (name) => name.replaceAll(/-([a-z])/g, (_, letter) => letter.toUpperCase())

/** The page of every application, as long with any nonce of 24 characters. */
export const page = (nonce) =>
  `<!doctype html><html lang="en"><title>Till 7</title><script nonce="${nonce}">start()</script><p>Ready</p></html>`

/** For the applications that make no nonce. */
export const NO_NONCE = 'A'.repeat(24)

/**
 * The headers of a compiled policy for code that sets them by hand: the fixed ones, and what stands around the nonces.
 *
 * @returns {{ fixed: [string, string][], nonced: [string, (nonce: string) => string][] }}
 */
export function byHand(compiled) {
  const noStore = compiled.cacheControl === 'no-store on html' ? [['Cache-Control', 'no-store']] : []
  const fixed = [...compiled.static, ...noStore]
  const nonced = compiled.dynamic(NO_NONCE).map(([name, value]) => [name, template(value.split(NO_NONCE))])
  return { fixed, nonced }
}

function template(parts) {
  if (parts.length !== 3) throw new Error(`two nonces are expected in the policy, not ${parts.length - 1}`)
  const [before, between, after] = parts
  return (nonce) => before + nonce + between + nonce + after
}
