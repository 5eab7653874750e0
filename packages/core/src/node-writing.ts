import type { ServerResponse } from 'node:http'
import type { Answer } from './guard.ts'
import { type GuardRecord, recordKey } from './guard-state/record.ts'

type WriteHead = (this: ServerResponse, status: number, ...rest: unknown[]) => ServerResponse
type HeadersArgument = Readonly<Record<string, unknown>> | readonly unknown[]

/** What has a `writeHead`: a response, or what all responses of an Express application inherit from. */
interface Host {
  writeHead: WriteHead & { [guardedKey]?: true }
}

/** Marks a `writeHead` that calls the guards, also for another copy of this package: one is enough. */
const guardedKey: unique symbol = Symbol.for('@mosaajii/core/write-head-1') as never

/** Has the `writing` of the request's guards called just before the headers of this response go out. */
export function watchWriting(res: ServerResponse, record: GuardRecord): void {
  if (record.watched) return
  record.watched = true
  const host = hostOf(res)
  if (host === (res as unknown)) (res as RecordHolder)[recordKey] = record
  if (host.writeHead[guardedKey] === undefined) host.writeHead = withGuards(host.writeHead)
}

/**
 * What gets the new `writeHead`. Express gives each application an object from which its responses inherit (`app.response`): that one, once,
 * because Node 20 and 22 take 15 us to put a method on a response of Express. Everywhere else, and where some middleware has put its own
 * `writeHead` on the response, it is the response.
 */
function hostOf(res: ServerResponse): Host {
  const own = res as unknown as Host
  if (Object.hasOwn(own, 'writeHead')) return own
  let { app } = res as { app?: Application | undefined }
  // Responses of a mounted application inherit from those of the one around it, and go back to that when it passes on.
  while (app?.parent !== undefined) app = app.parent
  const shared = app?.response
  return shared !== undefined && Object.prototype.isPrototypeOf.call(shared, res) ? shared : own
}

interface Application {
  readonly response?: Host
  readonly parent?: Application
}

/** On Express the record lies on the request, elsewhere on the response. */
interface RecordHolder {
  [recordKey]?: GuardRecord | undefined
  readonly req?: { [recordKey]?: GuardRecord | undefined }
}

function withGuards(writeHead: WriteHead): Host['writeHead'] {
  function writeHeadWithGuards(this: ServerResponse, status: number, ...rest: unknown[]): ServerResponse {
    const holder = this as RecordHolder
    const record = holder[recordKey] ?? holder.req?.[recordKey]
    // A second call is a mistake that Node itself reports. A call within the call comes through a middleware's `writeHead` to the shared one.
    if (this.headersSent || record === undefined || !record.watched || record.writing) {
      return writeHead.call(this, status, ...rest)
    }
    const reason = typeof rest[0] === 'string' ? rest[0] : undefined
    const headers = (reason === undefined ? (rest[1] ?? rest[0]) : rest[1]) as HeadersArgument | null | undefined
    record.writing = true
    try {
      if (headers !== undefined && headers !== null) mergeHeaders(this, headers)
      callWriting(record, nodeAnswer(this, status))
      return reason === undefined ? writeHead.call(this, status) : writeHead.call(this, status, reason)
    } finally {
      // What Node refused may be tried again.
      record.writing = false
    }
  }
  return Object.assign(writeHeadWithGuards, { [guardedKey]: true as const })
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
