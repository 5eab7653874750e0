const maxNameBytes = 200
const utf8 = new TextEncoder()

/**
 * Tells whether a text has no lone surrogate, so that it has exactly one UTF-8 form.
 *
 * @example
 * isWellFormed('caf\u00e9') // true
 * isWellFormed('\ud83d') // false
 */
export function isWellFormed(text: string): boolean {
  // Every supported runtime has the method; the library types of ES2023 do not.
  return (text as unknown as { isWellFormed(): boolean }).isWellFormed()
}

/**
 * Checks the name of a table, column, tenant, schema or index.
 *
 * @param value what the caller gave.
 * @param what what it is, for the message, for example `'table'`.
 * @returns the same text: not empty, well-formed, at most 200 bytes of UTF-8, without control characters.
 * @throws {TypeError} when it is not a string.
 * @throws {RangeError} when it is a string that cannot be a name.
 * @example
 * checkName('customers', 'table') // 'customers'
 */
export function checkName(value: unknown, what: string): string {
  if (typeof value !== 'string') throw new TypeError(`${what}: give the name as a string`)
  if (value === '') throw new RangeError(`${what}: the name is empty; give at least one character`)
  // A text has at least as many bytes as UTF-16 units, so an endless one is turned away before it is encoded.
  if (value.length > maxNameBytes || utf8.encode(value).length > maxNameBytes) {
    throw new RangeError(`${what}: the name is too long; give at most ${maxNameBytes} bytes of UTF-8`)
  }
  if (!isWellFormed(value)) throw new RangeError(`${what}: the name has a lone surrogate; give well-formed text`)
  if (/[\p{Cc}\u2028\u2029]/u.test(value)) {
    throw new RangeError(`${what}: the name has a control character or a line break; remove it`)
  }
  return value
}

// In this order: a plural acronym (PINs), an acronym (PIN of PINBlock), a word with or without a capital, a number.
const word = /\p{Lu}{2,}s(?!\p{Ll})|\p{Lu}+(?!\p{Ll})\p{M}*|[\p{Lu}\p{Lt}]?[\p{Ll}\p{Lo}\p{Lm}\p{M}]+|\p{Lt}|\p{N}+/gu

/**
 * Cuts a name into its words, for comparing names that people spell in many ways. Compatibility forms (full-width letters, superscript
 * digits) are folded by NFKC and invisible characters are dropped; a word ends at a separator, at a change from small to capital
 * letters and between letters and digits. Words come in lower case and in the singular.
 *
 * @example
 * nameTokens('PINBlock') // ['pin', 'block']
 * nameTokens('cvv2Code') // ['cvv', '2', 'code']
 * nameTokens('gift-cards.code') // ['gift', 'card', 'code']
 */
export function nameTokens(name: string): string[] {
  const folded = name.normalize('NFKC').replaceAll(/\p{Default_Ignorable_Code_Point}+/gu, '')
  return (folded.match(word) ?? []).map((token) => singular(token.toLowerCase()))
}

/** The endings of English plurals and what stands for them in the singular. The first that fits counts. */
const plurals: readonly (readonly [RegExp, string])[] = [
  [/(?<=..)ies$/, 'y'],
  [/(?<=ss|sh|ch|x)es$/, ''],
  [/(?<=..[^siu])s$/, ''],
]

function singular(token: string): string {
  const plural = plurals.find(([ending]) => ending.test(token))
  return plural ? token.replace(plural[0], plural[1]) : token
}
