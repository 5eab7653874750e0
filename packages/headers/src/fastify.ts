import type { Guard } from '@mosaajii/core'
import { type GuardHook, type GuardPlugin, toHook, toPlugin } from '@mosaajii/core/fastify'
import { type FetchMetadataOptions, fetchMetadataGuard, type HeadersChoice, headersGuard } from '@mosaajii/headers'
import type { ReportEndpointOptions } from '@mosaajii/headers/reports'
import type { FastifyPluginCallback, FastifyRequest } from 'fastify'
import { readBody } from './node-body.ts'
import { type ReceivedBody, reportReceiver } from './report-receiver.ts'

declare module 'fastify' {
  interface FastifyReply {
    /** The nonce of the request, where `securityHeaders` is registered or on the route. */
    cspNonce: string
  }
}

/**
 * Security headers for Fastify 5, for all routes of the scope that registers it; errors, 404 and `reply.hijack()` included.
 *
 * @param choice a policy, a compiled one, or a function that chooses among compiled ones.
 * @returns a plugin; handlers find the nonce in `reply.cspNonce`, also by `dataOf(request, cspNonce)`.
 * @throws {HeadersError} `POLICY_REFUSED`, at construction.
 * @example
 * await app.register(securityHeaders(presets.strict))
 */
export function securityHeaders(choice: HeadersChoice): GuardPlugin<'cspNonce', string> {
  return toPlugin(soundGuard(choice))
}

/**
 * {@link securityHeaders} for one route, as its `onRequest` hook. Its policy replaces that of the scope.
 *
 * @throws {HeadersError} `POLICY_REFUSED`, at construction.
 * @example
 * app.get('/api/stock', { onRequest: securityHeadersHook(presets.api) }, handler)
 */
export function securityHeadersHook(choice: HeadersChoice): GuardHook<'cspNonce', string> {
  return toHook(soundGuard(choice))
}

/** Known to `core`, which need not look at headers for each request that `compileHeaders()` has checked. */
const soundHeaders = Symbol.for('@mosaajii/core/sound-headers')

function soundGuard(choice: HeadersChoice): Guard<'cspNonce', string> {
  const guard = headersGuard(choice)
  const check: typeof guard.check = (facts) => guard.check(facts)
  return { as: guard.as, check: Object.assign(check, { [soundHeaders]: check }) }
}

/**
 * Refuses requests that another site forged, by what the browser says of them: CSRF protection for all routes of a Fastify 5 scope and of those
 * within it, whatever the order. What other sites may load or fetch (files, public pictures, routes with CORS) is in another scope.
 *
 * @throws {TypeError} for an unknown option or a misspelt origin, at construction.
 * @example
 * await app.register(fetchMetadata({ origins: ['https://pay.example'] }))
 */
export function fetchMetadata(options: FetchMetadataOptions = {}): GuardPlugin<'fetchMetadata', string | undefined> {
  return toPlugin(fetchMetadataGuard(options))
}

/**
 * {@link fetchMetadata} for one route, as its `onRequest` hook. It comes on top of the scope's, which it cannot loosen.
 *
 * @throws {TypeError} for an unknown option or a misspelt origin, at construction.
 * @example
 * app.post('/orders', { onRequest: fetchMetadataHook() }, handler)
 */
export function fetchMetadataHook(options: FetchMetadataOptions = {}): GuardHook<'fetchMetadata', string | undefined> {
  return toHook(fetchMetadataGuard(options))
}

/** Options of {@link reportEndpoint} on Fastify. */
export interface FastifyReportEndpointOptions extends ReportEndpointOptions {
  /** The path of the route. Default `/csp-reports`. */
  readonly path?: string
}

/**
 * A plugin for Fastify 5 that takes violation reports on a route of its own and emits them as `csp.violation`. Its parser of bodies is its own
 * and stays in it. It answers 204; refusals go to the error handler.
 *
 * @throws {TypeError | RangeError} for a wrong option, at construction.
 * @example
 * await app.register(reportEndpoint({ events, path: '/csp-reports' }))
 */
export function reportEndpoint({
  path = '/csp-reports',
  ...options
}: FastifyReportEndpointOptions): FastifyPluginCallback {
  if (typeof path !== 'string' || !path.startsWith('/')) throw new TypeError('reportEndpoint: path must begin with /')
  const receiver = reportReceiver(options)
  const admit = ({ headers }: FastifyRequest): void =>
    receiver.admit(headers['content-type'], headers['content-length'])
  return (scope, _options, done) => {
    scope.removeAllContentTypeParsers()
    // Of a body that is cut off Fastify closes the connection itself.
    scope.addContentTypeParser('*', async (_request: FastifyRequest, payload: Parameters<typeof readBody>[0]) =>
      readBody(payload, receiver.maxBytes),
    )
    scope.post<{ Body: ReceivedBody | undefined }>(
      path,
      { onRequest: async (request) => admit(request) },
      async (request, reply) => {
        receiver.receive(request.headers['content-type'], request.body ?? '')
        return reply.code(204).send()
      },
    )
    done()
  }
}
