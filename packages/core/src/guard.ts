import type { SecurityError } from './security-error.ts'

/** One response header. */
export type HeaderPair = readonly [name: string, value: string]

/** The name under which the data of a guard is found, and the type of that data. */
export interface Slot<T> {
  /** A name such as `cspNonce`. Frameworks show the data under it: `res.locals.cspNonce`, `reply.cspNonce`, `c.get('cspNonce')`. */
  readonly as: string
  /** Never there at run time; it carries the type. */
  readonly _data?: T
}

/** What a guard may know of a request, the same on every framework. One object serves all guards of a request. */
export interface Facts {
  /** As received, in capitals for all known methods. */
  readonly method: string
  /** Path and query as received. */
  readonly target: string
  /**
   * The client's address as the framework was told to trust it, in canonical form: IPv4-mapped addresses unmapped, zones stripped. Computed
   * on first use. `undefined` when the connection has none, for example on a Unix socket.
   *
   * @throws {SecurityError} `ADDRESS_SOURCE_MISSING` on Hono when the application never said how the address is found; `ADDRESS_UNTRUSTED` on
   * Express when it believes what clients write.
   */
  readonly address: string | undefined
  /**
   * A request header, by its name in any spelling (lower case is found fastest); `undefined` when it is missing. Several of one name are joined
   * with a comma. On Hono `host` is the URL's when the header is missing, as in `app.request()` and on HTTP/2.
   */
  header(name: string): string | undefined
  /** The data of a guard that ran before in this request. For a slot that is no guard: of the innermost one that has its name. */
  get<T>(guard: Slot<T>): T | undefined
}

/** The headers of an answer that is about to be written. */
export interface Answer {
  readonly status: number
  /** The value of a header; several of one name are joined with a comma. */
  get(name: string): string | undefined
  set(name: string, value: string): void
  remove(name: string): void
}

/** What a guard says about a request. Nothing but `pass: true` passes, and nothing but `pass: false` refuses; anything else is an error. */
export type Verdict<T> =
  | {
      readonly pass: true
      /** Kept for the request under the guard. */
      readonly data: T
      /**
       * They replace those that an outer guard of the same name had set; none given, none stay. Each name once; only `Set-Cookie` may come several
       * times, and adds to the cookies of others. A header that the handler sets itself wins over a guard's.
       */
      readonly headers?: readonly HeaderPair[]
      /** Called once, just before the headers go out, for what depends on the answer. Of guards with one name only the innermost is called. What it throws is ignored. */
      readonly writing?: (answer: Answer) => void
      /** Called once after the response with its status, or 499 when the client left before. What it throws is ignored. */
      readonly settled?: (status: number) => void
    }
  | { readonly pass: false; readonly error: SecurityError; readonly headers?: readonly HeaderPair[] }

/**
 * One check of requests, written once for all frameworks: facts in, verdict out. `toExpress`, `toHook`, `toPlugin` and `toHono` make
 * middleware of it. Guards with the same name (`as`) replace one another: the innermost wins. One that throws, rejects or answers anything
 * but a verdict stops the request.
 *
 * @example
 * const tillGuard: Guard<'till', string> = {
 *   as: 'till',
 *   check: (facts) => {
 *     const till = facts.header('x-till')
 *     if (till === undefined) return { pass: false, error: new SecurityError('TILL_MISSING', 'send X-Till', { status: 400 }) }
 *     return { pass: true, data: till }
 *   },
 * }
 */
export interface Guard<K extends string, T> extends Slot<T> {
  readonly as: K
  /** Answers at once where it can: a verdict that is no promise costs the request no turn of the event loop. */
  check(facts: Facts): Verdict<T> | Promise<Verdict<T>>
}
