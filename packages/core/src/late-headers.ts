import type { OutgoingHttpHeader, OutgoingHttpHeaders, ServerResponse } from 'node:http'
import { isHeaderName, isHeaderPair, isHeaderValue } from './foreign-error.ts'
import type { Answer, HeaderPair } from './guard.ts'
import type { GuardRecord } from './guard-state/record.ts'
import type { Put } from './node-response.ts'
import { callWriting, guardedKey, isSetCookie, nodeAnswer, writeGuarded, type WriteHead } from './node-writing.ts'

/** Missing in the types of `ServerResponse`, where Node has it too. */
interface RawNames {
  getRawHeaderNames(): string[]
}

interface NodeMethods extends Omit<ServerResponse, 'writeHead'>, RawNames {
  readonly writeHead: WriteHead
}

/** Names and values in turn, as `writeHead` takes them. Guards give texts; what somebody hands to `writeHead` may be a number or a list. */
type HeaderList = OutgoingHttpHeader[]

/**
 * Headers that lie on a response of Node's without having been set. Fastify hands all its headers to `writeHead`. Node writes them at once if
 * none was set before; otherwise it sets each of them first, which takes one to two microseconds more. So these wait for that call and go with
 * it. To everybody else they are set: the methods of the response that could tell know of them.
 */
class LateHeaders {
  /** `undefined` once they are set. They stay here when they are sent, to be read. */
  pairs: HeaderList | undefined
  /** Not the one that a method is called on, which may only inherit from it. */
  readonly #res: ServerResponse
  /** Where Node's own methods are. */
  readonly methods: NodeMethods
  /** Whose `writing` is called before they are sent. */
  readonly record: GuardRecord

  constructor(res: ServerResponse, methods: NodeMethods, pairs: HeaderList, record: GuardRecord) {
    this.#res = res
    this.methods = methods
    this.pairs = pairs
    this.record = record
  }

  get(name: string): OutgoingHttpHeader | undefined {
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

  /** Sets them, as if they had been set in the first place. Returns Node's own methods. */
  set(): NodeMethods {
    const { pairs, methods } = this
    if (pairs !== undefined && !this.#res.headersSent) {
      this.pairs = undefined
      let failure: Error | undefined
      for (let i = 0; i < pairs.length; i += 2) {
        try {
          methods.setHeader.call(this.#res, pairs[i] as string, pairs[i + 1] as OutgoingHttpHeader)
        } catch (error) {
          // The others are those of other guards.
          failure ??= error as Error
        }
      }
      if (failure !== undefined) throw failure
    }
    return methods
  }
}

const lateKey: unique symbol = Symbol('late headers') as never

interface Late {
  [lateKey]: LateHeaders
}

type LateResponse = ServerResponse & RawNames & Late

/**
 * Makes what puts the headers of one guard on responses, so that they go out with those that `writeHead` is given.
 *
 * @param areSound whether they need no look before that: all can be sent, and each name is there once.
 * @returns a function that answers `false` where they are to be set instead: on what is no plain response of Node's, where something was set or
 * wrapped before, and when one of them is a cookie or cannot be sent.
 */
export function latePut(areSound: boolean): Put {
  const goodNames = areSound ? undefined : []
  return (res, headers, record) => putLate(res, headers, record, goodNames)
}

/** The names that the guard has given before in each place and that can go: they are the same in most requests. Absent where all can go. */
type GoodNames = string[] | undefined

function putLate(
  res: ServerResponse,
  headers: readonly HeaderPair[],
  record: GuardRecord,
  goodNames: GoodNames,
): boolean {
  if (headers.length === 0) return true
  const late = (res as Partial<LateResponse>)[lateKey]
  const before = late === undefined ? nothing : late.pairs
  if (before === undefined || res.headersSent) return false
  // Somebody has wrapped them since the guard before.
  if (late !== undefined && (res.setHeader !== setHeader || res.writeHead !== writeHead)) return false
  const pairs = withPairs(before, headers, goodNames)
  if (pairs === undefined) return false
  if (late !== undefined) {
    late.pairs = pairs
    return true
  }
  const methods = Object.getPrototypeOf(res) as NodeMethods
  if (!isNodes(methods) || !isUntouched(res, methods)) return false
  begin(res as LateResponse, new LateHeaders(res, methods, pairs, record))
  return true
}

const nothing: HeaderList = []

/** The headers with some more, or `undefined` when one of these cannot go. */
function withPairs(before: HeaderList, headers: readonly HeaderPair[], goodNames: GoodNames): HeaderList | undefined {
  const pairs = listOf(before.length + 2 * headers.length)
  let end = 0
  for (; end < before.length; end++) pairs[end] = before[end] as OutgoingHttpHeader
  for (let i = 0; i < headers.length; i++) {
    const pair = headers[i] as HeaderPair
    const name = pair[0]
    const value = pair[1]
    if (goodNames !== undefined && !canGo(name, value, goodNames, i)) return undefined
    let at = placeOf(pairs, name, goodNames === undefined ? before.length : end)
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

/** Of so many names of a guard it is remembered that they can go: no guard of anybody's fills the memory. */
const mostNames = 100

/** Whether Node can send a header in a list. A name that can go is remembered for the next request. */
function canGo(name: string, value: string, goodNames: string[], at: number): boolean {
  if (!isHeaderValue(value)) return false
  return name === goodNames[at] || (!isSetCookie(name) && isGoodName(name, goodNames, at))
}

function isGoodName(name: string, goodNames: string[], at: number): boolean {
  if (name === goodNames[at]) return true
  if (!isHeaderName(name)) return false
  if (at < mostNames) goodNames[at] = name
  return true
}

/** What somebody has set or wrapped stays in charge. */
function isUntouched(res: ServerResponse & Partial<RawNames>, methods: NodeMethods): boolean {
  return (
    res.writeHead === methods.writeHead &&
    res.setHeader === methods.setHeader &&
    res.appendHeader === methods.appendHeader &&
    res.getHeader === methods.getHeader &&
    res.getHeaders === methods.getHeaders &&
    res.getHeaderNames === methods.getHeaderNames &&
    res.getRawHeaderNames === methods.getRawHeaderNames &&
    res.hasHeader === methods.hasHeader &&
    res.removeHeader === methods.removeHeader &&
    res.getHeaderNames().length === 0
  )
}

let lastMethods: object | undefined
let areLastNodes = false

/** Whether methods are those of Node's HTTP/1: not of HTTP/2, of `inject()`, of a class of somebody's own. */
function isNodes(methods: object): boolean {
  if (methods !== lastMethods) {
    lastMethods = methods
    const base = Object.getPrototypeOf(methods) as object | null
    areLastNodes = runsOnNode() && Object.hasOwn(methods, 'writeHead') && Object.hasOwn(base ?? {}, 'appendHeader')
  }
  return areLastNodes
}

/** Elsewhere `end()` may write headers without calling the `writeHead` of the response, and these would be lost. */
function runsOnNode(): boolean {
  const versions = (globalThis as { process?: { versions?: object } }).process?.versions ?? {}
  return 'node' in versions && !('bun' in versions) && !('deno' in versions)
}

/** One by one, each under its name: Node would otherwise look every name up each time. */
function begin(res: LateResponse, late: LateHeaders): void {
  res[lateKey] = late
  const to = res as unknown as Record<MethodNames, unknown>
  to.writeHead = writeHead
  if ('writeHeader' in late.methods) to.writeHeader = writeHead
  to.setHeader = setHeader
  to.appendHeader = appendHeader
  to.getHeader = getHeader
  to.getHeaders = getHeaders
  to.getHeaderNames = getHeaderNames
  to.getRawHeaderNames = getRawHeaderNames
  to.hasHeader = hasHeader
  to.removeHeader = removeHeader
}

/** `writeHeader` is the old name of `writeHead`, which Node 26 has no more; `setHeaders` calls `setHeader`. */
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
  const { pairs, methods, record } = late
  const isFirst = pairs !== undefined && headers === undefined && !this.headersSent
  const all = isFirst ? joined(this, pairs, methods, reason) : undefined
  if (!isFirst || all === undefined) {
    return writeGuarded(this, record, late.set().writeHead, status, [reason, headers])
  }
  const isWatched = record.watched && !record.writing
  const list = isWatched ? afterWriting(this, late, all === pairs ? [...all] : all, status) : all
  // Where anything was ever set, Node removes and appends each of the list by the methods of the response: those must not find them waiting.
  late.pairs = undefined
  try {
    methods.writeHead.call(this, status, list)
    late.pairs = isWatched ? list : pairs
    record.watched = false
    return this
  } catch (error) {
    late.pairs = validOf(pairs)
    throw error
  }
}

Object.assign(writeHead, { [guardedKey]: (res: LateResponse) => res[lateKey].record })

/** What `writing` makes of the headers; `undefined` where somebody had them set meanwhile. */
function afterWriting(res: LateResponse, late: LateHeaders, all: HeaderList, status: number): HeaderList | undefined {
  const { record } = late
  late.pairs = all
  record.writing = true
  callWriting(record, lateAnswer(res, late, status))
  record.writing = false
  return late.pairs
}

function lateAnswer(res: LateResponse, late: LateHeaders, status: number): Answer {
  return nodeAnswer(res, status, (name, value) => {
    const { pairs, methods } = late
    if (pairs !== undefined && !res.headersSent && isHeaderPair([name, value])) {
      const at = placeOf(pairs, name)
      const to = at === -1 ? pairs.length : at
      pairs[to] = name
      pairs[to + 1] = value
      return
    }
    // Throws, or takes what is no text; nothing more can be set once the headers are sent.
    methods.setHeader.call(res, name, value)
    late.remove(name)
  })
}

/** Without what Node has refused, and would refuse again in the answer to that error. */
function validOf(pairs: HeaderList): HeaderList {
  return pairs.filter((_, at) => {
    const first = at - (at % 2)
    return isHeaderPair(pairs.slice(first, first + 2))
  })
}

/** The names that `writeHead` was given before in each place and that can go. */
const givenNames: string[] = []

/** Of `Content-Type` and `Content-Length`, which are secret nowhere, also the texts: they too are the same in most answers. */
const givenValues: string[] = []
const longestGiven = 64

/**
 * All headers in one list; `undefined` where Node must put them together: of one name, what it is given last wins.
 *
 * @throws what Node does for a header that cannot be sent. In a list it finds that out only when it has begun to write, and has gone by the status
 * and the other headers: the answer to that error would then have no body, or one of another length than it tells.
 */
function joined(
  res: ServerResponse,
  pairs: HeaderList,
  { setHeader }: NodeMethods,
  headers: unknown,
): HeaderList | undefined {
  if (headers === undefined) return pairs
  if (typeof headers !== 'object' || headers === null || Array.isArray(headers)) return undefined
  const given = headers as Readonly<Record<string, OutgoingHttpHeader | undefined>>
  const all = listOf(pairs.length + 2 * Object.keys(given).length)
  let end = 0
  for (; end < pairs.length; end++) all[end] = pairs[end] as OutgoingHttpHeader
  // A loop over the object itself finds each value without looking for its name.
  for (const name in given) {
    // More of them than its own: Node leaves out what is inherited.
    if (end === all.length || name === '') return undefined
    const value = given[name]
    if (!isGoodName(name, givenNames, end) || !isGoodValue(value, name, end)) {
      setHeader.call(res, name, value as OutgoingHttpHeader)
      return undefined
    }
    if (placeOf(all, name, end) !== -1) return undefined
    all[end++] = name
    all[end++] = value
  }
  return all
}

function isGoodValue(value: OutgoingHttpHeader | undefined, name: string, at: number): value is OutgoingHttpHeader {
  if (typeof value === 'string' && value === givenValues[at]) return true
  if (!isSendable(value)) return false
  const isKept = (name === 'content-type' || name === 'content-length') && at < mostNames
  if (isKept && typeof value === 'string' && value.length <= longestGiven) givenValues[at] = value
  return true
}

function isSendable(value: OutgoingHttpHeader | undefined): value is OutgoingHttpHeader {
  if (typeof value === 'string') return isHeaderValue(value)
  if (Array.isArray(value)) return value.every((each) => typeof each === 'string' && isHeaderValue(each))
  return typeof value === 'number'
}

function setHeader(this: LateResponse, name: string, value: OutgoingHttpHeader): ServerResponse {
  return this[lateKey].set().setHeader.call(this, name, value)
}

function appendHeader(this: LateResponse, name: string, value: string | readonly string[]): ServerResponse {
  return this[lateKey].set().appendHeader.call(this, name, value)
}

function getHeader(this: LateResponse, name: string): OutgoingHttpHeader | undefined {
  const late = this[lateKey]
  return late.methods.getHeader.call(this, name) ?? late.get(name)
}

function hasHeader(this: LateResponse, name: string): boolean {
  const late = this[lateKey]
  return late.methods.hasHeader.call(this, name) || late.get(name) !== undefined
}

function removeHeader(this: LateResponse, name: string): void {
  const late = this[lateKey]
  late.methods.removeHeader.call(this, name)
  late.remove(name)
}

function getHeaders(this: LateResponse): OutgoingHttpHeaders {
  const late = this[lateKey]
  const headers = late.set().getHeaders.call(this)
  // Those that were sent without having been set.
  const pairs = late.pairs ?? []
  for (let i = 0; i < pairs.length; i += 2)
    headers[(pairs[i] as string).toLowerCase()] = pairs[i + 1] as OutgoingHttpHeader
  return headers
}

function getHeaderNames(this: LateResponse): string[] {
  return Object.keys(this.getHeaders())
}

function getRawHeaderNames(this: LateResponse): string[] {
  const late = this[lateKey]
  const names = late.set().getRawHeaderNames.call(this)
  const isUnset = (name: string): boolean => !late.methods.hasHeader.call(this, name)
  const own = (late.pairs ?? []).filter((_, at) => at % 2 === 0) as string[]
  return [...names, ...own.filter(isUnset)]
}

/** A list that is filled: one that grows takes many times the room. */
function listOf(length: number): HeaderList {
  // oxlint-disable-next-line unicorn/no-new-array -- Array.from() takes longer than all the rest
  return new Array<OutgoingHttpHeader>(length)
}

/** Where a name stands among the first of them, in whatever case. */
function placeOf(pairs: HeaderList, name: string, end: number = pairs.length): number {
  for (let i = 0; i < end; i += 2) {
    const one = pairs[i] as string
    if (one.length === name.length && (one === name || isSameName(one, name))) return i
  }
  return -1
}

/** Letters differ from their capitals in this bit. */
const caseBit = 0x20

/** Of one length, in whatever case. Looks at the characters first: `toLowerCase()` takes longer than all of them, and few names of one length end alike. */
function isSameName(one: string, other: string): boolean {
  for (let i = one.length - 1; i >= 0; i--) {
    if ((one.charCodeAt(i) | caseBit) !== (other.charCodeAt(i) | caseBit)) return false
  }
  return one.toLowerCase() === other.toLowerCase()
}
