// Three small guards, and the same written by hand for each framework in express-bridge.mjs and its like.
import { SecurityError } from '@mosaajii/core'

/** What each looks at, and the header in which it says so. */
export const FIELDS = ['till', 'shop', 'trace']

/** The value of a request header if it is one, else `undefined`. */
export const word = (value) => (value !== undefined && /^[\w-]{1,40}$/.test(value) ? value : undefined)

export const missing = (field) => new SecurityError('FIELD_MISSING', `send X-${field}`, { status: 400 })

export const guards = FIELDS.map((as) => ({
  as,
  check: (facts) => {
    const value = word(facts.header(`x-${as}`))
    if (value === undefined) return { pass: false, error: missing(as) }
    return { pass: true, data: value, headers: [[`X-Seen-${as}`, value]] }
  },
}))
