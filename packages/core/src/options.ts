/**
 * Checks that an options object has no key that nobody reads: a misspelt option must not silently become its default.
 *
 * @param options what was given.
 * @param who stands at the beginning of the message: the function, or the place in its options.
 * @param known the names that are read.
 * @throws {TypeError} when it is no object, or a list, or has an unknown key; the message shows at most 60 characters of it, printable ones.
 * @example
 * checkOptions({ limit: 5 }, 'tills', ['limit'])
 */
export function checkOptions(options: unknown, who: string, known: readonly string[]): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw new TypeError(`${who}: give a plain object`)
  }
  const unknown = Object.keys(options).find((key) => !known.includes(key))
  if (unknown === undefined) return
  const shown = unknown.slice(0, 60).replaceAll(/[^\x20-\x7e]/g, '?')
  throw new TypeError(`${who}: unknown option '${shown}'; known are ${known.join(', ')}`)
}
