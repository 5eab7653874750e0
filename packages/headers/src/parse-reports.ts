import { checkOptions } from '@mosaajii/core'
import { HeadersError } from './errors.ts'
import { ownOf } from './own-options.ts'
import { redactedAddress } from './redact.ts'

/** What is kept of a violation report: enough to mend a policy or to see an attack, and nothing that was on the page. */
export interface CspReport {
  /** The directive that was violated, for example `script-src-elem`. */
  readonly directive: string
  /** What was refused: an address without its query, a scheme such as `data`, or a keyword such as `inline`. */
  readonly blocked: string
  /** The page on which it happened, without its query. */
  readonly page: string
  /** `enforce` when it was refused, `report` when a report-only policy let it happen. */
  readonly disposition: 'enforce' | 'report'
  /** The file that did it, without its query. */
  readonly source?: string
  readonly line?: number
  readonly column?: number
}

/** How much {@link parseReports} reads. */
export interface ParseReportsOptions {
  /** The longest body, in bytes. Default 65536. */
  readonly maxBytes?: number
  /** How many reports of one body are kept. Default 100. */
  readonly maxReports?: number
}

/** The reports of one body, and how many of its items were none or were too many. */
export interface ReadReports {
  readonly reports: CspReport[]
  readonly dropped: number
}

const oldType = 'application/csp-report'
const newType = 'application/reports+json'

/** The two formats in which browsers send reports. */
export type ReportType = typeof oldType | typeof newType

/** Limits that were checked. */
export type ReportLimits = Required<ParseReportsOptions>

/**
 * Reads the violation reports that a browser sent: `application/csp-report` (CSP 2, `report-uri`) or `application/reports+json` (Reporting
 * API, `report-to`). Anybody can send such a body, so it is bounded in size and number, and each report is built anew from fields that are
 * known; script samples, queries, fragments, user info and nonces are left out.
 *
 * @param contentType the Content-Type header; parameters may follow.
 * @param body the body as text or bytes.
 * @returns the reports in their order, without items that are no violation reports.
 * @throws {HeadersError} `REPORT_TYPE_REFUSED` (415), `REPORT_TOO_LARGE` (413), `REPORT_INVALID` (400).
 * @example
 * const body = JSON.stringify({ 'csp-report': { 'document-uri': 'https://shop.example/?t=1', 'violated-directive': 'img-src', 'blocked-uri': 'data' } })
 * parseReports('application/csp-report', body) // [{ directive: 'img-src', blocked: 'data', page: 'https://shop.example/', disposition: 'enforce' }]
 */
export function parseReports(
  contentType: string | undefined,
  body: string | Uint8Array,
  options: ParseReportsOptions = {},
): CspReport[] {
  checkOptions(options, 'parseReports', ['maxBytes', 'maxReports'])
  return readReports(reportType(contentType), body, reportLimits(ownOf(options), 'parseReports')).reports
}

/** Checks the limits. @throws {RangeError} when one is not a whole number of at least 1. */
export function reportLimits({ maxBytes = 65_536, maxReports = 100 }: ParseReportsOptions, who: string): ReportLimits {
  const limits = { maxBytes, maxReports }
  checkCounts(limits, who)
  return limits
}

/** @throws {RangeError} when one is not a whole number of at least 1. */
export function checkCounts(counts: Readonly<Record<string, number>>, who: string): void {
  for (const [name, value] of Object.entries(counts)) {
    if (!Number.isSafeInteger(value) || value < 1) {
      throw new RangeError(`${who}: ${name} must be a whole number, at least 1`)
    }
  }
}

/** @throws {HeadersError} `REPORT_TYPE_REFUSED` when it is neither of the two. */
export function reportType(contentType: string | undefined): ReportType {
  const type = contentType?.slice(0, 200).split(';')[0]?.trim().toLowerCase()
  if (type === oldType || type === newType) return type
  throw new HeadersError('REPORT_TYPE_REFUSED', `send ${oldType} or ${newType}`, { status: 415 })
}

/** Reads a body. What {@link parseReports} does, with the number of what was left out. */
export function readReports(type: ReportType, body: string | Uint8Array, limits: ReportLimits): ReadReports {
  const bytes = typeof body === 'string' ? new TextEncoder().encode(body) : body
  if (bytes.length > limits.maxBytes) throw tooLarge(limits.maxBytes)
  return reportsOf(type, parsed(bytes), limits)
}

/** The reports in a body that was parsed already. */
export function reportsOf(type: ReportType, value: unknown, { maxReports }: ReportLimits): ReadReports {
  const items = type === oldType ? [own(value, 'csp-report')] : violationsIn(value)
  const reports = items.slice(0, maxReports).flatMap((item) => reportOf(item) ?? [])
  if (type === oldType && reports.length === 0) throw invalid()
  return { reports, dropped: items.length - reports.length }
}

/** @throws {HeadersError} `REPORT_TOO_LARGE`. */
export function tooLarge(maxBytes: number): HeadersError {
  return new HeadersError('REPORT_TOO_LARGE', `reports may have ${maxBytes} bytes`, {
    status: 413,
    detail: { maxBytes },
  })
}

/** @throws {HeadersError} `REPORT_INVALID`. */
export function invalid(): HeadersError {
  return new HeadersError('REPORT_INVALID', 'the body holds no violation report', { status: 400 })
}

function parsed(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch {
    // No UTF-8, no JSON, or nested too deep for an engine that parses by recursion.
    throw invalid()
  }
}

/** Other kinds of reports (deprecations, crashes, network errors) are `undefined`. Some versions of Safari send one object without a list. */
function violationsIn(value: unknown): readonly unknown[] {
  if (typeof value !== 'object' || value === null) throw invalid()
  return [value].flat().map((item: unknown) => (own(item, 'type') === 'csp-violation' ? own(item, 'body') : undefined))
}

/** The names in the Reporting API and in CSP 2. */
const directiveNames = ['effectiveDirective', 'effective-directive', 'violated-directive']
const addressNames = { blocked: ['blockedURL', 'blocked-uri'], page: ['documentURL', 'document-uri'] }
const placeNames = { line: ['lineNumber', 'line-number'], column: ['columnNumber', 'column-number'] }

function reportOf(item: unknown): CspReport | undefined {
  const read = (names: readonly string[]) => names.map((name) => own(item, name)).find((value) => value !== undefined)
  // Only the name: in CSP 2 the sources of the directive follow it, nonces among them.
  const directive = /^[a-z][a-z-]{2,39}(?= |$)/.exec(textOf(read(directiveNames)))?.[0]
  if (directive === undefined) return undefined
  const report: Writable<CspReport> = {
    directive,
    blocked: redactedAddress(read(addressNames.blocked)),
    page: redactedAddress(read(addressNames.page)),
    disposition: own(item, 'disposition') === 'report' ? 'report' : 'enforce',
  }
  const source = redactedAddress(read(['sourceFile', 'source-file']))
  if (source !== 'unknown') report.source = source
  for (const name of ['line', 'column'] as const) {
    const place = read(placeNames[name])
    if (isPlace(place)) report[name] = place
  }
  return report
}

type Writable<T> = { -readonly [K in keyof T]: T[K] }

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

function isPlace(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

/** Only own fields of an object: a body may be called `__proto__`. */
function own(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined
  return (value as Readonly<Record<string, unknown>>)[name]
}
