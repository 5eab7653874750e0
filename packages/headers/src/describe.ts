import { dynamicPairs } from './compiled.ts'
import type { CompiledHeaders } from './policy.ts'

const lists: Readonly<Record<string, string>> = {
  'Content-Security-Policy': '; ',
  'Content-Security-Policy-Report-Only': '; ',
  'Permissions-Policy': ', ',
  'Reporting-Endpoints': ', ',
}

/**
 * Prints a compiled policy as people read it: one header a line, one directive a line below it, the nonce as `{nonce}`, warnings at the end.
 *
 * @example
 * describe(compileHeaders({ csp: { 'default-src': ["'self'"], 'script-src': [NONCE] } }))
 * // Content-Security-Policy
 * //   default-src 'self'
 * //   script-src 'nonce-{nonce}'
 */
export function describe(compiled: CompiledHeaders): string {
  const pairs = [...dynamicPairs(compiled, '{nonce}'), ...compiled.static]
  return [...pairs.flatMap(([name, value]) => header(name, value)), ...onHtml(compiled), ...warnings(compiled)].join(
    '\n',
  )
}

function header(name: string, value: string): string[] {
  const separator = lists[name]
  return separator === undefined ? [`${name}: ${value}`] : [name, ...value.split(separator).map((one) => `  ${one}`)]
}

function onHtml({ cacheControl }: CompiledHeaders): string[] {
  return cacheControl === 'no-store on html' ? ['Cache-Control: no-store (text/html only)'] : []
}

function warnings(compiled: CompiledHeaders): string[] {
  return compiled.warnings.length === 0 ? [] : ['Warnings', ...compiled.warnings.map((one) => `  ${one}`)]
}
