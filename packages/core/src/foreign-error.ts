import type { HeaderPair } from './guard.ts'

/**
 * The status of an HTTP library's own error, when it marks the error as fit for clients (`expose`, from http-errors) and it is a 4xx. An
 * error that only has a `status` says nothing about the client: it may come from an upstream call.
 */
export function exposedStatus(error: unknown): number | undefined {
  return errorField(error, 'expose') === true ? clientStatus(error) : undefined
}

/** The `status` or `statusCode` of an error when it is a 4xx. */
export function clientStatus(error: unknown): number | undefined {
  const status = errorField(error, 'status') ?? errorField(error, 'statusCode')
  return isClientStatus(status) ? status : undefined
}

/** Whether a value is a status from 400 to 499. */
export function isClientStatus(status: unknown): status is number {
  return typeof status === 'number' && Number.isInteger(status) && status >= 400 && status <= 499
}

/** A field of something that was thrown; `undefined` also when reading it throws. */
export function errorField(error: unknown, name: string): unknown {
  if (typeof error !== 'object' || error === null) return undefined
  try {
    return (error as Record<string, unknown>)[name]
  } catch {
    return undefined
  }
}

/** The headers of a foreign error that tell a client what to do next. Any other could carry anything. */
const keptHeaders = new Set([
  'www-authenticate',
  'proxy-authenticate',
  'retry-after',
  'allow',
  'accept',
  'accept-post',
  'accept-patch',
  'accept-ranges',
  'content-range',
  'upgrade',
])

/** The headers of a foreign error that an answer keeps. `headers` is a plain object or `Headers`. */
export function headersOf(headers: unknown): HeaderPair[] {
  if (typeof headers !== 'object' || headers === null) return []
  const entries: [string, unknown][] = headers instanceof Headers ? [...headers] : Object.entries(headers)
  return entries.flatMap(([name, value]) => {
    const text = typeof value === 'number' ? String(value) : value
    const kept = keptHeaders.has(name.toLowerCase()) && typeof text === 'string' && isHeaderValue(text)
    return kept ? [[name.toLowerCase(), text] as const] : []
  })
}

// Of their own: a literal in a function makes an object each time.
const headerName = /^[!#$%&'*+.^_`|~\w-]+$/
const notInValue = /[^\t\x20-\x7e\x80-\xff]/

/** Whether something is a header that can be sent: RFC 9110, sections 5.1 and 5.5. */
export function isHeaderPair(pair: unknown): pair is HeaderPair {
  if (!Array.isArray(pair)) return false
  const [name, value] = pair as unknown[]
  return typeof name === 'string' && isHeaderName(name) && typeof value === 'string' && isHeaderValue(value)
}

/** Whether a text can be a header's name: RFC 9110, section 5.1. */
export function isHeaderName(text: string): boolean {
  return headerName.test(text)
}

/** Whether a text can be a header's value: RFC 9110, section 5.5. */
export function isHeaderValue(text: string): boolean {
  return !notInValue.test(text)
}
