import { errorField } from './foreign-error.ts'
import type { HeaderPair } from './guard.ts'
import { isSecurityError, type Scalar } from './security-error.ts'

/** Problem details for HTTP, RFC 9457: the body of an `application/problem+json` response, without the members of its type. */
export interface Problem {
  /** A URI reference that names the kind of problem; `about:blank` says no more than the status does. */
  readonly type: string
  /** A short text for people, the same for each occurrence. */
  readonly title: string
  /** The HTTP status, 400 to 599. */
  readonly status: number
  /** The error's literal code. */
  readonly code?: string
  /** The error's client-safe facts. */
  readonly facts?: Readonly<Record<string, Scalar>>
}

/**
 * What a `SecurityError` may say of its problem, in a property `problem`: for an error whose type somebody else has defined. A client sees all of
 * it.
 *
 * @example
 * class TillError extends SecurityError<'TILL_BUSY'> {
 *   readonly problem: ProblemParts = { type: 'https://shop.example/problems#till-busy', headers: [['Retry-After', '5']] }
 * }
 */
export interface ProblemParts {
  /** In place of the type and the title that are made of the code and the status. */
  readonly type?: string
  readonly title?: string
  /** Further members of the problem. They replace none of its own. */
  readonly members?: Readonly<Record<string, Scalar | readonly Scalar[]>>
  /** Sent with the problem by `problems()`. */
  readonly headers?: readonly HeaderPair[]
}

const titles: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  406: 'Not Acceptable',
  408: 'Request Timeout',
  409: 'Conflict',
  410: 'Gone',
  411: 'Length Required',
  412: 'Precondition Failed',
  413: 'Content Too Large',
  414: 'URI Too Long',
  415: 'Unsupported Media Type',
  416: 'Range Not Satisfiable',
  417: 'Expectation Failed',
  421: 'Misdirected Request',
  422: 'Unprocessable Content',
  426: 'Upgrade Required',
  428: 'Precondition Required',
  429: 'Too Many Requests',
  431: 'Request Header Fields Too Large',
  500: 'Internal Server Error',
  501: 'Not Implemented',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
}

/**
 * Turns anything that was thrown into RFC 9457 problem details. A `SecurityError` shows its code and its client-safe detail, never its
 * message, stack or cause, and what it has as `problem`, a {@link ProblemParts}; anything else is a bare 500.
 *
 * @param error what was caught.
 * @returns a new object, safe to send to a client.
 * @example
 * const problem = toProblem(new SecurityError('ORDER_LOCKED', 'locked by till 3', { status: 409 }))
 * problem.status // 409
 * problem.type // 'urn:mosaajii:problem:order-locked'
 */
export function toProblem(error: unknown): Problem {
  if (!isSecurityError(error)) return problemOf(500)
  const { code, status, detail } = error
  const { type = `urn:mosaajii:problem:${slug(code)}`, title = titleOf(status), members } = partsOf(error)
  const facts = Object.keys(detail).length === 0 ? {} : { facts: { ...detail } }
  const problem = { type, title, status, code, ...facts }
  // A second time, because members replace nothing; the first keeps the order.
  return members === undefined ? problem : { ...problem, ...members, ...problem }
}

/** What an error says of its problem: empty when it says nothing, or is none of ours. */
export function partsOf(error: unknown): ProblemParts {
  const parts = isSecurityError(error) ? errorField(error, 'problem') : undefined
  return typeof parts === 'object' && parts !== null ? parts : {}
}

/** A problem that says no more than its status does. */
export function problemOf(status: number): Problem {
  return { type: 'about:blank', title: titleOf(status), status }
}

/** What people call a status. */
export function titleOf(status: number): string {
  return titles[status] ?? (status < 500 ? 'Client Error' : 'Server Error')
}

/** A part of a URN, also when another copy of this package let a code through that has nothing to make one of. */
function slug(code: string): string {
  return code.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-') || '-'
}
