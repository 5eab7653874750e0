export { headersEvents } from './events.ts'
export { type CspReport, parseReports, type ParseReportsOptions } from './parse-reports.ts'
export type { ReportEndpointOptions } from './report-receiver.ts'
