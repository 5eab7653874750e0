import type { Facts, Slot } from '@mosaajii/core'

/** What a test wants to say of a request. */
export interface SomeFacts {
  readonly method?: string
  readonly target?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly data?: ReadonlyMap<Slot<unknown>, unknown>
}

/** A request without a framework. */
export function facts({ method = 'GET', target = '/', headers = {}, data = new Map() }: SomeFacts = {}): Facts {
  return {
    method,
    target,
    address: '127.0.0.1',
    header: (name) => headers[name],
    get: <T>(slot: Slot<T>) => data.get(slot) as T | undefined,
  }
}
