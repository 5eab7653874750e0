import type { ServerResponse } from 'node:http'
import type { HeaderPair } from './guard.ts'
import { type Entry, type GuardRecord } from './guard-state/record.ts'
import { replacedBy } from './guard-state/keep.ts'
import { watchWriting } from './node-writing.ts'
import { abandonedHeaders, type ProblemAnswer } from './problem-answer.ts'

/** Puts what a guard said on Node's response: its headers in place of those of the guard that it replaces, and its two callbacks. */
export function applyEntry(
  res: ServerResponse,
  record: GuardRecord,
  entry: Entry,
  settled: ((status: number) => void) | undefined,
): void {
  const outer = replacedBy(entry)
  if (outer?.headers !== undefined) removeReplaced(res, outer, entry)
  if (entry.headers !== undefined) setHeaders(res, entry.headers)
  if (entry.writing !== undefined) watchWriting(res, record)
  if (settled !== undefined) whenSettled(res, settled)
}

function setHeaders(res: ServerResponse, headers: readonly HeaderPair[]): void {
  for (const [name, value] of headers) {
    // Cookies add up: one guard's must not cost another its own.
    if (isSetCookie(name)) res.appendHeader(name, value)
    else res.setHeader(name, value)
  }
}

/** Whether a header is `Set-Cookie`, the one that may come several times. */
export function isSetCookie(name: string): boolean {
  return name.length === 10 && name.toLowerCase() === 'set-cookie'
}

/** Removes what only the replaced guard had set: not what another guard set as well, and not what was changed since. */
function removeReplaced(res: ServerResponse, outer: Entry, inner: Entry): void {
  for (const [name, value] of outer.headers ?? []) {
    if (isSetCookie(name)) removeCookie(res, value)
    else if (!has(inner.headers, name) && res.getHeader(name) === value && !isSetByAnother(outer, inner, name)) {
      res.removeHeader(name)
    }
  }
}

function removeCookie(res: ServerResponse, cookie: string): void {
  const cookies = [res.getHeader('set-cookie') ?? []].flat()
  const index = cookies.indexOf(cookie)
  if (index === -1) return
  const others = cookies.filter((_, at) => at !== index).map(String)
  if (others.length === 0) res.removeHeader('set-cookie')
  else res.setHeader('set-cookie', others)
}

function isSetByAnother(outer: Entry, inner: Entry, name: string): boolean {
  let entry = inner.previous
  while (entry !== undefined) {
    if (entry !== outer && !entry.replaced && has(entry.headers, name)) return true
    entry = entry.previous
  }
  return false
}

function has(headers: readonly HeaderPair[] | undefined, name: string): boolean {
  const lower = name.toLowerCase()
  return headers !== undefined && headers.some((pair) => pair[0].toLowerCase() === lower)
}

/** Calls back once the response is over: with its status, or 499 when the client left before it began. */
function whenSettled(res: ServerResponse, settled: (status: number) => void): void {
  // An asynchronous guard may answer after the client has left; `close` will not come again.
  if (res.destroyed) settle(settled, 499)
  else res.once('close', () => settle(settled, res.headersSent ? res.statusCode : 499))
}

/** Calls `settled`; what it throws or rejects with is nobody's. */
export function settle(settled: (status: number) => void, status: number): void {
  try {
    const result: unknown = settled(status)
    if (result instanceof Promise) result.catch(() => undefined)
  } catch {
    // The response is over; there is no one to tell.
  }
}

/** Ends the response with a problem in place of the answer that was begun. */
export function sendAnswer(res: ServerResponse, answer: ProblemAnswer): void {
  for (const name of abandonedHeaders) res.removeHeader(name)
  for (const [name, value] of answer.headers) res.setHeader(name, value)
  res.statusCode = answer.status
  nameReason(res, answer)
  res.setHeader('content-length', new TextEncoder().encode(answer.body).byteLength)
  res.end(answer.body)
}

/** A handler may have named the reason in words that are not for the client. On HTTP/2 there is no reason, and only to ask for it warns. */
export function nameReason(res: ServerResponse, answer: ProblemAnswer): void {
  if (Object.hasOwn(res, 'statusMessage')) res.statusMessage = answer.title
}
