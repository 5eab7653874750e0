import { refused } from './errors.ts'
import { textOf } from './options.ts'
import { shown } from './quoted.ts'

const longest = 2048

/**
 * Checks that a value is one token: what would end it, begin another one, or hide in it is refused.
 *
 * @param path where it stands in the policy.
 * @returns the same text, of visible ASCII without `;` and `,`.
 */
export function tokenOf(value: unknown, path: string): string {
  const text = textOf(value, path)
  if (text === '') throw refused(path, 'is empty')
  if (text.length > longest) throw refused(path, `is longer than ${longest} characters`)
  const foreign = /[^\x21-\x7e]|[;,]/u.exec(text)?.[0]
  if (foreign === undefined) return text
  throw refused(path, `'${shown(text)}' has ${reason(foreign)}`)
}

function reason(character: string): string {
  if (/[;,]/.test(character)) return 'a ; or , which begins another value (in a path %3B, %2C)'
  if (/\s/.test(character)) return 'white space; give each value as its own element'
  return 'a control or non-ASCII character; write hosts in punycode, paths percent-encoded'
}
