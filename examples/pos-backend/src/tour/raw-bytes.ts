const anchorLength = 8
const filterSize = 1 << 22

interface Needle {
  readonly text: string
  readonly bytes: string
  /** Where the anchor is in it. */
  readonly offset: number
}

/**
 * Tells which of many texts occur in a file's bytes, in one pass: eight bytes from the middle of each text are looked up at every
 * position, and where they stand the whole text is compared.
 *
 * @param bytes what to search.
 * @param texts at least eight bytes of UTF-8 each; a shorter one would be found by chance.
 * @throws {RangeError} when a text is too short.
 */
export function textsIn(bytes: Uint8Array, texts: Iterable<string>): Set<string> {
  const anchors = anchorsOf(texts)
  // Most positions are dismissed by four bytes and one look into a table.
  const filter = new Uint8Array(filterSize)
  for (const anchor of anchors.keys()) filter[slotOf(Buffer.from(anchor, 'latin1'), 0)] = 1
  const haystack = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  const found = new Set<string>()
  for (let i = 0; i + anchorLength <= haystack.length; i++) {
    if (filter[slotOf(haystack, i)] === 0) continue
    for (const { text, bytes: needle, offset } of anchors.get(haystack.toString('latin1', i, i + anchorLength)) ?? []) {
      if (haystack.toString('latin1', i - offset, i - offset + needle.length) === needle) found.add(text)
    }
  }
  return found
}

function anchorsOf(texts: Iterable<string>): Map<string, Needle[]> {
  const anchors = new Map<string, Needle[]>()
  for (const text of texts) {
    const bytes = Buffer.from(text, 'utf8').toString('latin1')
    if (bytes.length < anchorLength) throw new RangeError('textsIn: a text is shorter than eight bytes')
    const offset = Math.floor((bytes.length - anchorLength) / 2)
    const anchor = bytes.slice(offset, offset + anchorLength)
    anchors.set(anchor, [...(anchors.get(anchor) ?? []), { text, bytes, offset }])
  }
  return anchors
}

function slotOf(bytes: Buffer, at: number): number {
  return Math.imul(bytes.readUInt32LE(at + 2), 0x9e3779b1) >>> 10
}

/** The forms in which a careless program might have written a text: as it is, and as base64url or hex of its bytes. */
export function formsOf(text: string): string[] {
  const bytes = Buffer.from(text, 'utf8')
  // Whole groups of three bytes only, so that what follows the text does not change the form.
  const whole = bytes.subarray(0, bytes.length - (bytes.length % 3))
  return [text, whole.toString('base64url'), bytes.toString('hex')].filter((form) => form.length >= anchorLength)
}
