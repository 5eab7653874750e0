import type { ServerResponse } from 'node:http'
import type { Answer } from './guard.ts'
import { type Carrier, type GuardRecord, recordKey, recordOf } from './guard-state/record.ts'

export type WriteHead = (this: ServerResponse, status: number, ...rest: unknown[]) => ServerResponse
type HeadersArgument = Readonly<Record<string, unknown>> | readonly unknown[]

/** What has a `writeHead`: a response, or what all responses of an Express application inherit from. */
interface Host {
  writeHead: WriteHead & { [guardedKey]?: (res: ServerResponse) => GuardRecord | undefined }
}

/** On a `writeHead` that calls guards: says whose, also to another copy of this package. One is enough for each record. */
export const guardedKey: unique symbol = Symbol.for('@mosaajii/core/write-head-2') as never

/** Has the `writing` of the request's guards called, and their cookies looked after, just before the headers of this response go out. */
export function watchWriting(res: ServerResponse, record: GuardRecord): void {
  record.watched = true
  const own = res as unknown as Host
  // Asked by each guard, because what a response inherits may change on the way: an application may call another one.
  if (own.writeHead[guardedKey]?.(res) === record) return
  // Where Express was only called by an application of another framework, the record does not lie on the request.
  const host = recordOfRequest(res) === record ? hostOf(res) : own
  if (host === own && recordOfEither(res) === undefined) (res as RecordHolder)[recordKey] = record
  host.writeHead = withGuards(host.writeHead, host === own ? () => record : recordOfRequest)
}

/**
 * What gets the new `writeHead`. All responses of Express inherit from one object (`express.response`): that one, once, because Node 20 and 22
 * take 15 us to put a method on a response of Express. Everywhere else, and where some middleware has put its own `writeHead` on the response,
 * it is the response.
 */
function hostOf(res: ServerResponse): Host {
  if (Object.hasOwn(res, 'writeHead') || (res as { app?: unknown }).app === undefined) return res as unknown as Host
  let host: object = res
  for (let next = prototypeOf(host); next !== null && !Object.hasOwn(next, 'writeHead'); next = prototypeOf(next)) {
    host = next
  }
  return host as Host
}

function prototypeOf(value: object): object | null {
  return Object.getPrototypeOf(value) as object | null
}

/** On Express the record lies on the request, elsewhere on the response. */
interface RecordHolder {
  [recordKey]?: GuardRecord | undefined
  readonly req?: Carrier
}

function recordOfEither(res: object): GuardRecord | undefined {
  const holder: RecordHolder = res
  return holder[recordKey] ?? recordOfRequest(holder)
}

/** Only the request is asked: Node 20 and 22 take half a microsecond to find that a response of Express has no such property. */
function recordOfRequest(res: object): GuardRecord | undefined {
  const { req }: RecordHolder = res
  return req && recordOf(req)
}

function withGuards(writeHead: WriteHead, find: (res: object) => GuardRecord | undefined): Host['writeHead'] {
  function writeHeadWithGuards(this: ServerResponse, status: number, ...rest: unknown[]): ServerResponse {
    return writeGuarded(this, find(this), writeHead, status, rest)
  }
  return Object.assign(writeHeadWithGuards, { [guardedKey]: find })
}

/** Calls the `writing` of guards and looks after their cookies, then `writeHead`. */
export function writeGuarded(
  res: ServerResponse,
  record: GuardRecord | undefined,
  writeHead: WriteHead,
  status: number,
  rest: readonly unknown[],
): ServerResponse {
  // A second call is a mistake that Node itself reports. A call within the call comes through a middleware's `writeHead` to the shared one.
  if (record === undefined || !record.watched || record.writing) {
    return writeHead.call(res, status, ...rest)
  }
  const reason = typeof rest[0] === 'string' ? rest[0] : undefined
  const headers = (reason === undefined ? (rest[1] ?? rest[0]) : rest[1]) as HeadersArgument | null | undefined
  record.writing = true
  try {
    if (headers !== undefined && headers !== null) mergeHeaders(res, headers)
    if (record.hasCookies) keepCookies(res, record)
    callWriting(record, nodeAnswer(res, status))
    const written = reason === undefined ? writeHead.call(res, status) : writeHead.call(res, status, reason)
    record.watched = false
    return written
  } finally {
    // What Node refused may be tried again.
    record.writing = false
  }
}

/** Calls the `writing` of the guards that count, the outermost last. A guard that throws here is past changing the answer. */
export function callWriting(record: GuardRecord, answer: Answer): void {
  let entry = record.last
  while (entry !== undefined) {
    if (!entry.replaced && entry.writing !== undefined) {
      try {
        const result: unknown = entry.writing(answer)
        // An async one comes too late, and its rejection would end the process.
        if (result instanceof Promise) result.catch(() => undefined)
      } catch {
        // In the midst of writing an answer nobody could catch it: the process would end.
      }
    }
    entry = entry.previous
  }
}

/** A handler that sets its own cookies replaces those that lie on the response. Those of guards go out all the same. */
function keepCookies(res: ServerResponse, record: GuardRecord): void {
  for (let entry = record.last; entry !== undefined; entry = entry.previous) {
    if (entry.replaced) continue
    for (const [name, value] of entry.headers ?? []) {
      if (isSetCookie(name) && ![res.getHeader(name) ?? []].flat().includes(value)) res.appendHeader(name, value)
    }
  }
}

/** Whether a header is `Set-Cookie`, the one that may come several times. */
export function isSetCookie(name: string): boolean {
  return name.length === 10 && name.toLowerCase() === 'set-cookie'
}

/** What `writing` is given: the headers that lie on a response. */
export function nodeAnswer(
  res: ServerResponse,
  status: number,
  set: Answer['set'] = (name, value) => void res.setHeader(name, value),
): Answer {
  return {
    status,
    get: (name) => {
      const value = res.getHeader(name)
      return Array.isArray(value) ? value.join(', ') : value === undefined ? undefined : String(value)
    },
    set,
    remove: (name) => res.removeHeader(name),
  }
}

/** Does what Node does with the headers of `writeHead` when others were set before: they win, and an array may repeat a name. */
function mergeHeaders(res: ServerResponse, headers: HeadersArgument): void {
  if (!Array.isArray(headers)) {
    for (const [name, value] of Object.entries(headers)) res.setHeader(name, value as string)
    return
  }
  const pairs = pairsOf(headers)
  for (const [name] of pairs) res.removeHeader(name)
  for (const [name, value] of pairs) res.appendHeader(name, typeof value === 'number' ? String(value) : value)
}

/** `['a', '1', 'b', '2']` and `[['a', '1'], ['b', '2']]` are the two arrays that Node takes. */
function pairsOf(headers: readonly unknown[]): [string, string | number | string[]][] {
  if (headers.length > 0 && Array.isArray(headers[0])) return headers as [string, string][]
  if (headers.length % 2 !== 0) throw new TypeError('writeHead: an array of headers has names and values in turn')
  const pairs: [string, string][] = []
  for (let i = 0; i < headers.length; i += 2) pairs.push([headers[i] as string, headers[i + 1] as string])
  return pairs
}
