import { canonicalAddress } from '../address.ts'
import type { Facts, Slot } from '../guard.ts'
import { type Entry, entryOf, type GuardRecord } from './record.ts'

/** The facts of one request and the record of its guards in one object: the whole cost of a request with guards, besides an entry for each. */
export abstract class RequestFacts implements Facts, GuardRecord {
  last: Entry | undefined = undefined
  watched = false
  hasCookies = false
  writing = false
  #address: string | undefined = undefined
  #addressKnown = false

  abstract readonly method: string
  abstract readonly target: string
  abstract header(name: string): string | undefined
  /** The client's address in the framework's words. */
  protected abstract findAddress(): string | undefined

  get address(): string | undefined {
    if (!this.#addressKnown) {
      const found = this.findAddress()
      this.#address = found === undefined ? undefined : canonicalAddress(found)
      this.#addressKnown = true
    }
    return this.#address
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
