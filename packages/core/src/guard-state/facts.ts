import { canonicalAddress } from '../address.ts'
import type { Facts, Slot } from '../guard.ts'
import { type Entry, entryOf, type GuardRecord } from './record.ts'

/** How a framework tells the facts of its request. */
export interface RequestReader<R> {
  method(request: R): string
  target(request: R): string
  header(request: R, name: string): string | undefined
  /** The client's address in the framework's words. */
  address(request: R): string | undefined
}

/**
 * The facts of one request and the record of its guards in one object: the whole cost of a request with guards, besides an entry for each. A reader
 * says what differs between frameworks, and no derived class, whose `super()` Node 22 does not inline.
 */
export class RequestFacts<R> implements Facts, GuardRecord {
  last: Entry | undefined = undefined
  watched = false
  hasCookies = false
  writing = false
  readonly #request: R
  readonly #reader: RequestReader<R>
  #address: string | undefined = undefined
  #addressKnown = false

  constructor(request: R, reader: RequestReader<R>) {
    this.#request = request
    this.#reader = reader
  }

  get method(): string {
    return this.#reader.method(this.#request)
  }

  get target(): string {
    return this.#reader.target(this.#request)
  }

  get address(): string | undefined {
    if (!this.#addressKnown) {
      const found = this.#reader.address(this.#request)
      this.#address = found === undefined ? undefined : canonicalAddress(found)
      this.#addressKnown = true
    }
    return this.#address
  }

  header(name: string): string | undefined {
    return this.#reader.header(this.#request, name)
  }

  get<T>(guard: Slot<T>): T | undefined {
    return entryOf(this, guard)?.data as T | undefined
  }
}

/** Reads a header from Node's parsed ones, whose names are in lower case, where `set-cookie` is an array and every object's own names are no headers. */
export function headerText(
  headers: Readonly<Record<string, string | string[] | undefined>>,
  name: string,
): string | undefined {
  return textOf(headers[name]) ?? textOf(headers[name.toLowerCase()])
}

function textOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value
  return Array.isArray(value) ? value.join(', ') : undefined
}
