import type { HeaderPair } from '@mosaajii/core'
import type { RuleState } from './decision.ts'

/** One rule as the fields show it: an item of `RateLimit-Policy`, and one of `RateLimit` where its state is known. */
export interface FieldItem {
  /** The policy's name, as it is told. An answer has each name once. */
  readonly name: string
  readonly policy: string
  readonly state: string | undefined
}

/** What an answer tells of limits. */
export interface ShownLimits {
  readonly items: readonly FieldItem[]
  /** What the old `X-RateLimit-*` fields tell; `undefined` where nobody asked for them. */
  readonly tightest: RuleState | undefined
}

/** The largest integer of structured fields: RFC 9651, section 3.3.1. */
const largest = 999_999_999_999_999

/**
 * A string of structured fields: RFC 9651, section 4.1.6.
 *
 * @throws {RangeError} when it is empty, longer than 128 characters, or has any but printable ASCII ones.
 */
export function quotedName(name: string): string {
  if (typeof name !== 'string' || !/^[\x20-\x7e]{1,128}$/.test(name)) {
    throw new RangeError('a name of a policy has 1 to 128 printable ASCII characters')
  }
  return `"${name.replaceAll(/["\\]/g, String.raw`\$&`)}"`
}

/**
 * An item of `RateLimit-Policy`: draft-ietf-httpapi-ratelimit-headers-11, section 3.1. Windows are told in whole seconds, rounded up: a client that
 * keeps to that keeps to the rule.
 *
 * @param name what {@link quotedName} made.
 */
export function policyItem(name: string, { limit, window }: Pick<RuleState, 'limit' | 'window'>): string {
  return `${name};q=${integer(limit)};w=${integer(seconds(window))}`
}

/** The parameter that tells clients apart, section 4.1.3: bytes, RFC 9651, section 4.1.8. */
export function partitionKey(hash: string): string {
  return `;pk=:${hash}:`
}

/** Whole seconds, rounded up, so that nobody comes back too early. */
export function seconds(ms: number): number {
  return Math.ceil(ms / 1000)
}

/** A number as structured fields can tell it: whole and not negative, whatever a store said. */
export function integer(value: number): number {
  return value >= 1 ? Math.min(Math.floor(value), largest) : 0
}

/** The state that stops a client first: the one with the least that remains, and of those the one where it stays so for longest. */
export function tighter(a: RuleState | undefined, b: RuleState): RuleState {
  if (a === undefined || b.remaining < a.remaining) return b
  return b.remaining === a.remaining && b.resetMs > a.resetMs ? b : a
}

/** What an outer guard has told, and what comes now: of one name the later one. */
export function mergeItems(outer: readonly FieldItem[], inner: readonly FieldItem[]): readonly FieldItem[] {
  if (outer.length === 0) return inner
  return [...outer.filter(({ name }) => !inner.some((item) => item.name === name)), ...inner]
}

/** The headers that tell it. */
export function limitHeaders({ items, tightest }: ShownLimits): HeaderPair[] {
  const headers: HeaderPair[] = []
  const policies = joined(items, 'policy')
  const states = joined(items, 'state')
  if (policies !== '') headers.push(['RateLimit-Policy', policies])
  if (states !== '') headers.push(['RateLimit', states])
  if (tightest !== undefined) {
    headers.push(
      ['X-RateLimit-Limit', String(integer(tightest.limit))],
      ['X-RateLimit-Remaining', String(integer(tightest.remaining))],
      ['X-RateLimit-Reset', String(integer(seconds(tightest.resetMs)))],
    )
  }
  return headers
}

/** A list of structured fields: RFC 9651, section 4.1.1. */
function joined(items: readonly FieldItem[], part: 'policy' | 'state'): string {
  let list = ''
  for (const item of items) {
    const text = item[part]
    if (text !== undefined) list += list === '' ? text : `, ${text}`
  }
  return list
}
