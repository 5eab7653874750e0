import { isSecurityError, type Scalar } from './security-error.ts'

/** Problem details for HTTP, RFC 9457: the body of an `application/problem+json` response. */
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
 * message, stack or cause; anything else is a bare 500.
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
  const problem = { type: `urn:mosaajii:problem:${slug(code)}`, title: titleOf(status), status, code }
  return Object.keys(detail).length === 0 ? problem : { ...problem, facts: { ...detail } }
}

/** A problem that says no more than its status does. */
export function problemOf(status: number): Problem {
  return { type: 'about:blank', title: titleOf(status), status }
}

function titleOf(status: number): string {
  return titles[status] ?? (status < 500 ? 'Client Error' : 'Server Error')
}

/** A part of a URN, also when another copy of this package let a code through that has nothing to make one of. */
function slug(code: string): string {
  return code.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-') || '-'
}
