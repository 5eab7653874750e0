import { HeadersError } from './errors.ts'
import { checkOptions } from './options.ts'
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

/** The two formats in which browsers send reports. */
export type ReportType = 'application/csp-report' | 'application/reports+json'

/** Limits that were checked. */
export type ReportLimits = Required<ParseReportsOptions>

const maxDepth = 16
const steps: Readonly<Record<string, number>> = { '[': 1, '{': 1, ']': -1, '}': -1 }

/**
 * Reads the violation reports that a browser sent: `application/csp-report` (CSP 2, `report-uri`) or `application/reports+json` (Reporting
 * API, `report-to`). Anybody can send such a body, so it is bounded in size, depth and number, and each report is built anew from fields that are
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
  return readReports(reportType(contentType), body, reportLimits(options, 'parseReports')).reports
}

/** Checks the limits. @throws {RangeError} when one is not a whole number of at least 1. */
export function reportLimits(options: ParseReportsOptions, who: string): ReportLimits {
  const { maxBytes = 65_536, maxReports = 100 } = options
  for (const [name, value] of Object.entries({ maxBytes, maxReports })) {
    if (!Number.isSafeInteger(value) || value < 1)
      throw new RangeError(`${who}: ${name} must be a whole number, at least 1`)
  }
  return { maxBytes, maxReports }
}

/** @throws {HeadersError} `REPORT_TYPE_REFUSED` when it is neither of the two. */
export function reportType(contentType: string | undefined): ReportType {
  const type = typeof contentType === 'string' ? contentType.slice(0, 200).split(';', 1)[0]?.trim().toLowerCase() : ''
  if (type === 'application/csp-report' || type === 'application/reports+json') return type
  throw new HeadersError('REPORT_TYPE_REFUSED', 'send application/csp-report or application/reports+json', {
    status: 415,
  })
}

/** Reads a body. What {@link parseReports} does, with the number of what was left out. */
export function readReports(type: ReportType, body: string | Uint8Array, limits: ReportLimits): ReadReports {
  const text = textOf(body, limits.maxBytes)
  if (isDeep(text)) throw invalid()
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw invalid()
  }
  return reportsOf(type, value, limits)
}

/** The reports in a body that was parsed already. */
export function reportsOf(type: ReportType, value: unknown, { maxReports }: ReportLimits): ReadReports {
  const items = type === 'application/csp-report' ? oldItems(value) : newItems(value)
  const reports = items.slice(0, maxReports).flatMap((item) => reportOf(item) ?? [])
  if (type === 'application/csp-report' && reports.length === 0) throw invalid()
  return { reports, dropped: items.length - reports.length }
}

/** @throws {HeadersError} `REPORT_TOO_LARGE`. */
export function tooLarge(maxBytes: number): HeadersError {
  return new HeadersError('REPORT_TOO_LARGE', `reports may have ${maxBytes} bytes`, {
    status: 413,
    detail: { maxBytes },
  })
}

function invalid(): HeadersError {
  return new HeadersError('REPORT_INVALID', 'the body holds no violation report', { status: 400 })
}

function textOf(body: string | Uint8Array, maxBytes: number): string {
  // A text has at least as many bytes as characters: what is far too long is not encoded to find out.
  if (body.length > maxBytes) throw tooLarge(maxBytes)
  if (typeof body !== 'string') return decoded(body)
  if (new TextEncoder().encode(body).length > maxBytes) throw tooLarge(maxBytes)
  return body
}

function decoded(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw invalid()
  }
}

/** Whether JSON text nests deeper than any report does; some engines parse by recursion. Brackets in strings do not count. */
function isDeep(text: string): boolean {
  let depth = 0
  let quoted = false
  // By hand, because a regular expression for strings takes quadratic time on a text of open quotes.
  for (let i = 0; i < text.length && depth <= maxDepth; i++) {
    const character = text[i]
    if (quoted && character === '\\') i += 1
    else if (character === '"') quoted = !quoted
    else if (!quoted) depth += steps[character ?? ''] ?? 0
  }
  return depth > maxDepth
}

/** One object has been a whole body in some versions of Safari, in either format. */
function newItems(value: unknown): readonly unknown[] {
  if (isRecord(value)) return [violationOf(value)]
  if (!Array.isArray(value)) throw invalid()
  return value.map((item) => (isRecord(item) ? violationOf(item) : undefined))
}

/** The body of a CSP violation; `undefined` for the other kinds of reports (deprecations, crashes, network errors). */
function violationOf(item: Fields): unknown {
  return own(item, 'type') === 'csp-violation' ? own(item, 'body') : undefined
}

function oldItems(value: unknown): readonly unknown[] {
  return isRecord(value) ? [own(value, 'csp-report')] : []
}

type Fields = Readonly<Record<string, unknown>>

/** Name in the Reporting API, name in CSP 2. */
const names = {
  directive: ['effectiveDirective', 'effective-directive', 'violatedDirective', 'violated-directive'],
  blocked: ['blockedURL', 'blocked-uri'],
  page: ['documentURL', 'document-uri'],
  disposition: ['disposition'],
  source: ['sourceFile', 'source-file'],
  line: ['lineNumber', 'line-number'],
  column: ['columnNumber', 'column-number'],
} as const

function reportOf(item: unknown): CspReport | undefined {
  if (!isRecord(item)) return undefined
  const read = (field: keyof typeof names) =>
    names[field].map((name) => own(item, name)).find((value) => value !== undefined)
  const directive = directiveOf(read('directive'))
  if (directive === undefined) return undefined
  const source = redactedAddress(read('source'))
  const [line, column] = [place(read('line')), place(read('column'))]
  return {
    directive,
    blocked: redactedAddress(read('blocked')),
    page: redactedAddress(read('page')),
    disposition: read('disposition') === 'report' ? 'report' : 'enforce',
    ...(source === 'unknown' ? {} : { source }),
    ...(line === undefined ? {} : { line }),
    ...(column === undefined ? {} : { column }),
  }
}

/** Only the name: in CSP 2 the sources of the directive follow it, nonces among them. */
function directiveOf(value: unknown): string | undefined {
  return typeof value === 'string' ? /^[a-z][a-z-]{2,39}(?= |$)/.exec(value)?.[0] : undefined
}

function place(value: unknown): number | undefined {
  return Number.isSafeInteger(value) && (value as number) >= 0 ? (value as number) : undefined
}

function isRecord(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function own(record: Fields, name: string): unknown {
  return Object.hasOwn(record, name) ? record[name] : undefined
}
