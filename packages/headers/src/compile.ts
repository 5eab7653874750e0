import type { HeaderPair } from '@mosaajii/core'
import type { Build } from './build.ts'
import { compiledHeaders } from './compiled.ts'
import { applyShortcuts } from './csp-options.ts'
import { warnOfGaps } from './csp-warnings.ts'
import { refuse } from './errors.ts'
import { headerTable } from './header-table.ts'
import { allowedNames } from './names.ts'
import type { CompiledHeaders, HeaderPolicy } from './policy.ts'
import { policyOf } from './policy-of.ts'

const longestHeader = 8192

/**
 * Checks a policy and works out its headers once, so that an answer only fills in its nonce. What would not mean what it says is refused:
 * unknown names, misspelt or unquoted keywords, values that would begin another directive, contradictions.
 *
 * @param policy which headers are sent; one of the `presets`, or one of your own.
 * @returns the headers, and warnings of what is allowed and weak. Later changes of `policy` do not reach it.
 * @throws {HeadersError} `POLICY_REFUSED`; the message begins with the place in the policy, such as `csp.script-src[2]`.
 * @throws {TypeError} when an option is unknown or a value has the wrong type.
 * @example
 * const compiled = compileHeaders({ csp: { 'default-src': ["'self'"], 'script-src': [NONCE] }, contentTypeOptions: 'nosniff' })
 * compiled.static // [['x-content-type-options', 'nosniff']]
 * compiled.dynamic('MTIzNDU2Nzg5MDEyMzQ1Njc4') // [['content-security-policy', "default-src 'self'; script-src 'nonce-MTIzNDU2Nzg5MDEyMzQ1Njc4'"]]
 */
export function compileHeaders(policy: HeaderPolicy): CompiledHeaders {
  const snapshot = policyOf(policy)
  applyShortcuts(snapshot)
  const given = snapshot as HeaderPolicy
  const warnings: string[] = []
  const build: Build = {
    allow: new Set(allowedNames(given.allow)),
    groups: new Set(Object.keys(given.reportingEndpoints ?? {})),
    warn: (path, text) => void warnings.push(`${path}: ${text}`),
  }
  const headers = headerTable.flatMap(([option, header, write]): HeaderPair[] => {
    const value = given[option]
    const text = value === undefined ? undefined : write(value, option, build)
    if (text === undefined) return []
    if (text.length > longestHeader) refuse(option, `has more than ${longestHeader} characters`)
    return [Object.freeze([header, text] as const)]
  })
  warnOfGaps(given, build)
  return compiledHeaders(headers, warnings, given.cacheControl)
}
