import { mistyped, refuse } from './errors.ts'
import { checkKnown } from './nearest.ts'
import { shown } from './quoted.ts'

/** Checks a value that stands at `path` in a policy, and writes it as it is sent. */
type Write = (value: unknown, path: string) => string

/** How many entries a list or an object may have. */
export const mostEntries = 150

/** Writes each property of a part of a snapshot; there is at least one. */
export function entriesOf(
  value: unknown,
  path: string,
  write: (value: unknown, at: string, name: string) => string,
): string[] {
  const entries = counted(Object.entries(recordOf(value, path)), path, isEmpty)
  return entries.map(([name, one]) => write(one, `${path}.${shown(name)}`, name))
}

/** Writes each element of an array of a snapshot; none comes twice. */
export function listOf(value: unknown, path: string, write: Write, whenEmpty?: string): string[] {
  if (!Array.isArray(value)) return mistyped(path, 'an array')
  const list = counted(value, path, whenEmpty).map((one, index) => write(one, `${path}[${index}]`))
  const repeated = list.findIndex((one, index) => list.indexOf(one) < index)
  return repeated < 0 ? list : refuse(`${path}[${repeated}]`, 'is there twice')
}

/** Writes a list with something in it, with spaces between. */
export function wordsOf(value: unknown, path: string, write: Write): string {
  return listOf(value, path, write, isEmpty).join(' ')
}

/** What an option says that has nothing in it. */
export const isEmpty = 'is empty; leave it out'

function counted<T>(list: readonly T[], path: string, whenEmpty?: string): readonly T[] {
  if (list.length > mostEntries) refuse(path, `has more than ${mostEntries} entries`)
  return list.length === 0 && whenEmpty ? refuse(path, whenEmpty) : list
}

/** Refuses a word of a list, unless what it needs is there: by default, that it stands alone. */
export function checkWord(
  list: readonly string[],
  path: string,
  word: string,
  met: boolean = list.length < 2,
  why = 'stands alone',
): void {
  const index = list.indexOf(word)
  if (index >= 0 && !met) refuse(`${path}[${index}]`, `${word} ${why}`)
}

/** A string, of which a pattern tells whether it is what `what` says. */
export function textOf(value: unknown, path: string, pattern: RegExp = /^/, what = ''): string {
  if (typeof value !== 'string') return mistyped(path, 'a string')
  return pattern.test(value) ? value : refuse(path, `${shown(value)} is no ${what}`)
}

/** One of a few words. */
export function oneOf(value: unknown, path: string, words: readonly string[]): string {
  const text = textOf(value, path)
  checkKnown(text, path, words, `none of ${words.join(', ')}`, undefined, '')
  return text
}

/** `true` or `false`. */
export function flagOf(value: unknown, path: string): boolean {
  return typeof value === 'boolean' ? value : mistyped(path, 'true or false')
}

/** An object that is no array. */
export function recordOf(value: unknown, path: string): object {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : mistyped(path, 'a plain object')
}
