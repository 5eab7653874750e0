import { notFound, problems, toExpress } from '@mosaajii/core/express'
import { fetchMetadata, reportEndpoint, securityHeaders } from '@mosaajii/headers/express'
import express, { type Request, type Response } from 'express'
import type { HttpApp, HttpOptions } from './framework.ts'
import { bodyOf } from './node-body.ts'
import { apiPolicy, localHosts, pagePolicy, reportsPath } from './policies.ts'
import { logUnexpected } from './problems.ts'
import { type Answer, queryOf, type ShopRequest } from './route.ts'

/** The shop on Express. */
export function expressApp({ routes, events }: HttpOptions): HttpApp {
  const app = express()
  app.disable('x-powered-by').disable('etag')
  app.enable('strict routing').enable('case sensitive routing')

  app.use(securityHeaders(apiPolicy), toExpress(localHosts))
  app.post(reportsPath, reportEndpoint({ events }))
  app.use(fetchMetadata())

  const pageHeaders = securityHeaders(pagePolicy)
  for (const { method, path, face, handle } of routes) {
    const guards = face === 'page' ? [pageHeaders] : []
    app[method](path, ...guards, async (req, res) => send(res, await handle(shopRequest(req, res))))
  }

  app.use(notFound())
  app.use(problems({ onError: logUnexpected }))
  return { listener: app, close: () => Promise.resolve() }
}

function shopRequest(req: Request, res: Response): ShopRequest {
  return {
    params: req.params as Record<string, string>,
    query: queryOf(req.originalUrl),
    nonce: String(res.locals['cspNonce']),
    body: bodyOf(req),
    header: (name) => req.get(name),
  }
}

function send(res: Response, { status, headers, text }: Answer): void {
  res.status(status).set(headers).send(text)
}
