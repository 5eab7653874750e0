import type { Build } from './build.ts'
import { sourceText } from './csp-source.ts'
import { sourcesText, standsAlone } from './csp-sources.ts'
import { refused } from './errors.ts'
import { NONCE } from './nonce-marker.ts'
import { oneOf, valuesOf } from './options.ts'
import { reportAddress } from './reporting.ts'
import { sandboxFlags, sourceDirectives } from './tables.ts'
import { tokenOf } from './token.ts'

/** Writes the value of a directive: what follows its name, or nothing. */
type Write = (value: unknown, path: string, directive: string, build: Build) => string

/** How the value of each directive is written. */
export const directives: ReadonlyMap<string, Write> = new Map<string, Write>([
  ...sourceDirectives.map((name) => [name, sourcesText] as const),
  ['sandbox', (value, path) => (value === true ? '' : wordsText(value, path, sandboxFlags))],
  ['upgrade-insecure-requests', flagText],
  ['require-trusted-types-for', (value, path) => wordsText(value, path, ["'script'"])],
  ['trusted-types', trustedTypesText],
  ['report-uri', (value, path) => valuesOf(value, path, reportAddress).join(' ')],
  ['report-to', groupText],
])

/** The value of a directive that this package does not know. It may have newer keywords; they are tokens all the same. */
export function unknownText(value: unknown, path: string, _directive: string, build: Build): string {
  if (value === true) return ''
  return valuesOf(value, path, (one, at) =>
    one === NONCE || /nonce-/i.test(String(one)) ? sourceText(one, at, 'script-src', build) : tokenOf(one, at),
  ).join(' ')
}

function wordsText(value: unknown, path: string, words: readonly string[]): string {
  return valuesOf(value, path, (one, at) => oneOf(one, at, words)).join(' ')
}

function flagText(value: unknown, path: string): string {
  if (value === true) return ''
  throw new TypeError(`${path}: give true, or leave it out`)
}

function trustedTypesText(value: unknown, path: string): string {
  const names = valuesOf(value, path, (one, at) => {
    const token = tokenOf(one, at)
    if (/^([\w#=/@.%-]+|\*|'(none|allow-duplicates)')$/.test(token)) return token
    throw refused(at, "give a policy's name, * or 'none' or 'allow-duplicates' in quotes")
  })
  if (names.length > 1 && names.includes("'none'")) throw refused(path, `'none' ${standsAlone}`)
  return names.join(' ')
}

function groupText(value: unknown, path: string, _directive: string, { groups }: Build): string {
  return valuesOf(value, path, (one, at) => {
    const group = tokenOf(one, at)
    if (at.endsWith('[0]') && groups.has(group)) return group
    throw refused(at, 'give one group of reportingEndpoints')
  }).join(' ')
}
