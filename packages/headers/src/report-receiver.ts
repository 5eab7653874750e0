import { checkOptions, type Clock, emit, type EventSink, systemClock } from '@mosaajii/core'
import { HeadersError } from './errors.ts'
import { ownOf } from './own-options.ts'
import {
  checkCounts,
  type ParseReportsOptions,
  type ReadReports,
  readReports,
  reportLimits,
  reportsOf,
  reportType,
  tooLarge,
} from './parse-reports.ts'

/** Options of a report endpoint. */
export interface ReportEndpointOptions extends ParseReportsOptions {
  /** Where `csp.violation` and `csp.dropped` go, best effort. */
  readonly events: EventSink
  /** How many reports a minute are let through in the long run. Default 60. */
  readonly perMinute?: number
  /** How many may come at once after a quiet time. Default 100. */
  readonly burst?: number
  /** Default: the clock of the machine. */
  readonly clock?: Clock
}

/** The options that every endpoint has. */
export const reportEndpointOptions: readonly (keyof ReportEndpointOptions)[] = [
  'events',
  'perMinute',
  'burst',
  'clock',
  'maxBytes',
  'maxReports',
]

/** A body as the framework has it: unread and read by the endpoint, or parsed already by something that ran before. */
export type ReceivedBody = string | Uint8Array | object

/** What the endpoints of all frameworks do with a request. */
export interface ReportReceiver {
  readonly maxBytes: number
  /**
   * To be called before the body is read.
   *
   * @throws {HeadersError} `REPORTS_CAPPED` (429), `REPORT_TYPE_REFUSED` (415), `REPORT_TOO_LARGE` (413) by the declared length.
   */
  admit(contentType: string | undefined, contentLength: string | undefined): void
  /** Emits the reports of a body that was admitted. @throws {HeadersError} `REPORT_INVALID`, `REPORT_TOO_LARGE`. */
  receive(contentType: string | undefined, body: ReceivedBody): void
}

const toldEvery = 60_000

/**
 * Makes the part of a report endpoint that is the same on every framework. One budget is shared by all clients, because a report costs the log
 * the same whoever sent it: it refills by `perMinute` and holds `burst`. What is dropped is counted and told at most once a minute, so that a
 * flood of reports makes no flood of events.
 *
 * @throws {TypeError} for an unknown option or a missing sink.
 * @throws {RangeError} when a number is not whole or below 1.
 */
export function reportReceiver(options: ReportEndpointOptions): ReportReceiver {
  checkOptions(options, 'reportEndpoint', reportEndpointOptions)
  const own = ownOf(options)
  const { events, clock = systemClock } = own
  if (typeof events?.write !== 'function') {
    throw new TypeError('reportEndpoint: events must be an EventSink; discardEvents() drops what it is given')
  }
  const limits = reportLimits(own, 'reportEndpoint')
  const bucket = tokenBucket(own, clock)
  const drops = dropCounter(events, clock)
  const receive = (contentType: string | undefined, body: ReceivedBody): void => {
    const { reports, dropped } = reportsIn(contentType, body, limits)
    const kept = reports.filter((_, i) => i === 0 || bucket.take())
    for (const report of kept) emit(events, 'csp.violation', { ...report }, clock)
    drops.add(0, dropped + reports.length - kept.length)
  }
  const admit = (contentType: string | undefined, contentLength: string | undefined): void => {
    // The first report of a request is paid for here, so that requests without any are not free.
    if (!bucket.take()) {
      drops.add(1, 0)
      throw new HeadersError('REPORTS_CAPPED', 'too many reports; later ones are read again', { status: 429 })
    }
    reportType(contentType)
    if (Number(contentLength) > limits.maxBytes) throw tooLarge(limits.maxBytes)
  }
  return { maxBytes: limits.maxBytes, admit, receive }
}

function reportsIn(
  contentType: string | undefined,
  body: ReceivedBody,
  limits: ReturnType<typeof reportLimits>,
): ReadReports {
  const type = reportType(contentType)
  const unread = typeof body === 'string' || body instanceof Uint8Array
  return unread ? readReports(type, body, limits) : reportsOf(type, body, limits)
}

function tokenBucket(options: ReportEndpointOptions, clock: Clock): { take(): boolean } {
  const { perMinute = 60, burst = 100 } = options
  checkCounts({ perMinute, burst }, 'reportEndpoint')
  let tokens = burst
  let filled = clock.now()
  const take = (): boolean => {
    const now = clock.now()
    // A clock that was set back, or gives no number, fills nothing, and does not make the endpoint wait until it has caught up.
    if (now > filled) tokens = Math.min(burst, tokens + ((now - filled) * perMinute) / 60_000)
    filled = now
    if (tokens < 1) return false
    tokens -= 1
    return true
  }
  return { take }
}

/** Adds up what was dropped, and tells the first at once and the rest once a minute, with whatever request comes then. */
function dropCounter(events: EventSink, clock: Clock): { add(requests: number, reports: number): void } {
  let dropped = { requests: 0, reports: 0 }
  let told = Number.NEGATIVE_INFINITY
  const add = (requests: number, reports: number): void => {
    dropped = { requests: dropped.requests + requests, reports: dropped.reports + reports }
    const now = clock.now()
    const isDue = now < told || now - told >= toldEvery
    if (dropped.requests + dropped.reports === 0 || !isDue) return
    emit(events, 'csp.dropped', dropped, clock)
    dropped = { requests: 0, reports: 0 }
    told = now
  }
  return { add }
}
