import { type GuardMiddleware, toHono } from '@mosaajii/core/hono'
import { type FetchMetadataOptions, fetchMetadataGuard, type HeadersChoice, headersGuard } from '@mosaajii/headers'
import type { ReportEndpointOptions } from '@mosaajii/headers/reports'
import type { Context, Handler } from 'hono'
import { joined } from './joined.ts'
import { tooLarge } from './parse-reports.ts'
import { reportReceiver } from './report-receiver.ts'

/**
 * Security headers for Hono 4: for the application by `app.use()`, and for single routes, where the inner policy replaces the outer one.
 *
 * @param choice a policy, a compiled one, or a function that chooses among compiled ones.
 * @returns middleware; handlers find the nonce by `c.get('cspNonce')`, also by `dataOf(c, cspNonce)`.
 * @throws {HeadersError} `POLICY_REFUSED`, at construction.
 * @example
 * const app = new Hono().use(securityHeaders(presets.strict))
 * app.get('/', (c) => c.html(`<script nonce="${c.get('cspNonce')}">start()</script>`))
 */
export function securityHeaders(choice: HeadersChoice): GuardMiddleware<'cspNonce', string> {
  return toHono(headersGuard(choice))
}

/**
 * Refuses requests that another site forged, by what the browser says of them: CSRF protection for Hono 4. Mounted after what other sites may
 * load or fetch: files, public pictures, routes with CORS.
 *
 * @throws {TypeError} for an unknown option or a misspelt origin, at construction.
 * @example
 * app.use(fetchMetadata({ origins: ['https://pay.example'] }))
 */
export function fetchMetadata(
  options: FetchMetadataOptions = {},
): GuardMiddleware<'fetchMetadata', string | undefined> {
  return toHono(fetchMetadataGuard(options))
}

/**
 * A handler for Hono 4 that takes violation reports and emits them as `csp.violation`. It reads the body itself, up to the cap; middleware that
 * read it before does no harm. It answers 204; refusals go to `app.onError`.
 *
 * @throws {TypeError | RangeError} for a wrong option, at construction.
 * @example
 * app.post('/csp-reports', reportEndpoint({ events }))
 */
export function reportEndpoint(options: ReportEndpointOptions): Handler {
  const receiver = reportReceiver(options)
  return async (c) => {
    const type = c.req.header('content-type')
    receiver.admit(type, c.req.header('content-length'))
    receiver.receive(type, await bodyOf(c, receiver.maxBytes))
    return c.body(null, 204)
  }
}

async function bodyOf(c: Context, maxBytes: number): Promise<Uint8Array> {
  const { raw } = c.req
  // Middleware that read the body left it in Hono's cache.
  if (raw.bodyUsed) return new Uint8Array(await c.req.arrayBuffer())
  const chunks: Uint8Array[] = []
  let size = 0
  const reader = (raw.body as ReadableStream<Uint8Array> | null)?.getReader()
  for (let read = await reader?.read(); read?.value; read = await reader?.read()) {
    size += read.value.length
    if (size > maxBytes) {
      // Not waited for: a runtime may hold the promise until the client has sent everything.
      void reader?.cancel().catch(() => undefined)
      throw tooLarge(maxBytes)
    }
    chunks.push(read.value)
  }
  return joined(chunks, size)
}
