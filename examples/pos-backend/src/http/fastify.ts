import { dataOf } from '@mosaajii/core'
import { frameworkErrors, notFound, problems, toPlugin } from '@mosaajii/core/fastify'
import { fetchMetadata, reportEndpoint, securityHeaders, securityHeadersHook } from '@mosaajii/headers/fastify'
import { rateLimit, rateLimitHook } from '@mosaajii/ratelimit/fastify'
import { fastify, type FastifyReply, type FastifyRequest, type RouteShorthandOptions } from 'fastify'
import type { HttpApp, HttpOptions } from './framework.ts'
import { bodyOf } from './node-body.ts'
import { apiPolicy, callerAddress, localHosts, pagePolicy, reportsPath } from './policies.ts'
import { onProblem } from './problems.ts'
import { type Answer, queryOf, type Route, type ShopRequest } from './route.ts'

/** The shop on Fastify. */
export async function fastifyApp({ routes, events, limits, refusals }: HttpOptions): Promise<HttpApp> {
  // A malformed address passes no hook, so its answer gets its headers here.
  const app = fastify({ frameworkErrors: frameworkErrors(() => apiPolicy.pairs()) })
  app.setErrorHandler(problems({ onError: onProblem(refusals) }))
  app.setNotFoundHandler(notFound())

  await app.register(securityHeaders(apiPolicy))
  // Before everything that costs: what no route takes counts too.
  await app.register(rateLimit(limits.limiter, ['global']))
  await app.register(toPlugin(localHosts))
  await app.register(toPlugin(callerAddress))
  await app.register(reportEndpoint({ events, path: reportsPath }))

  // The handlers read their bodies themselves.
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (_request, _body, done) => done(null))
  const guards: Record<Route['face'], RouteShorthandOptions> = {
    page: { onRequest: securityHeadersHook(pagePolicy) },
    api: { onRequest: rateLimitHook(limits.limiter, ['api']) },
    part: {},
  }
  await app.register(async (scope) => {
    // In a scope, because it holds for the whole of one, whatever the order; reports are none of its business.
    await scope.register(fetchMetadata())
    for (const { method, path, face, handle } of routes) {
      scope[method](path, guards[face], async (request, reply) =>
        send(reply, await handle(shopRequest(request, reply))),
      )
    }
  })

  await app.ready()
  return { listener: (req, res) => app.routing(req, res), close: async () => app.close() }
}

function shopRequest(request: FastifyRequest, reply: FastifyReply): ShopRequest {
  return {
    params: request.params as Record<string, string>,
    query: queryOf(request.originalUrl),
    nonce: reply.cspNonce,
    address: dataOf(request, callerAddress),
    limits: reply.rateLimit,
    body: bodyOf(request.raw),
    header: (name) => request.headers[name]?.toString(),
  }
}

function send(reply: FastifyReply, { status, headers, text }: Answer): FastifyReply {
  return reply.code(status).headers(headers).send(text)
}
