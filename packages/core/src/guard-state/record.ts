import type { Answer, HeaderPair, Slot } from '../guard.ts'

/** What one guard left behind in a request. The entries of a request are a chain, the innermost first. */
export interface Entry {
  /** `undefined` when the guard refused: then it has no data. */
  readonly guard: Slot<unknown> | undefined
  readonly as: string
  readonly data: unknown
  readonly headers: readonly HeaderPair[] | undefined
  readonly writing: ((answer: Answer) => void) | undefined
  /** The entry of the guard that ran before. */
  readonly previous: Entry | undefined
  /** A guard of the same name ran later: its headers and its `writing` are the ones that count. */
  replaced: boolean
}

/** The guards of one request. */
export interface GuardRecord {
  /** The entry of the guard that ran last. */
  last: Entry | undefined
  /** `writeHead` of the response calls the `writing` of guards. */
  watched: boolean
  /** A guard has set a cookie. */
  hasCookies: boolean
  /** They are being called. */
  writing: boolean
}

/**
 * Where the record lies on what the framework hands to handlers. A registered symbol and plain data, because two copies of this package in
 * one process (a common npm accident) must find each other's guards.
 */
export const recordKey: unique symbol = Symbol.for('@mosaajii/core/guards-1') as never

/** Something that a record can lie on: Express' `req`, Fastify's `request`, Hono's context. */
export interface Carrier {
  [recordKey]?: GuardRecord | undefined
  /** The inside of a stream, of which each request of Node has its own. */
  readonly _readableState?: { [recordKey]?: GuardRecord | undefined } | null | undefined
}

/**
 * Finds the record of a request. What was made of a request with `Object.create` shares the guards that had run before, and keeps those that
 * run on it to itself.
 */
export function recordOf(carrier: Carrier): GuardRecord | undefined {
  const inside = ownInside(carrier)
  return inside === undefined ? (carrier[recordKey] ?? carrier._readableState?.[recordKey]) : inside[recordKey]
}

/**
 * Puts the record of a request where `recordOf` finds it: inside of its stream if it is one, because Express changes the prototype of each
 * request, and Node 20 and 22 then make a hidden class of its own for each property that the request gets, which costs microseconds here and
 * in the collector.
 */
export function keepRecord(carrier: Carrier, record: GuardRecord): void {
  const place = ownInside(carrier) ?? carrier
  place[recordKey] = record
}

function ownInside(carrier: Carrier): NonNullable<Carrier['_readableState']> | undefined {
  return Object.hasOwn(carrier, '_readableState') ? (carrier._readableState ?? undefined) : undefined
}

/**
 * The entry of a guard, or for a slot that is no guard, of the innermost guard that has its name. Guards are told apart by identity, so that
 * a second guard of the same name never passes for the first.
 */
export function entryOf(record: GuardRecord | undefined, slot: Slot<unknown>): Entry | undefined {
  const byName = !('check' in slot)
  let entry = record?.last
  while (entry !== undefined) {
    if (entry.guard === slot || (byName && entry.guard !== undefined && entry.as === slot.as)) return entry
    entry = entry.previous
  }
  return undefined
}
