import { dynamicPairs, isCompiled } from './compiled.ts'
import { mistyped } from './errors.ts'
import type { CompiledHeaders } from './policy.ts'

const lists = /^(content-security|permissions|reporting)-/
const indent = '\n  '

/**
 * Prints a compiled policy as people read it: one header a line, one directive a line below it, the nonce as `{nonce}`, warnings at the end.
 *
 * @example
 * describe(compileHeaders({ csp: { 'default-src': ["'self'"], 'script-src': [NONCE] } }))
 * // content-security-policy
 * //   default-src 'self'
 * //   script-src 'nonce-{nonce}'
 * @throws {TypeError} when it is something else.
 */
export function describe(compiled: CompiledHeaders): string {
  if (!isCompiled(compiled)) mistyped('describe', 'what compileHeaders() returned')
  const lines = [...dynamicPairs(compiled, '{nonce}'), ...compiled.static].map(([name, value]) =>
    lists.test(name) ? [name, ...value.split(/[;,] /)].join(indent) : `${name}: ${value}`,
  )
  if (compiled.cacheControl === 'no-store on html') lines.push('cache-control: no-store (text/html only)')
  if (compiled.warnings.length > 0) lines.push(['Warnings', ...compiled.warnings].join(indent))
  return lines.join('\n')
}
