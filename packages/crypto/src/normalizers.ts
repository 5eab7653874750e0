import { type CryptoError, cryptoError } from './errors.ts'
import { isWellFormed } from './names.ts'

const utf8 = new TextEncoder()

function invalid(message: string): CryptoError {
  return cryptoError('INDEX_INPUT_INVALID', `blind index: ${message}`, { status: 422 })
}

function checkText(text: unknown, longest: number): asserts text is string {
  if (typeof text !== 'string') throw invalid('give the value as a string')
  if (text === '') throw invalid('the value is empty, and an empty value is not indexed')
  // A UTF-16 unit becomes at most three bytes: only a long text has to be encoded to be measured.
  if (text.length > longest || (text.length * 3 > longest && utf8.encode(text).length > longest)) {
    throw invalid(`the value is longer than ${longest} bytes of UTF-8`)
  }
  if (!isWellFormed(text)) throw invalid('the value has a lone surrogate')
}

/**
 * Checks what goes in and what comes out: a normal form can be longer than its input, and must be acceptable itself.
 *
 * @param longest bytes of UTF-8, checked before any other work: NFC sorts combining marks in time that grows with the square of their
 * number, so that 64 KiB of them would stop the process for seconds.
 */
function checked(longest: number, normalForm: (text: string) => string): (value: string) => string {
  return (value) => {
    checkText(value, longest)
    const normal = normalForm(value)
    if (normal !== value) checkText(normal, longest)
    return normal
  }
}

// One @; none of the specials of RFC 5322, which appear in quoted names and lists; nothing invisible, except the two joiners that
// Persian and Indic domains need; no empty first or last label in the domain.
const emailAddress =
  /^(?:(?![\u200c\u200d])[^@\s\p{Cc}\p{Cf}"(),:;<>[\]\\]|[\u200c\u200d])+@(?!\.)(?:[^@\s\p{Cc}\p{Cf}"(),:;<>[\]\\]|[\u200c\u200d])+(?<!\.)$/u

// The same rule for ASCII, which is nearly every address: it spares the search two passes of Unicode normalization.
const asciiAddress = /^[!#-'*+\-/-9=?A-Z^-~.]+@(?!\.)[!#-'*+\-/-9=?A-Z^-~.]+(?<!\.)$/

function email(text: string): string {
  if (asciiAddress.test(text)) return text.toLowerCase()
  const address = text.trim().normalize('NFC').toLowerCase().normalize('NFC')
  if (!emailAddress.test(address)) throw invalid('the value is not one email address, such as name@example.com')
  return address
}

// Spaces of any width, dashes of any length, and what people put between groups of digits.
const separators = /[\p{Zs}\t\p{Pd}./()]+/gu
const phoneNumber = /^(?:(?:\+|00)([1-9]\d{3,14})|(?!00)\d{4,15})$/

function phone(text: string): string {
  const bare = text.trim().replaceAll(separators, '')
  const match = phoneNumber.exec(bare)
  if (!match) throw invalid('the value is not a phone number of 4 to 15 digits, such as +44 20 7946 0958')
  return match[1] === undefined ? bare : `+${match[1]}`
}

function digits(text: string): string {
  const bare = text.trim().replaceAll(separators, '')
  if (!/^\d+$/.test(bare)) throw invalid('the value has something other than the digits 0 to 9 and separators')
  return bare
}

/**
 * The normal forms that a blind index can compute before it makes a token, so that two spellings of one value are found as one. Each
 * takes a text and returns its normal form; the normal form of a normal form is itself. The name is part of the index key, so changing
 * it means rebuilding the index. The limits are bytes of UTF-8, of the text as it is given and of its normal form.
 *
 * - `email`, at most 320 bytes (RFC 5321, 4.5.3.1: 64 before the `@`, 255 after it): spaces around it removed, NFC (RFC 6532 warns that
 *   NFKC merges different addresses), all of it in lower case. RFC 5321 lets a server tell `Ada@` from `ada@`; none that people use does,
 *   and a customer who types a capital must be found. Dots and `+tags` stay: whether they matter differs between providers. `xn--` and
 *   Unicode spellings of a domain stay different; choose one before.
 * - `phone`, at most 256 bytes: digits with a leading `+` for `+` or `00`; spaces, dashes, `.`, `/` and brackets are dropped, letters
 *   refused. Without a country code two spellings stay different (`020 7946 0958`, `+44 20 7946 0958`), and so does a bracketed trunk
 *   zero (`+44 (0)20`): bring numbers to E.164 with libphonenumber first where both occur.
 * - `digits`, at most 256 bytes: the digits 0 to 9, leading zeros kept; the same separators are dropped, everything else is refused,
 *   digits of other scripts too.
 * - `exact`, at most 64 KiB: the text as it is.
 *
 * @throws {CryptoError} `INDEX_INPUT_INVALID` for what cannot be indexed; the message never shows the value.
 * @example
 * normalizers.email(' Ada@Example.com ') // 'ada@example.com'
 * normalizers.phone('0044 20 7946-0958') // '+442079460958'
 * normalizers.digits('4111 1111 1111 1111') // '4111111111111111'
 */
export const normalizers: Readonly<Record<'email' | 'phone' | 'digits' | 'exact', (value: string) => string>> =
  Object.freeze({
    email: checked(320, email),
    phone: checked(256, phone),
    digits: checked(256, digits),
    exact: checked(65_536, (text) => text),
  })

/** The name of a normal form: `email`, `phone`, `digits` or `exact`. */
export type Normalizer = keyof typeof normalizers
