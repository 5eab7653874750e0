import { dynamicPairs, isCompiled } from './compiled.ts'
import type { CompiledHeaders } from './policy.ts'

const lists = /^(Content-Security|Permissions|Reporting)-/

/**
 * Prints a compiled policy as people read it: one header a line, one directive a line below it, the nonce as `{nonce}`, warnings at the end.
 *
 * @example
 * describe(compileHeaders({ csp: { 'default-src': ["'self'"], 'script-src': [NONCE] } }))
 * // Content-Security-Policy
 * //   default-src 'self'
 * //   script-src 'nonce-{nonce}'
 * @throws {TypeError} when it is something else.
 */
export function describe(compiled: CompiledHeaders): string {
  if (!isCompiled(compiled)) throw new TypeError('describe: give what compileHeaders() returned')
  const pairs = [...dynamicPairs(compiled, '{nonce}'), ...compiled.static]
  return [...pairs.flatMap(([name, value]) => header(name, value)), ...onHtml(compiled), ...warnings(compiled)].join(
    '\n',
  )
}

function header(name: string, value: string): string[] {
  return lists.test(name) ? [name, ...value.split(/[;,] /).map((one) => `  ${one}`)] : [`${name}: ${value}`]
}

function onHtml({ cacheControl }: CompiledHeaders): string[] {
  return cacheControl === 'no-store on html' ? ['Cache-Control: no-store (text/html only)'] : []
}

function warnings(compiled: CompiledHeaders): string[] {
  return compiled.warnings.length === 0 ? [] : ['Warnings', ...compiled.warnings.map((one) => `  ${one}`)]
}
