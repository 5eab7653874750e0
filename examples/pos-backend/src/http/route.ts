import type { Decision } from '@mosaajii/ratelimit'
import type { Caller } from '../limits.ts'

/** What a handler may know of a request, whichever framework received it. */
export interface ShopRequest extends Caller {
  /** The placeholders of the route's path, such as `id`. */
  readonly params: Readonly<Record<string, string>>
  readonly query: URLSearchParams
  /** The nonce of this answer's policy: a page puts it on its style and its script. */
  readonly nonce: string
  /** What the limits said of this request. */
  readonly limits: Decision
  /** The body, not read yet. */
  readonly body: AsyncIterable<Uint8Array>
  /** A header by its name in lower case. */
  header(name: string): string | undefined
}

/** What a handler answers. */
export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly text: string
}

/** One route of the shop, free of any framework. What a handler throws becomes problem details. */
export interface Route {
  readonly method: 'get' | 'post' | 'patch'
  /** As all three frameworks read it: `/customers/:id`. */
  readonly path: string
  /**
   * Which policy its answers carry, and which limits it has. All have that of the API but pages; only the API has the limit of the API, and not the
   * parts that a page loads.
   */
  readonly face: 'api' | 'page' | 'part'
  readonly handle: (request: ShopRequest) => Answer | Promise<Answer>
}

/** An answer of the API. It ends with a line break, so that answers in a terminal do not run into one another. */
export function json(value: unknown, status = 200): Answer {
  return { status, headers: { 'content-type': 'application/json' }, text: `${JSON.stringify(value)}\n` }
}

/** A page. */
export function page(html: { toString(): string }, headers: Readonly<Record<string, string>> = {}): Answer {
  return { status: 200, headers: { 'content-type': 'text/html; charset=utf-8', ...headers }, text: String(html) }
}

/** Leads a browser that sent a form to a page, which it then fetches. */
export function seeOther(location: string): Answer {
  return { status: 303, headers: { location }, text: '' }
}

/** The query of a request's target, such as `/customers?limit=2`. */
export function queryOf(target: string): URLSearchParams {
  const at = target.indexOf('?')
  return new URLSearchParams(at < 0 ? '' : target.slice(at + 1))
}
