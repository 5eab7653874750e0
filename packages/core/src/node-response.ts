import type { ServerResponse } from 'node:http'
import type { HeaderPair } from './guard.ts'
import { type Entry, type GuardRecord } from './guard-state/record.ts'
import { replacedBy } from './guard-state/keep.ts'
import { isSetCookie, watchWriting } from './node-writing.ts'
import { abandonedHeaders, type ProblemAnswer } from './problem-answer.ts'

/** Puts headers on a response in a cheaper way, where it can. Says whether it did. */
export type Put = (res: ServerResponse, headers: readonly HeaderPair[], record: GuardRecord) => boolean

/** Puts what a guard said on Node's response: its headers in place of those of the guard that it replaces, and its two callbacks. */
export function applyEntry(
  res: ServerResponse,
  record: GuardRecord,
  entry: Entry,
  settled: ((status: number) => void) | undefined,
  put?: Put,
): void {
  // First of all: what follows may throw, and the response is over sometime all the same.
  if (settled !== undefined) whenSettled(res, settled)
  const { headers, writing } = entry
  const isPut = headers !== undefined && put?.(res, headers, record) === true
  if (headers !== undefined && !isPut && setHeaders(res, record, entry, headers)) record.hasCookies = true
  const outer = replacedBy(entry)
  if (outer?.headers !== undefined) removeReplaced(res, outer, entry)
  if (record.hasCookies || writing !== undefined) watchWriting(res, record)
}

/** Says whether a cookie was among them. When one cannot be set, the guard is as if it had not run: it replaces no other. */
function setHeaders(res: ServerResponse, record: GuardRecord, entry: Entry, headers: readonly HeaderPair[]): boolean {
  try {
    return setEach(res, headers)
  } catch (error) {
    record.last = entry.previous
    throw error
  }
}

function setEach(res: ServerResponse, headers: readonly HeaderPair[]): boolean {
  let hasCookies = false
  // Taken apart by index: pairs come frozen and not, and that makes destructuring slow.
  for (const pair of headers) {
    const name = pair[0]
    const value = pair[1]
    // Cookies add up: one guard's must not cost another its own.
    if (isSetCookie(name)) {
      res.appendHeader(name, value)
      hasCookies = true
    } else res.setHeader(name, value)
  }
  return hasCookies
}

/** Removes what only the replaced guard had set; what another guard had set under it comes back. What was changed since stays. */
function removeReplaced(res: ServerResponse, outer: Entry, inner: Entry): void {
  for (const [name, value] of outer.headers ?? []) {
    if (isSetCookie(name)) removeCookie(res, value)
    else if (valueOf(inner, name) === undefined && res.getHeader(name) === value) {
      const other = valueOfAnother(outer, inner, name)
      if (other === undefined) res.removeHeader(name)
      else res.setHeader(name, other)
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

/** What the nearest other guard has set under a name. */
function valueOfAnother(outer: Entry, inner: Entry, name: string): string | undefined {
  for (let entry = inner.previous; entry !== undefined; entry = entry.previous) {
    const value = entry === outer || entry.replaced ? undefined : valueOf(entry, name)
    if (value !== undefined) return value
  }
  return undefined
}

function valueOf({ headers }: Entry, name: string): string | undefined {
  const lower = name.toLowerCase()
  return headers?.find((pair) => pair[0].toLowerCase() === lower)?.[1]
}

/** Calls back once the response is over: with its status, or 499 when the client left before it began. */
function whenSettled(res: ServerResponse, settled: (status: number) => void): void {
  // An asynchronous guard may answer after the client has left or a timeout has answered; `close` will not come again.
  const settleNow = (): void => settle(settled, res.headersSent ? res.statusCode : 499)
  if (res.destroyed || res.closed) settleNow()
  else res.once('close', settleNow)
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
