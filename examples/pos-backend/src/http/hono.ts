import { getRequestListener } from '@hono/node-server'
import { dataOf } from '@mosaajii/core'
import { clientAddress, errorHandler, nodeServer, notFound, problems, toHono } from '@mosaajii/core/hono'
import { fetchMetadata, reportEndpoint, securityHeaders } from '@mosaajii/headers/hono'
import { limitDecision } from '@mosaajii/ratelimit'
import { rateLimit } from '@mosaajii/ratelimit/hono'
import { type Context, Hono, type MiddlewareHandler } from 'hono'
import type { HttpApp, HttpOptions } from './framework.ts'
import { apiPolicy, callerAddress, localHosts, pagePolicy, reportsPath } from './policies.ts'
import { onProblem } from './problems.ts'
import { type Answer, queryOf, type Route, type ShopRequest } from './route.ts'

/** The shop on Hono. */
export function honoApp({ routes, events, limits, refusals }: HttpOptions): HttpApp {
  const app = new Hono<{ Variables: { cspNonce: string } }>()
  app.onError(problems({ onError: onProblem(refusals) }))
  app.notFound(notFound())

  // Before everything that costs: what no route takes counts too.
  app.use(clientAddress(nodeServer()), securityHeaders(apiPolicy), rateLimit(limits.limiter, ['global']))
  app.use(toHono(localHosts), toHono(callerAddress))
  app.post(reportsPath, reportEndpoint({ events }))
  app.use(fetchMetadata())

  const guards: Record<Route['face'], readonly MiddlewareHandler[]> = {
    page: [securityHeaders(pagePolicy)],
    api: [rateLimit(limits.limiter, ['api'])],
    part: [],
  }
  for (const { method, path, face, handle } of routes) {
    for (const guard of guards[face]) app.on(method, path, guard)
    app.on(method, path, async (c) => send(await handle(shopRequest(c, c.get('cspNonce')))))
  }

  // A request that is no request of the web never reaches the app, so its answer gets its headers here.
  const listener = getRequestListener(app.fetch, { errorHandler: errorHandler(() => apiPolicy.pairs()) })
  return { listener: (req, res) => void listener(req, res), close: () => Promise.resolve() }
}

function shopRequest(c: Context, nonce: string): ShopRequest {
  return {
    params: c.req.param(),
    query: queryOf(c.req.url),
    nonce,
    address: dataOf(c, callerAddress),
    limits: dataOf(c, limitDecision),
    body: bodyOf(c.req.raw),
    header: (name) => c.req.header(name),
  }
}

function send({ status, headers, text }: Answer): Response {
  return new Response(text, { status, headers })
}

async function* bodyOf(request: Request): AsyncGenerator<Uint8Array> {
  if (request.body) yield* request.body
}
