const typedArray = Object.getPrototypeOf(Uint8Array.prototype) as object
const tagOf = getter(Symbol.toStringTag)
const lengthOf = getter('length')

/**
 * A copy of bytes that came from outside. What they are and how long is asked of the language and not of the object: a subclass may lie about
 * its length or make views instead of copies (as `Buffer.slice` does), and another realm (a test runner's) has a `Uint8Array` of its own.
 *
 * @returns `undefined` when the value is no `Uint8Array`, or its memory was given away.
 * @throws what `tooLong` makes when there are more than `max` bytes.
 */
export function copyBytes(value: unknown, max: number, tooLong: () => Error): Uint8Array | undefined {
  if (tagOf(value) !== 'Uint8Array') return undefined
  if ((lengthOf(value) as number) > max) throw tooLong()
  try {
    return new Uint8Array(value as Uint8Array)
  } catch {
    return undefined
  }
}

function getter(name: PropertyKey): (value: unknown) => unknown {
  const property = Object.getOwnPropertyDescriptor(typedArray, name)
  return (value) => (ArrayBuffer.isView(value) ? (property?.get?.call(value) as unknown) : undefined)
}
