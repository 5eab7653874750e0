const anchorLength = 8

/**
 * Tells which of many texts occur in a file's bytes, in one pass: eight characters from the middle of each text are looked up at every
 * position, and where they stand the whole text is compared.
 *
 * @param bytes what to search.
 * @param texts at least eight bytes of UTF-8 each; a shorter one would be found by chance.
 * @throws {RangeError} when a text is too short.
 */
export function textsIn(bytes: Uint8Array, texts: Iterable<string>): Set<string> {
  const anchors = new Map<string, { text: string; needle: string; offset: number }[]>()
  for (const text of texts) {
    const needle = Buffer.from(text, 'utf8').toString('latin1')
    if (needle.length < anchorLength) throw new RangeError('textsIn: a text is shorter than eight bytes')
    const offset = Math.floor((needle.length - anchorLength) / 2)
    const anchor = needle.slice(offset, offset + anchorLength)
    const others = anchors.get(anchor)
    if (others) others.push({ text, needle, offset })
    else anchors.set(anchor, [{ text, needle, offset }])
  }
  return search(Buffer.from(bytes).toString('latin1'), anchors)
}

function search(
  haystack: string,
  anchors: ReadonlyMap<string, readonly { text: string; needle: string; offset: number }[]>,
): Set<string> {
  const found = new Set<string>()
  for (let i = 0; i + anchorLength <= haystack.length; i++) {
    for (const { text, needle, offset } of anchors.get(haystack.slice(i, i + anchorLength)) ?? []) {
      if (haystack.startsWith(needle, i - offset)) found.add(text)
    }
  }
  return found
}

/** The forms in which a careless program might have written a text: as it is, and as base64url or hex of its bytes. */
export function formsOf(text: string): string[] {
  const bytes = Buffer.from(text, 'utf8')
  // Whole groups of three bytes only, so that what follows the text does not change the form.
  const whole = bytes.subarray(0, bytes.length - (bytes.length % 3))
  return [text, whole.toString('base64url'), bytes.toString('hex')].filter((form) => form.length >= anchorLength)
}
