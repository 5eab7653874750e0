import type { Build } from './build.ts'
import { sourceText } from './csp-source.ts'
import { sourcesText } from './csp-sources.ts'
import { mistyped, refuse } from './errors.ts'
import { NONCE } from './nonce-marker.ts'
import { checkWord, isEmpty, listOf, oneOf, textOf, wordsOf } from './options.ts'
import { reportAddress } from './reporting.ts'
import { sandboxFlags, sourceDirectives } from './tables.ts'
import { tokenOf } from './token.ts'

/** Writes the value of a directive: what follows its name. */
type Write = (value: unknown, path: string, directive: string, build: Build) => string

/** The directives that may be `true`. None of them does anything where policies only report. */
export const flags: RegExp = /^(sandbox|upgrade-insecure-requests)$/

/** The directives that say where reports go. */
export const target: RegExp = /^report-(uri|to)$/

/** How the value of each directive is written. */
export const directives: ReadonlyMap<string, Write> = new Map<string, Write>([
  ...sourceDirectives.map((name) => [name, sourcesText] as const),
  ['sandbox', wordsText(sandboxFlags)],
  ['upgrade-insecure-requests', (_value, path) => mistyped(path, 'true or leave it out')],
  ['require-trusted-types-for', wordsText(["'script'"])],
  ['trusted-types', trustedTypesText],
  ['report-uri', (value, path) => wordsOf(value, path, reportAddress)],
  ['report-to', groupText],
])

/** The value of a directive that this package does not know. It may have newer keywords; they are tokens all the same. */
export function unknownText(value: unknown, path: string, _directive: string, build: Build): string {
  return wordsOf(value, path, (one, at) =>
    one === NONCE || /nonce/i.test(String(one)) ? sourceText(one, at, 'script-src', build) : tokenOf(one, at),
  )
}

function wordsText(words: readonly string[]): Write {
  return (value, path) => wordsOf(value, path, (one, at) => oneOf(one, at, words))
}

function trustedTypesText(value: unknown, path: string): string {
  const names = listOf(
    value,
    path,
    (one, at) =>
      textOf(
        tokenOf(one, at),
        at,
        /^([\w#=/@.%-]+|\*|'(none|allow-duplicates)')$/,
        "policy's name, * or a keyword in quotes",
      ),
    isEmpty,
  )
  checkWord(names, path, "'none'")
  return names.join(' ')
}

function groupText(value: unknown, path: string, _directive: string, { groups }: Build): string {
  return wordsOf(value, path, (one, at) => {
    const group = tokenOf(one, at)
    return at.endsWith('[0]') && groups.has(group)
      ? group
      : refuse(at, 'is no group of reportingEndpoints, or a second one')
  })
}
