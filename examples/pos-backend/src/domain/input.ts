import { isLuhn } from './card.ts'
import { ShopError } from './errors.ts'

/** Reads one value, or throws `INPUT_INVALID` with the field's name. */
export type Reader<T> = (value: unknown, field: string) => T

/** What an object of readers reads. */
export type Read<Shape extends Record<string, Reader<unknown>>> = { [K in keyof Shape]: ReturnType<Shape[K]> }

/**
 * A reader for an object with exactly these fields. It makes a new object and takes nothing from the input that it does not know.
 *
 * @throws {ShopError} `INPUT_INVALID`; its detail names the field and the rule, never the value.
 * @example
 * const readTill = object({ till: integer({ min: 1, max: 99 }) })
 * readTill({ till: 3 }, 'body') // { till: 3 }
 */
export function object<Shape extends Record<string, Reader<unknown>>>(shape: Shape): Reader<Read<Shape>> {
  const names = Object.keys(shape)
  return (value, field) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) throw invalid(field, 'must be an object')
    // The unknown name is not repeated: it is the client's text, and could be anything.
    if (Object.keys(value).some((key) => !names.includes(key)))
      throw invalid(field, 'has a field that is not known here')
    const entries = names.map((name) => [name, shape[name]?.(ownValue(value, name), name)])
    return Object.fromEntries(entries) as Read<Shape>
  }
}

/** A list of at least one and at most `max` values. */
export function list<T>(read: Reader<T>, { max }: { max: number }): Reader<T[]> {
  return (value, field) => {
    if (!Array.isArray(value) || value.length < 1 || value.length > max) {
      throw invalid(field, `must be a list of 1 to ${max}`)
    }
    return value.map((item) => read(item, field))
  }
}

/** The value, or `undefined` when it is absent. */
export function optional<T>(read: Reader<T>): Reader<T | undefined> {
  return (value, field) => (value === undefined ? undefined : read(value, field))
}

/** The value, or `null` when it is null or absent. */
export function nullable<T>(read: Reader<T>): Reader<T | null> {
  return (value, field) => (value === undefined || value === null ? null : read(value, field))
}

/** `true` or `false`. */
export const flag: Reader<boolean> = (value, field) => {
  if (typeof value !== 'boolean') throw invalid(field, 'must be true or false')
  return value
}

/** A whole number within bounds. */
export function integer({ min, max }: { min: number; max: number }): Reader<number> {
  return (value, field) => {
    if (!Number.isSafeInteger(value) || (value as number) < min || (value as number) > max) {
      throw invalid(field, `must be a whole number from ${min} to ${max}`)
    }
    return value as number
  }
}

/** A text of at most `max` UTF-16 units that has the wanted form; the length is checked before the pattern runs. */
export function text(
  max: number,
  pattern: RegExp,
  rule: string,
  tidy: (text: string) => string = trimmed,
): Reader<string> {
  return (value, field) => {
    // A lone surrogate has no UTF-8 form, so it cannot be sealed.
    if (typeof value !== 'string' || value.length > max || /\p{Cs}/u.test(value)) throw invalid(field, rule)
    const tidied = tidy(value)
    if (!pattern.test(tidied)) throw invalid(field, rule)
    return tidied
  }
}

/** The id of a row. */
export const rowId: Reader<string> = text(36, /^[0-9a-f-]{36}$/, 'must be the id of a row')

/** A person's name: 1 to 120 characters without control characters. */
export const personName: Reader<string> = text(120, /^[^\p{Cc}]+$/u, 'must be a name of 1 to 120 characters')

/** An e-mail address, as loosely as is useful: the only real check is to send a letter. */
export const emailAddress: Reader<string> = text(
  254,
  /^[^\s@]{1,64}@[^\s@.]+(\.[^\s@.]+)+$/,
  'must be an e-mail address',
)

/** A phone number in the form of E.164, spaces allowed. */
export const phoneNumber: Reader<string> = text(
  32,
  /^\+[1-9]\d{6,14}$/,
  'must be a phone number with + and the country code',
  (value) => value.replaceAll(/[\s().-]/g, ''),
)

/** An amount in the currency's smallest unit. */
export const amount: Reader<number> = integer({ min: 1, max: 100_000_00 })

/** A currency, ISO 4217. */
export const currency: Reader<string> = text(3, /^[A-Z]{3}$/, 'must be three capital letters')

/** The month in which a card ends, `YYYY-MM`. */
export const cardExpiry: Reader<string> = text(7, /^20\d{2}-(0[1-9]|1[0-2])$/, 'must be a month such as 2031-08')

/** A card verification value. */
export const cardVerification: Reader<string> = text(4, /^\d{3,4}$/, 'must be 3 or 4 digits')

/** A card number: 12 to 19 digits with a right check digit; spaces and hyphens are taken out. */
export const cardNumber: Reader<string> = (value, field) => {
  const pan = digits(value, field)
  if (!isLuhn(pan)) throw invalid(field, 'must be a card number with a right check digit')
  return pan
}

const digits = text(32, /^\d{12,19}$/, 'must be a card number of 12 to 19 digits', (value) =>
  value.replaceAll(/[\s-]/g, ''),
)

function trimmed(value: string): string {
  return value.trim()
}

// An inherited property (of a polluted prototype, say) is not input.
function ownValue(value: object, name: string): unknown {
  return Object.hasOwn(value, name) ? (value as Record<string, unknown>)[name] : undefined
}

function invalid(field: string, rule: string): ShopError {
  return new ShopError('INPUT_INVALID', `${field} ${rule}`, { field, rule })
}
