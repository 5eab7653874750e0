import { type OutgoingHttpHeader, type OutgoingHttpHeaders, ServerResponse } from 'node:http'
import { isHeaderPair, isHeaderValue } from './foreign-error.ts'
import type { HeaderPair } from './guard.ts'
import { isSetCookie } from './node-writing.ts'

/** Missing in the types of `ServerResponse`, where Node has it too. */
interface RawNames {
  getRawHeaderNames(): string[]
}

interface NodeMethods extends Omit<ServerResponse, 'writeHead'>, RawNames {
  readonly writeHead: (this: ServerResponse, ...given: unknown[]) => ServerResponse
}

/** Where Node's own methods are. */
const nodes = ServerResponse.prototype as unknown as NodeMethods

/**
 * Headers that lie on a response of Node's without having been set. Fastify hands all its headers to `writeHead`. Node writes them at once if
 * none was set before; otherwise it sets each of them first, which takes one to two microseconds more. So these wait for that call and go with
 * it. To everybody else they are set: the methods of the response that could tell know of them.
 */
class LateHeaders {
  /** Names and values in turn, as `writeHead` takes them; `undefined` once they are set. They stay here when they are sent, to be read. */
  pairs: string[] | undefined
  /** Not the one that a method is called on, which may only inherit from it. */
  readonly #res: ServerResponse

  constructor(res: ServerResponse, pairs: string[]) {
    this.#res = res
    this.pairs = pairs
  }

  get(name: string): string | undefined {
    const { pairs } = this
    if (pairs === undefined) return undefined
    const at = placeOf(pairs, name)
    return at === -1 ? undefined : pairs[at + 1]
  }

  remove(name: string): void {
    const { pairs } = this
    const at = pairs === undefined ? -1 : placeOf(pairs, name)
    if (at !== -1) pairs?.splice(at, 2)
  }

  /** Sets them, as if they had been set in the first place. */
  set(): void {
    const { pairs } = this
    if (pairs === undefined || this.#res.headersSent) return
    this.pairs = undefined
    for (let i = 0; i < pairs.length; i += 2) {
      nodes.setHeader.call(this.#res, pairs[i] as string, pairs[i + 1] as string)
    }
  }
}

const lateKey: unique symbol = Symbol('late headers') as never

interface Late {
  [lateKey]: LateHeaders
}

type LateResponse = ServerResponse & RawNames & Late

/**
 * Puts headers on a response, so that they go out with those that `writeHead` is given.
 *
 * @returns `false` where they are to be set instead: on what is no plain response of Node's, where something was set or wrapped before, and
 * when one of them is a cookie or cannot be sent.
 */
export function putLate(res: ServerResponse, headers: readonly HeaderPair[]): boolean {
  if (headers.length === 0) return true
  const late = (res as Partial<LateResponse>)[lateKey]
  const before = late === undefined ? nothing : late.pairs
  if (before === undefined || res.headersSent) return false
  // Somebody has wrapped them since the guard before.
  if (late !== undefined && (res.setHeader !== setHeader || res.writeHead !== writeHead)) return false
  const pairs = withPairs(before, headers)
  if (pairs === undefined) return false
  if (late !== undefined) {
    late.pairs = pairs
    return true
  }
  if (!runsOnNode || !isUntouched(res as LateResponse)) return false
  begin(res as LateResponse, new LateHeaders(res, pairs))
  return true
}

const nothing: readonly string[] = []

/** The headers with some more, or `undefined`. */
function withPairs(before: readonly string[], headers: readonly HeaderPair[]): string[] | undefined {
  const pairs = listOf<string>(before.length + 2 * headers.length)
  let end = 0
  for (; end < before.length; end++) pairs[end] = before[end] as string
  for (const pair of headers) {
    const name = pair[0]
    const value = pair[1]
    if (!canGo(name, value)) return undefined
    let at = placeOf(pairs, name, end)
    if (at === -1) {
      at = end
      end += 2
    }
    pairs[at] = name
    pairs[at + 1] = value
  }
  // Only where it changes: to set it takes as long as all the rest of this.
  if (end < pairs.length) pairs.length = end
  return pairs
}

/** Those that were found good. Guards have a handful of names. */
const goodNames = new Set<string>()
const mostNames = 100

function canGo(name: string, value: string): boolean {
  if (!isHeaderValue(value)) return false
  if (goodNames.has(name)) return true
  if (isSetCookie(name) || !isHeaderPair([name, value])) return false
  if (goodNames.size < mostNames) goodNames.add(name)
  return true
}

/** What somebody has set or wrapped stays in charge, and so do HTTP/2, `inject()` and classes of somebody's own. */
function isUntouched(res: ServerResponse & RawNames): boolean {
  return (
    res.writeHead === (nodes.writeHead as unknown) &&
    res.setHeader === nodes.setHeader &&
    res.appendHeader === nodes.appendHeader &&
    res.getHeader === nodes.getHeader &&
    res.getHeaders === nodes.getHeaders &&
    res.getHeaderNames === nodes.getHeaderNames &&
    res.getRawHeaderNames === nodes.getRawHeaderNames &&
    res.hasHeader === nodes.hasHeader &&
    res.removeHeader === nodes.removeHeader &&
    res.getHeaderNames().length === 0
  )
}

/** Elsewhere `end()` may write headers without calling the `writeHead` of the response, and these would be lost. */
const runsOnNode = 'node' in process.versions && !('bun' in process.versions) && !('deno' in process.versions)

/** The old name of `writeHead`, which Node 26 has no more. */
const hasWriteHeader = 'writeHeader' in nodes

/** One by one, each under its name: Node would otherwise look every name up each time. */
function begin(res: LateResponse, late: LateHeaders): void {
  res[lateKey] = late
  const to = res as unknown as Record<MethodNames, unknown>
  to.writeHead = writeHead
  if (hasWriteHeader) to.writeHeader = writeHead
  to.setHeader = setHeader
  to.appendHeader = appendHeader
  to.getHeader = getHeader
  to.getHeaders = getHeaders
  to.getHeaderNames = getHeaderNames
  to.getRawHeaderNames = getRawHeaderNames
  to.hasHeader = hasHeader
  to.removeHeader = removeHeader
}

/** `setHeaders` calls `setHeader`. */
type MethodNames =
  | 'writeHead'
  | 'writeHeader'
  | 'setHeader'
  | 'appendHeader'
  | 'getHeader'
  | 'getHeaders'
  | 'getHeaderNames'
  | 'getRawHeaderNames'
  | 'hasHeader'
  | 'removeHeader'

function writeHead(this: LateResponse, status: number, reason?: unknown, headers?: unknown): ServerResponse {
  const late = this[lateKey]
  const { pairs } = late
  if (pairs !== undefined && headers === undefined && !this.headersSent) {
    const all = reason === undefined ? pairs : joined(pairs, reason)
    if (all !== undefined) return nodes.writeHead.call(this, status, all)
  }
  late.set()
  return nodes.writeHead.call(this, status, reason, headers)
}

/** All headers in one list; `undefined` where Node must put them together: what it is given wins over what was set. */
function joined(pairs: readonly string[], headers: unknown): unknown[] | undefined {
  if (typeof headers !== 'object' || headers === null || Array.isArray(headers)) return undefined
  const given = headers as Readonly<Record<string, unknown>>
  // Not Object.keys(): a loop over the object itself finds each value without looking for its name.
  let count = 0
  for (const _ in given) count++
  const all = listOf<unknown>(pairs.length + 2 * count)
  let end = 0
  for (; end < pairs.length; end++) all[end] = pairs[end]
  for (const name in given) {
    if (!Object.hasOwn(given, name) || name === '' || placeOf(pairs, name) !== -1) return undefined
    all[end++] = name
    all[end++] = given[name]
  }
  return all
}

function setHeader(this: LateResponse, name: string, value: OutgoingHttpHeader): ServerResponse {
  this[lateKey].set()
  return nodes.setHeader.call(this, name, value)
}

function appendHeader(this: LateResponse, name: string, value: string | readonly string[]): ServerResponse {
  this[lateKey].set()
  return nodes.appendHeader.call(this, name, value)
}

function getHeader(this: LateResponse, name: string): OutgoingHttpHeader | undefined {
  return nodes.getHeader.call(this, name) ?? this[lateKey].get(name)
}

function hasHeader(this: LateResponse, name: string): boolean {
  return nodes.hasHeader.call(this, name) || this[lateKey].get(name) !== undefined
}

function removeHeader(this: LateResponse, name: string): void {
  nodes.removeHeader.call(this, name)
  this[lateKey].remove(name)
}

function getHeaders(this: LateResponse): OutgoingHttpHeaders {
  const late = this[lateKey]
  late.set()
  const headers = nodes.getHeaders.call(this)
  // Those that were sent without having been set.
  const pairs = late.pairs ?? []
  for (let i = 0; i < pairs.length; i += 2) headers[(pairs[i] as string).toLowerCase()] = pairs[i + 1]
  return headers
}

function getHeaderNames(this: LateResponse): string[] {
  return Object.keys(this.getHeaders())
}

function getRawHeaderNames(this: LateResponse): string[] {
  const late = this[lateKey]
  late.set()
  const names = nodes.getRawHeaderNames.call(this)
  return late.pairs === undefined ? names : [...names, ...late.pairs.filter((_, at) => at % 2 === 0)]
}

/** A list that is filled: one that grows takes many times the room. */
function listOf<T>(length: number): T[] {
  // oxlint-disable-next-line unicorn/no-new-array -- Array.from() takes longer than all the rest
  return new Array<T>(length)
}

/** Where a name stands among the first of them, in whatever case. */
function placeOf(pairs: readonly string[], name: string, end: number = pairs.length): number {
  for (let i = 0; i < end; i += 2) {
    const one = pairs[i] as string
    if (one === name || isSameName(one, name)) return i
  }
  return -1
}

/** Letters differ from their capitals in this bit. */
const caseBit = 0x20

/** In whatever case. Looks at the characters first: `toLowerCase()` takes longer than all of them, and few names of one length end alike. */
function isSameName(one: string, other: string): boolean {
  if (one.length !== other.length) return false
  for (let i = one.length - 1; i >= 0; i--) {
    if ((one.charCodeAt(i) | caseBit) !== (other.charCodeAt(i) | caseBit)) return false
  }
  return one.toLowerCase() === other.toLowerCase()
}
