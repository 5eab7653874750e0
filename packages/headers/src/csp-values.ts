import type { Build } from './build.ts'
import { sourcesText } from './csp-sources.ts'
import { refused } from './errors.ts'
import { elementsOf, oneOf, refuseRepeats } from './options.ts'
import { NONCE } from './nonce-marker.ts'
import { reportAddress } from './reporting.ts'
import { shown } from './quoted.ts'
import { sandboxFlags, sourceDirectives } from './tables.ts'
import { tokenOf } from './token.ts'

/** Writes the value of a directive: what follows its name, or nothing. */
type Write = (value: unknown, path: string, directive: string, build: Build) => string

const mostValues = 100

/** How the value of each directive is written. */
export const directives: ReadonlyMap<string, Write> = new Map<string, Write>([
  ...sourceDirectives.map((name) => [name, sourcesText] as const),
  [
    'sandbox',
    (value, path) => (value === true ? '' : listText(value, path, (one, at) => oneOf(one, at, sandboxFlags))),
  ],
  ['upgrade-insecure-requests', flagText],
  ['require-trusted-types-for', (value, path) => listText(value, path, (one, at) => oneOf(one, at, ["'script'"]))],
  ['trusted-types', trustedTypesText],
  ['report-uri', (value, path) => listText(value, path, reportAddress)],
  ['report-to', groupText],
])

/** The value of a directive that this package does not know: any tokens. */
export function unknownText(value: unknown, path: string, directive: string, build: Build): string {
  if (value === true) return ''
  // A newer directive may have newer keywords, so only what is one token and no literal nonce is asked of them.
  return listText(value, path, (one, at) =>
    one === NONCE || /^'?nonce-/i.test(String(one)) ? sourcesText([one], at, 'script-src', build) : tokenOf(one, at),
  )
}

function listText(value: unknown, path: string, write: (one: unknown, at: string) => string): string {
  const tokens = elementsOf(value, path, mostValues).map((one, index) => write(one, `${path}[${index}]`))
  if (tokens.length === 0) throw refused(path, 'it is empty; give at least one value, or leave it out')
  refuseRepeats(tokens, path)
  return tokens.join(' ')
}

function flagText(value: unknown, path: string): string {
  if (value !== true) throw new TypeError(`${path}: give true, or leave it out`)
  return ''
}

function trustedTypesText(value: unknown, path: string): string {
  const text = listText(value, path, trustedTypesToken)
  if (text !== "'none'" && text.includes("'none'")) throw refused(path, "'none' stands alone, or browsers ignore it")
  return text
}

function trustedTypesToken(value: unknown, path: string): string {
  const token = tokenOf(value, path)
  if (/^(?:[\w#=/@.%-]+|\*|'none'|'allow-duplicates')$/.test(token)) return token
  throw refused(path, `${shown(token)} is neither the name of a policy nor 'none' nor 'allow-duplicates'`)
}

function groupText(value: unknown, path: string, _directive: string, { groups }: Build): string {
  const list = elementsOf(value, path, mostValues)
  if (list.length !== 1) throw refused(path, 'give the name of one group')
  const group = tokenOf(list[0], `${path}[0]`)
  if (!groups.has(group)) throw refused(`${path}[0]`, `reportingEndpoints has no group '${shown(group)}'`)
  return group
}
