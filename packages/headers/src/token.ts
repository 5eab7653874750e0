import { refused } from './errors.ts'
import { textOf } from './options.ts'
import { shown } from './quoted.ts'

const longestToken = 2048

/**
 * Checks that a value is one token: what would end it, begin another one, or hide in it is refused.
 *
 * @param path where it stands in the policy.
 * @returns the same text, of visible ASCII without `;` and `,`.
 */
export function tokenOf(value: unknown, path: string): string {
  const text = textOf(value, path)
  if (text === '') throw refused(path, 'it is empty')
  if (text.length > longestToken) throw refused(path, `it is longer than ${longestToken} characters`)
  const foreign = /[^\x21-\x7e]|[;,]/u.exec(text)?.[0]
  if (foreign !== undefined) throw refused(path, `'${shown(text)}' ${reasonAgainst(foreign)}`)
  return text
}

function reasonAgainst(character: string): string {
  if (character === ';') return 'has a semicolon, which would begin another directive; in a path write %3B'
  if (character === ',') return 'has a comma, which would begin another policy; in a path write %2C'
  if (/\s/.test(character)) return 'has white space; give each value as its own element'
  if (/\p{C}/u.test(character)) return 'has a control character'
  return 'has a character outside ASCII; write a host in punycode (xn--…) and percent-encode a path'
}
