import { dataOf } from '@mosaajii/core'
import { notFound, problems, toExpress } from '@mosaajii/core/express'
import { fetchMetadata, reportEndpoint, securityHeaders } from '@mosaajii/headers/express'
import { limitDecision } from '@mosaajii/ratelimit'
import { rateLimit } from '@mosaajii/ratelimit/express'
import express, { type Request, type RequestHandler, type Response } from 'express'
import type { HttpApp, HttpOptions } from './framework.ts'
import { bodyOf } from './node-body.ts'
import { apiPolicy, callerAddress, localHosts, pagePolicy, reportsPath } from './policies.ts'
import { onProblem } from './problems.ts'
import { type Answer, queryOf, type Route, type ShopRequest } from './route.ts'

/** The shop on Express. */
export function expressApp({ routes, events, limits, refusals }: HttpOptions): HttpApp {
  const app = express()
  app.disable('x-powered-by').disable('etag')
  app.enable('strict routing').enable('case sensitive routing')

  // Before everything that costs: what no route takes counts too.
  app.use(securityHeaders(apiPolicy), rateLimit(limits.limiter, ['global']))
  app.use(toExpress(localHosts), toExpress(callerAddress))
  app.post(reportsPath, reportEndpoint({ events }))
  app.use(fetchMetadata())

  const guards: Record<Route['face'], readonly RequestHandler[]> = {
    page: [securityHeaders(pagePolicy)],
    api: [rateLimit(limits.limiter, ['api'])],
    part: [],
  }
  for (const { method, path, face, handle } of routes) {
    app[method](path, ...guards[face], async (req, res) => send(res, await handle(shopRequest(req, res))))
  }

  app.use(notFound())
  app.use(problems({ onError: onProblem(refusals) }))
  return { listener: app, close: () => Promise.resolve() }
}

function shopRequest(req: Request, res: Response): ShopRequest {
  return {
    params: req.params as Record<string, string>,
    query: queryOf(req.originalUrl),
    nonce: String(res.locals['cspNonce']),
    address: dataOf(req, callerAddress),
    limits: dataOf(req, limitDecision),
    body: bodyOf(req),
    header: (name) => req.get(name),
  }
}

function send(res: Response, { status, headers, text }: Answer): void {
  res.status(status).set(headers).send(text)
}
