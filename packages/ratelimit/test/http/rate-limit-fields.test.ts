// The fields as draft-ietf-httpapi-ratelimit-headers-11 has them, read by a parser of structured fields (RFC 9651) that is not ours.
import fc from 'fast-check'
import { parseList } from 'structured-headers'
import { describe, expect, test } from 'vitest'
import type { RuleState } from '../../src/decision.ts'
import {
  type FieldItem,
  integer,
  limitHeaders,
  mergeItems,
  partitionKey,
  policyItem,
  quotedName,
  seconds,
  tighter,
} from '../../src/rate-limit-fields.ts'
import { StateItem } from '../../src/state-item.ts'

const name = fc.string({
  unit: fc.integer({ min: 0x20, max: 0x7e }).map((code) => String.fromCharCode(code)),
  minLength: 1,
  maxLength: 128,
})
const limit = fc.integer({ min: 1, max: 1_000_000_000 })
const time = fc.integer({ min: 1, max: 366 * 86_400_000 })

function stateItem(name: string, state: Pick<RuleState, 'remaining' | 'resetMs'>): string {
  return new StateItem(name).text(state)
}

function itemsOf(list: string): [unknown, Record<string, unknown>][] {
  return parseList(list).map(([value, parameters]) => [value, Object.fromEntries(parameters as Map<string, unknown>)])
}

describe('the items', () => {
  test('are those of the draft', () => {
    const [permin, perhr] = [quotedName('permin'), quotedName('perhr')]
    expect([
      policyItem(permin, { limit: 50, window: 60_000 }),
      policyItem(perhr, { limit: 1000, window: 3_600_000 }),
    ]).toEqual(['"permin";q=50;w=60', '"perhr";q=1000;w=3600'])
    expect(stateItem(quotedName('default'), { remaining: 50, resetMs: 30_000 })).toBe('"default";r=50;t=30')
    expect(stateItem(quotedName('default'), { remaining: 999, resetMs: 0 }) + partitionKey('dHJpYWwxMjEzMjM=')).toBe(
      '"default";r=999;pk=:dHJpYWwxMjEzMjM=:',
    )
  })

  test('tell each state, whatever was told before it', () => {
    const upTo = (most: number) => fc.integer({ min: 0, max: most }).chain((digits) => fc.nat(10 ** digits))
    const edges = fc.constantFrom(2 ** 31 - 1, 2 ** 31, 2 ** 32, 10 ** 15 - 1)
    const state = fc.record({ remaining: fc.oneof(upTo(15), edges), resetMs: upTo(12).map((s) => 1000 * s) })
    const states = fc.array(state, { minLength: 2, maxLength: 20 })
    fc.assert(
      fc.property(name, states, (name, states) => {
        const item = new StateItem(quotedName(name))
        for (const { remaining, resetMs } of states) {
          const [r, t] = [integer(remaining), integer(seconds(resetMs))]
          expect(item.text({ remaining, resetMs })).toBe(`${quotedName(name)};r=${r}${t === 0 ? '' : `;t=${t}`}`)
        }
      }),
    )
  })

  test('come through a parser, whatever the name and the numbers', () => {
    fc.assert(
      fc.property(
        name,
        limit,
        time,
        fc.nat(1_000_000_000),
        fc.nat(366 * 86_400_000),
        (name, limit, window, remaining, resetMs) => {
          const quoted = quotedName(name)
          const policy = itemsOf(policyItem(quoted, { limit, window }))
          expect(policy).toEqual([[name, { q: limit, w: Math.ceil(window / 1000) }]])
          const t = resetMs === 0 ? {} : { t: Math.ceil(resetMs / 1000) }
          expect(itemsOf(stateItem(quoted, { remaining, resetMs }))).toEqual([[name, { r: remaining, ...t }]])
        },
      ),
    )
  })

  test('have integers of at most 15 digits', () => {
    const text = policyItem('"a"', { limit: Number.MAX_SAFE_INTEGER, window: Number.MAX_SAFE_INTEGER })
    expect(itemsOf(text)).toEqual([['a', { q: 999_999_999_999_999, w: Math.ceil(Number.MAX_SAFE_INTEGER / 1000) }]])
  })

  test('tell whole numbers as JavaScript writes them', () => {
    const whole = fc.oneof(
      fc.nat(),
      fc.integer({ min: 0, max: 999_999_999_999_999 }),
      fc.nat(15).map((n) => 10 ** n - 1),
    )
    // As milliseconds they must be numbers that are still exact.
    const wait = fc.oneof(
      fc.nat(),
      fc.nat(12).map((n) => 10 ** n - 1),
    )
    fc.assert(
      fc.property(whole, wait, (remaining, waitSeconds) => {
        const t = waitSeconds === 0 ? '' : `;t=${waitSeconds}`
        expect(stateItem('"a"', { remaining, resetMs: waitSeconds * 1000 })).toBe(`"a";r=${remaining}${t}`)
      }),
      { numRuns: 1000 },
    )
  })

  test('stay fields of digits whatever a store of somebody else says', () => {
    for (const [value, told] of [
      [Number.NaN, 0],
      [-3, 0],
      [0.5, 0],
      [2.5, 2],
      [Number.POSITIVE_INFINITY, 999_999_999_999_999],
      [undefined as never, 0],
    ] as const) {
      expect(stateItem('"a"', { remaining: value, resetMs: 0 })).toBe(`"a";r=${told}`)
    }
    expect(stateItem('"a"', { remaining: 1, resetMs: Number.NaN })).toBe('"a";r=1')
    expect(stateItem('"a"', { remaining: 1, resetMs: -1000 })).toBe('"a";r=1')
  })

  test('a window and a wait below a second is one', () => {
    expect([1, 999, 1000, 1001].map(seconds)).toEqual([1, 1, 1, 2])
    expect(policyItem('"a"', { limit: 1, window: 1 })).toBe('"a";q=1;w=1')
  })
})

describe('a name', () => {
  test('cannot end its string', () => {
    expect(quotedName('a"b\\c')).toBe(String.raw`"a\"b\\c"`)
    expect(itemsOf(`${quotedName('a";r=9, "b\\')};r=1`)).toEqual([['a";r=9, "b\\', { r: 1 }]])
  })

  test.each(['', 'a\nb', 'a\r\nX: y', 'é', '\u0000', 'x'.repeat(129), 7, undefined])('%j is none', (name) => {
    expect(() => quotedName(name as string)).toThrow(RangeError)
  })
})

describe('the headers', () => {
  const item = (name: string, state: string | undefined): FieldItem => ({
    name: quotedName(name),
    policy: policyItem(quotedName(name), { limit: 1, window: 1000 }),
    state,
  })

  test('have the items in their order', () => {
    const items = [item('a', '"a";r=1'), item('b', undefined), item('c', '"c";r=0;t=5')]
    const headers = new Map(limitHeaders({ items, tightest: undefined }))
    expect([...headers.keys()]).toEqual(['RateLimit-Policy', 'RateLimit'])
    expect(itemsOf(headers.get('RateLimit-Policy') ?? '').map(([name]) => name)).toEqual(['a', 'b', 'c'])
    expect(itemsOf(headers.get('RateLimit') ?? '')).toEqual([
      ['a', { r: 1 }],
      ['c', { r: 0, t: 5 }],
    ])
  })

  test('are left out where a list would be empty', () => {
    expect(limitHeaders({ items: [], tightest: undefined })).toEqual([])
    expect(limitHeaders({ items: [item('a', undefined)], tightest: undefined })).toEqual([
      ['RateLimit-Policy', '"a";q=1;w=1'],
    ])
  })

  test('of one name have the later item', () => {
    const merged = mergeItems(
      [item('a', '"a";r=5'), item('b', '"b";r=4')],
      [item('a', '"a";r=3'), item('c', '"c";r=2')],
    )
    expect(merged.map(({ state }) => state)).toEqual(['"b";r=4', '"a";r=3', '"c";r=2'])
    expect(mergeItems([], [item('a', '"a";r=3')])).toHaveLength(1)
  })

  test('of old tell the rule with the least that remains, and of those the one where it stays so for longest', () => {
    const state = (remaining: number, resetMs: number): RuleState => ({
      limit: 100,
      window: 1000,
      remaining,
      resetMs,
      retryAfterMs: 0,
      shadow: false,
    })
    const tightest = [state(5, 100), state(3, 2500), state(3, 9001), state(3, 400), state(90, 1)].reduce((a, b) =>
      tighter(a, b),
    )
    expect(limitHeaders({ items: [], tightest })).toEqual([
      ['X-RateLimit-Limit', '100'],
      ['X-RateLimit-Remaining', '3'],
      ['X-RateLimit-Reset', '10'],
    ])
    expect(tighter(undefined, state(1, 1))).toEqual(state(1, 1))
  })
})
