import type { ServerResponse } from 'node:http'
import type { Answer } from './guard.ts'
import { type GuardRecord, recordKey } from './guard-state/record.ts'

/** A response whose headers are about to be watched. */
interface WatchedResponse extends ServerResponse {
  [recordKey]?: GuardRecord
}

type WriteHead = (this: ServerResponse, status: number, ...rest: unknown[]) => ServerResponse
type HeadersArgument = Readonly<Record<string, unknown>> | readonly unknown[]

/**
 * Where the response keeps the `writeHead` that it had before. Another copy of this package sees it and does not wrap a second time: one
 * wrapper calls the `writing` of all guards.
 */
const writeHeadKey: unique symbol = Symbol.for('@mosaajii/core/write-head-1') as never

/** Has the `writing` of the request's guards called just before the headers of this response go out. */
export function watchWriting(res: ServerResponse, record: GuardRecord): void {
  const watched = res as WatchedResponse & { [writeHeadKey]?: WriteHead }
  if (watched[writeHeadKey] !== undefined) return
  watched[recordKey] = record
  // oxlint-disable-next-line typescript/unbound-method -- called with the response as its `this` below
  watched[writeHeadKey] = res.writeHead as WriteHead
  // One function for all responses, which finds what it needs on its `this`: no closure a request.
  watched.writeHead = writeHeadWithGuards
}

function writeHeadWithGuards(this: ServerResponse, status: number, ...rest: unknown[]): ServerResponse {
  const watched = this as WatchedResponse & { [writeHeadKey]: WriteHead }
  const writeHead = watched[writeHeadKey]
  const record = watched[recordKey]
  // A second call is a mistake that Node itself reports.
  if (this.headersSent || record === undefined) return writeHead.call(this, status, ...rest)
  const reason = typeof rest[0] === 'string' ? rest[0] : undefined
  const headers = (reason === undefined ? (rest[1] ?? rest[0]) : rest[1]) as HeadersArgument | null | undefined
  if (headers !== undefined && headers !== null) mergeHeaders(this, headers)
  callWriting(record, nodeAnswer(this, status))
  return reason === undefined ? writeHead.call(this, status) : writeHead.call(this, status, reason)
}

/** Calls the `writing` of the guards that count, the outermost last. A guard that throws here is past changing the answer. */
export function callWriting(record: GuardRecord, answer: Answer): void {
  let entry = record.last
  while (entry !== undefined) {
    if (!entry.replaced && entry.writing !== undefined) {
      try {
        entry.writing(answer)
      } catch {
        // In the midst of writing an answer nobody could catch it: the process would end.
      }
    }
    entry = entry.previous
  }
}

function nodeAnswer(res: ServerResponse, status: number): Answer {
  return {
    status,
    get: (name) => {
      const value = res.getHeader(name)
      return Array.isArray(value) ? value.join(', ') : value === undefined ? undefined : String(value)
    },
    set: (name, value) => {
      res.setHeader(name, value)
    },
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
