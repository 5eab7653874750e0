/**
 * Checks that an options object has no key that nobody reads: a misspelt option must not silently become its default.
 *
 * @throws {TypeError} when it is not an object or has an unknown key.
 */
export function checkOptions(options: unknown, who: string, known: readonly string[]): void {
  if (typeof options !== 'object' || options === null) throw new TypeError(`${who}: give an options object`)
  const unknown = Object.keys(options).find((key) => !known.includes(key))
  if (unknown !== undefined) {
    throw new TypeError(`${who}: unknown option '${unknown.slice(0, 60)}'; known are ${known.join(', ')}`)
  }
}
