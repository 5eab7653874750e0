// The guard says that its headers can be sent whatever happens, so that nobody looks at them for each request. Node is the judge.
import { validateHeaderName, validateHeaderValue } from 'node:http'
import type { Facts, HeaderPair } from '@mosaajii/core'
import { limitGuard, rateLimiter, type WindowStore } from '@mosaajii/ratelimit'
import fc from 'fast-check'
import { expect, test } from 'vitest'

const facts: Facts = { method: 'GET', target: '/', address: '192.0.2.1', header: () => undefined, get: () => undefined }

const evil = '1\r\nX-Evil: 1'
/** What a store may say of a number, against all that it should. */
const number = fc.oneof(
  fc.double(),
  fc.maxSafeInteger(),
  fc.constantFrom(evil, '\u20ac', null, undefined, {}, 7n, true),
)

/** A store that says such things. */
function saying(remaining: unknown, resetMs: unknown, retryAfterMs: unknown, admits: boolean): WindowStore {
  const state = { admits, remaining, retryAfterMs, resetMs, now: 0, receipt: undefined }
  const answer = () => ({ admitted: admits, counters: [state] })
  return { open: () => ({ take: answer, peek: answer }) } as unknown as WindowStore
}

/** What throws, when the guard is made or before the handler runs, sends nothing. */
function headersFrom(
  name: string,
  store: WindowStore,
  options: { readonly isPk: boolean; readonly legacy: boolean },
): readonly HeaderPair[] | undefined {
  const rules = {
    api: { limit: 2, window: '1m', key: ({ address }: Facts) => address, onStoreFailure: 'deny' },
  } as const
  const limiter = rateLimiter({ rules, store })
  const { isPk, legacy } = options
  const partitionKey = isPk ? { partitionKey: { secret: new Uint8Array(16) } } : {}
  try {
    const guard = limitGuard(limiter, ['api'], { legacy, policyNames: { api: name }, ...partitionKey })
    const verdict = guard.check(facts)
    return verdict instanceof Promise ? undefined : verdict.headers
  } catch {
    return undefined
  }
}

const anyName = fc.oneof(
  fc.string({ minLength: 1, maxLength: 130, unit: 'grapheme-ascii' }),
  fc.string({ maxLength: 12, unit: 'binary' }),
  fc.constantFrom(evil, 'a"b', String.raw`a\b`, 'caf\u00e9', 'a\tb'),
)

test('what the guard says of limits can be sent, whatever the names and whatever a store says', () => {
  let sent = 0
  fc.assert(
    fc.property(
      anyName,
      number,
      number,
      number,
      fc.boolean(),
      fc.record({ isPk: fc.boolean(), legacy: fc.boolean() }),
      (name, left, reset, wait, admits, options) => {
        const headers = headersFrom(name, saying(left, reset, wait, admits), options)
        for (const [header, value] of headers ?? []) {
          validateHeaderName(header)
          validateHeaderValue(header, value)
          expect(header.toLowerCase()).not.toBe('set-cookie')
          sent++
        }
        const names = (headers ?? []).map(([header]) => header.toLowerCase())
        expect(new Set(names).size).toBe(names.length)
      },
    ),
    { numRuns: 3000 },
  )
  expect(sent).toBeGreaterThan(3000)
})
