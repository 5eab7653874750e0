import { refused } from './errors.ts'
import { didYouMean } from './nearest.ts'
import { shown } from './quoted.ts'

/**
 * Checks that an options object has no key that nobody reads: a misspelt option must not silently become its default.
 *
 * @throws {TypeError} when it is not a plain object or has an unknown key.
 */
export function checkOptions(options: unknown, who: string, known: readonly string[]): void {
  const unknown = propertiesOf(options, who)
    .map(([key]) => key)
    .find((key) => !known.includes(key))
  if (unknown !== undefined) {
    throw new TypeError(`${who}: unknown option '${shown(unknown)}'; known are ${known.join(', ')}`)
  }
}

/**
 * The own enumerable properties of a plain object, each read once, so that what was checked is what is used.
 *
 * @throws {TypeError} when it is something else. What an object inherits would be overlooked, so one with a prototype of its own is refused.
 */
export function propertiesOf(value: unknown, path: string): [name: string, value: unknown][] {
  if (!isPlain(value)) throw new TypeError(`${path}: give a plain object`)
  if (Object.getOwnPropertySymbols(value).length > 0) throw new TypeError(`${path}: a symbol is no name`)
  return Object.entries(value)
}

/** {@link propertiesOf} for lists of directives, features and endpoints: at least one, and not endlessly many. */
export function entriesOf(value: unknown, path: string, most: number): [name: string, value: unknown][] {
  const entries = propertiesOf(value, path)
  if (entries.length === 0) throw refused(path, 'it is empty; leave it out')
  if (entries.length > most) throw refused(path, `it has more than ${most} entries`)
  return entries
}

/**
 * The elements of an array, each read once.
 *
 * @throws {TypeError} when it is no array.
 */
export function elementsOf(value: unknown, path: string, most: number): unknown[] {
  if (!Array.isArray(value)) throw new TypeError(`${path}: give an array, with each value as its own element`)
  const { length } = value
  if (length > most) throw refused(path, `it has more than ${most} elements`)
  return Array.from({ length }, (_, index) => value[index] as unknown)
}

/** A string of the given array or object. */
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

/** Refuses what stands twice in a list. */
export function refuseRepeats(list: readonly unknown[], path: string): void {
  const repeated = list.findIndex((one, index) => list.indexOf(one) !== index)
  if (repeated >= 0) throw refused(`${path}[${repeated}]`, 'it stands there twice')
}

function isPlain(value: unknown): value is object {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  // The end of the chain, whichever realm the object comes from.
  return prototype === null || Object.getPrototypeOf(prototype) === null
}
