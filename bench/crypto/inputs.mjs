import { randomUUID } from 'node:crypto'

const PROSE = 'Thank you for shopping with us. Order 4711, two coffees, one newspaper; paid by card. '

/**
 * Texts of exactly `size` bytes of UTF-8 and a UUID row for each. Enough of them that no runtime can remember the last one, few enough
 * that they stay in the cache of the machine; flat strings, as a database driver or a JSON parser hands them over.
 *
 * @param {number} size bytes
 */
export function inputs(size) {
  const count = size <= 1024 ? 1024 : 64
  const texts = Array.from({ length: count }, (_, i) =>
    flat(`${i} ${PROSE.repeat(Math.ceil(size / PROSE.length))}`.slice(0, size)),
  )
  return checked({ size, texts, rows: rowsFor(count) })
}

/** E-mail addresses of 24 bytes: the field that the acceptance figures are about. */
export function emails() {
  const texts = Array.from({ length: 1024 }, (_, i) => flat(`buyer.${String(i).padStart(6, '0')}@example.com`))
  return checked({ size: 24, texts, rows: rowsFor(1024) })
}

/** Names of 24 bytes that are not ASCII, which JavaScript keeps two bytes a character. */
export function names() {
  const texts = Array.from({ length: 1024 }, (_, i) => flat(`Łukasz Żółć ${String(i).padStart(7, '0')}`))
  return checked({ size: 24, texts, rows: rowsFor(1024) })
}

const flat = (text) => Buffer.from(text).toString()
const rowsFor = (count) => Array.from({ length: count }, () => randomUUID())

function checked(set) {
  for (const text of set.texts) {
    if (Buffer.byteLength(text) !== set.size) throw new Error(`"${text}" has not ${set.size} bytes`)
  }
  return set
}
