import { getRequestListener } from '@hono/node-server'
import { errorHandler, notFound, problems, toHono } from '@mosaajii/core/hono'
import { fetchMetadata, reportEndpoint, securityHeaders } from '@mosaajii/headers/hono'
import { type Context, Hono } from 'hono'
import type { HttpApp, HttpOptions } from './framework.ts'
import { apiPolicy, localHosts, pagePolicy, reportsPath } from './policies.ts'
import { logUnexpected } from './problems.ts'
import { type Answer, queryOf, type ShopRequest } from './route.ts'

/** The shop on Hono. */
export function honoApp({ routes, events }: HttpOptions): HttpApp {
  const app = new Hono<{ Variables: { cspNonce: string } }>()
  app.onError(problems({ onError: logUnexpected }))
  app.notFound(notFound())

  app.use(securityHeaders(apiPolicy), toHono(localHosts))
  app.post(reportsPath, reportEndpoint({ events }))
  app.use(fetchMetadata())

  const pageHeaders = securityHeaders(pagePolicy)
  for (const { method, path, face, handle } of routes) {
    if (face === 'page') app.on(method, path, pageHeaders)
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
