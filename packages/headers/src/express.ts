import { type GuardHandler, toExpress } from '@mosaajii/core/express'
import { type FetchMetadataOptions, fetchMetadataGuard, type HeadersChoice, headersGuard } from '@mosaajii/headers'
import type { ReportEndpointOptions } from '@mosaajii/headers/reports'
import type { RequestHandler } from 'express'
import { readBody } from './node-body.ts'
import { reportReceiver } from './report-receiver.ts'

/**
 * Security headers for Express 5: for the application by `app.use()`, and for single routes, where the inner policy replaces the outer one.
 *
 * @param choice a policy, a compiled one, or a function that chooses among compiled ones.
 * @returns middleware; templates find the nonce in `res.locals.cspNonce`, handlers also by `dataOf(req, cspNonce)`.
 * @throws {HeadersError} `POLICY_REFUSED`, at construction.
 * @example
 * app.use(securityHeaders(presets.strict))
 * app.use('/api', securityHeaders(presets.api))
 */
export function securityHeaders(choice: HeadersChoice): GuardHandler<'cspNonce', string> {
  return toExpress(headersGuard(choice))
}

/**
 * Refuses requests that another site forged, by what the browser says of them: CSRF protection for Express 5. Mounted after what other
 * sites may load or fetch: files, public pictures, routes with CORS.
 *
 * @throws {TypeError} for an unknown option or a misspelt origin, at construction.
 * @example
 * app.use(fetchMetadata({ origins: ['https://pay.example'] }))
 */
export function fetchMetadata(options: FetchMetadataOptions = {}): GuardHandler<'fetchMetadata', string | undefined> {
  return toExpress(fetchMetadataGuard(options))
}

/**
 * A handler for Express 5 that takes violation reports and emits them as `csp.violation`. It reads the body itself, up to the cap; a body parser
 * that ran before does no harm. It answers 204; refusals go to the error handler.
 *
 * @throws {TypeError | RangeError} for a wrong option, at construction.
 * @example
 * app.post('/csp-reports', reportEndpoint({ events }))
 */
export function reportEndpoint(options: ReportEndpointOptions): RequestHandler {
  const receiver = reportReceiver(options)
  return async (req, res) => {
    const type = req.headers['content-type']
    try {
      receiver.admit(type, req.headers['content-length'])
      const parsed: unknown = req.body
      receiver.receive(type, isBody(parsed) ? parsed : await readBody(req, receiver.maxBytes))
    } catch (error) {
      // What was not read is not waited for. HTTP/2 has no such header, and no need of it.
      if (!req.complete && req.httpVersionMajor < 2) res.set('Connection', 'close')
      throw error
    }
    res.status(204).end()
  }
}

/** What a body parser leaves: text, bytes or parsed JSON. */
function isBody(value: unknown): value is string | object {
  return typeof value === 'string' || (typeof value === 'object' && value !== null)
}
