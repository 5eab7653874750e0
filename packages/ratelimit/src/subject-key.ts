import { ignoreOutcome, refusePromise } from './checks.ts'
import { RateLimitError } from './errors.ts'
import type { KeyPart } from './rule.ts'

const mostParts = 8
const longestPart = 256

/** What no key of one part begins with, unless it is written like one of several. */
const composite = '\u0000'

/**
 * Makes the name of a counter of what a rule's key function gave. Two keys have one name only if their parts are the same, in the same order. A
 * number counts as its decimal digits: `5` and `'5'` are one subject, so that nobody gets a second counter by sending the other.
 *
 * @param rule the rule's name, for the messages: they never show a value.
 * @throws {RateLimitError} `RATE_KEY_MISSING` for `undefined`, `RATE_KEY_INVALID` for anything else that is no key.
 * @throws {TypeError} for a promise, which is a mistake of the application and not of its client.
 */
export function subjectKey(rule: string, key: KeyPart | readonly KeyPart[]): string {
  try {
    return nameOf(rule, key)
  } catch (error) {
    if (Array.isArray(key)) for (const part of key as readonly unknown[]) ignoreOutcome(part)
    throw error
  }
}

function nameOf(rule: string, key: KeyPart | readonly KeyPart[]): string {
  if (!Array.isArray(key)) {
    const text = partOf(rule, key as KeyPart, 0)
    // Not startsWith(): it is slower, by a few per cent of a whole check.
    return text.charCodeAt(0) === 0 ? composite + measured(text) : text
  }
  if (key.length === 0 || key.length > mostParts) {
    throw invalid(rule, `the key has ${key.length} parts; give 1 to ${mostParts}`)
  }
  if (key.length === 1) return nameOf(rule, partOf(rule, (key as readonly KeyPart[])[0], 0))
  let name = composite
  for (let i = 0; i < key.length; i++) name += measured(partOf(rule, (key as readonly KeyPart[])[i], i))
  return name
}

/** With its length in front no part can reach into the next. */
function measured(text: string): string {
  return `${text.length}:${text}`
}

function partOf(rule: string, part: KeyPart, index: number): string {
  if (typeof part === 'string') {
    if (part.length >= 1 && part.length <= longestPart) return part
    throw invalid(
      rule,
      `part ${index} of the key is ${part === '' ? 'empty' : 'too long'}; give 1 to ${longestPart} characters`,
    )
  }
  if (Number.isSafeInteger(part)) return String(part)
  if (part === undefined) {
    throw new RateLimitError(
      'RATE_KEY_MISSING',
      `rule '${rule}': part ${index} of the key is undefined; check a call only when its subject is known`,
    )
  }
  refusePromise(part, `rule '${rule}': part ${index} of the key`)
  throw invalid(rule, `part ${index} of the key is neither a string nor a whole number`)
}

function invalid(rule: string, what: string): RateLimitError {
  return new RateLimitError('RATE_KEY_INVALID', `rule '${rule}': ${what}`, { status: 400 })
}
