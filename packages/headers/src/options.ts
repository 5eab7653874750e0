import { refused } from './errors.ts'
import { didYouMean } from './nearest.ts'
import { shown } from './quoted.ts'

/**
 * Checks that an options object has no key that nobody reads: a misspelt option must not silently become its default.
 *
 * @throws {TypeError} when it is not an object or has an unknown key.
 */
export function checkOptions(options: unknown, who: string, known: readonly string[]): void {
  const unknown = Object.keys(recordOf(options, who)).find((key) => !known.includes(key))
  if (unknown !== undefined) {
    throw new TypeError(`${who}: unknown option '${shown(unknown)}'; known are ${known.join(', ')}`)
  }
}

/** Writes each property of a part of a snapshot; there is at least one. */
export function entriesOf(
  value: unknown,
  path: string,
  write: (name: string, value: unknown, at: string) => string,
): string[] {
  const entries = Object.entries(recordOf(value, path))
  if (entries.length === 0) throw refused(path, isEmpty)
  return entries.map(([name, one]) => write(name, one, `${path}.${shown(name)}`))
}

/** Writes each element of an array of a snapshot; none comes twice. */
export function listOf(value: unknown, path: string, write: (one: unknown, at: string) => string): string[] {
  if (!Array.isArray(value)) throw new TypeError(`${path}: give an array, each value as its own element`)
  const list = value.map((one: unknown, index) => write(one, `${path}[${index}]`))
  const repeated = list.findIndex((one, index) => list.indexOf(one) !== index)
  if (repeated >= 0) throw refused(`${path}[${repeated}]`, 'is there twice')
  return list
}

/** A list with something in it. */
export function valuesOf(value: unknown, path: string, write: (one: unknown, at: string) => string): string[] {
  const list = listOf(value, path, write)
  if (list.length === 0) throw refused(path, isEmpty)
  return list
}

const isEmpty = 'is empty; leave it out'

/** A string. */
export function textOf(value: unknown, path: string): string {
  if (typeof value !== 'string') throw new TypeError(`${path}: give a string`)
  return value
}

/** One of a few words. */
export function oneOf(value: unknown, path: string, words: readonly string[]): string {
  const text = textOf(value, path)
  if (words.includes(text)) return text
  throw refused(path, `'${shown(text)}' is none of ${words.join(', ')}${didYouMean(text, words)}`)
}

/** `true` or `false`. */
export function flagOf(value: unknown, path: string): boolean {
  if (typeof value !== 'boolean') throw new TypeError(`${path}: give true or false`)
  return value
}

/** An object that is no array. */
export function recordOf(value: unknown, path: string): object {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value
  throw new TypeError(`${path}: give an object`)
}
