// One small application with limits, described once, and built on each framework with the adapters under test.
import { createServer, type IncomingHttpHeaders, type RequestListener, request, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import { dataOf, type Facts } from '@mosaajii/core'
import * as coreExpress from '@mosaajii/core/express'
import * as coreFastify from '@mosaajii/core/fastify'
import * as coreHono from '@mosaajii/core/hono'
import {
  type Decision,
  isRateLimitRefusal,
  limitDecision,
  type LimitGuardOptions,
  type RateLimiter,
  type RateLimitRefusal,
} from '@mosaajii/ratelimit'
import * as onExpress from '@mosaajii/ratelimit/express'
import * as onFastify from '@mosaajii/ratelimit/fastify'
import * as onHono from '@mosaajii/ratelimit/hono'
import express, { type ErrorRequestHandler, type Request, type Response as ExpressResponse } from 'express'
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import { type Context, Hono } from 'hono'

/** A limit as the application mounts it. */
export interface Mounted {
  readonly limiter: RateLimiter<Facts>
  readonly names: readonly string[]
  readonly options?: LimitGuardOptions<Facts>
}

/** What a handler knows of its request, and answers. */
export type Handle = (decision: Decision, header: (name: string) => string | undefined) => Promise<Reply> | Reply

export interface Reply {
  readonly body: string
  readonly headers?: Readonly<Record<string, string>>
}

export interface LimitedRoute {
  readonly path: string
  readonly limit?: Mounted
  /** The limit is not of the route but of a scope around it: a router, a plugin in a scope, an application in an application. */
  readonly inScope?: boolean
  readonly handle?: Handle
}

export interface LimitedApp {
  readonly limit: Mounted
  readonly routes: readonly LimitedRoute[]
  /** The application's own page for refusals. Without it all errors are answered by `problems()`. */
  readonly ownPage?: (error: RateLimitRefusal) => string
}

export interface Running {
  readonly port: number
  close(): Promise<void>
}

type Start = (app: LimitedApp) => Promise<Running>

/** Handlers say what remains by each rule, as their framework shows the decision. */
const remaining: Handle = ({ rules }) => ({
  body: Object.entries(rules)
    .map(([name, state]) => `${name} ${state?.remaining}`)
    .join(', '),
})

function expressHandler(handle: Handle): (req: Request, res: ExpressResponse) => Promise<void> {
  return async (req, res) => {
    if (res.locals['rateLimit'] !== dataOf(req, limitDecision)) throw new Error('two decisions')
    const { body, headers = {} } = await handle(dataOf(req, limitDecision), (name) => req.get(name))
    res.set(headers).type('text/plain').send(body)
  }
}

/** The headers of a refusal that a handler threw are nowhere but in it. */
const headersOf = ({ problem }: RateLimitRefusal): Record<string, string> => Object.fromEntries(problem.headers)

function expressPage(ownPage: LimitedApp['ownPage']): ErrorRequestHandler {
  return (error: unknown, _req, res, next) => {
    if (ownPage === undefined || !isRateLimitRefusal(error)) return next(error)
    res.status(error.status).set(headersOf(error)).type('html').send(ownPage(error))
  }
}

const startExpress: Start = ({ limit, routes, ownPage }) => {
  const app = express()
  app.use(onExpress.rateLimit(limit.limiter, limit.names, limit.options))
  for (const { path, limit: inner, inScope, handle = remaining } of routes) {
    const guards = inner ? [onExpress.rateLimit(inner.limiter, inner.names, inner.options)] : []
    const handlers = [...guards, expressHandler(handle)]
    if (inScope) app.use(path, express.Router().get('/', ...handlers))
    else app.get(path, ...handlers)
  }
  app.use(coreExpress.notFound(), expressPage(ownPage))
  app.use(coreExpress.problems())
  return listening(createServer(app))
}

const startFastify: Start = async ({ limit, routes, ownPage }) => {
  const app = fastify({ forceCloseConnections: true })
  const problems = coreFastify.problems()
  app.setErrorHandler((error: unknown, request, reply) => {
    if (ownPage === undefined || !isRateLimitRefusal(error)) return problems(error, request, reply)
    return reply.code(error.status).headers(headersOf(error)).type('text/html').send(ownPage(error))
  })
  app.setNotFoundHandler(coreFastify.notFound())
  await app.register(onFastify.rateLimit(limit.limiter, limit.names, limit.options))
  const add = (scope: FastifyInstance, { path, handle = remaining }: LimitedRoute, hook?: Mounted): void => {
    const onRequest = hook ? { onRequest: onFastify.rateLimitHook(hook.limiter, hook.names, hook.options) } : {}
    scope.get(path, onRequest, async (request: FastifyRequest, reply: FastifyReply) => {
      const { body, headers = {} } = await handle(reply.rateLimit, (name) => request.headers[name]?.toString())
      return reply.headers(headers).type('text/plain').send(body)
    })
  }
  for (const route of routes) {
    const { limit: inner, inScope } = route
    if (!inScope || !inner) add(app, route, inner)
    else {
      await app.register(async (scope) => {
        await scope.register(onFastify.rateLimit(inner.limiter, inner.names, inner.options))
        add(scope, route)
      })
    }
  }
  await app.listen({ port: 0, host: '127.0.0.1' })
  return { port: (app.server.address() as AddressInfo).port, close: () => app.close() }
}

function honoApp({ limit, routes, ownPage }: LimitedApp, address: coreHono.AddressSource): Hono {
  const app = new Hono()
  const problems = coreHono.problems()
  app.onError((error, c) => {
    if (ownPage === undefined || !isRateLimitRefusal(error)) return problems(error, c)
    return c.html(ownPage(error), error.status, headersOf(error))
  })
  app.notFound(coreHono.notFound())
  app.use(coreHono.clientAddress(address))
  app.use(onHono.rateLimit(limit.limiter, limit.names, limit.options))
  for (const { path, limit: inner, inScope, handle = remaining } of routes) {
    const answer = async (c: Context): Promise<Response> => {
      const { body, headers = {} } = await handle(c.get('rateLimit') as Decision, (name) => c.req.header(name))
      return c.text(body, 200, headers)
    }
    if (!inner) app.get(path, answer)
    else {
      const guard = onHono.rateLimit(inner.limiter, inner.names, inner.options)
      if (inScope) app.route(path, new Hono().use(guard).get('/', answer) as unknown as Hono)
      else app.get(path, guard, answer)
    }
  }
  return app
}

const startHono: Start = (app) => {
  const { fetch } = honoApp(app, coreHono.nodeServer())
  return listening(createServer(listenerOf(fetch)))
}

/** As on Workers, Bun and Deno: nothing but a Request comes in, and nothing but a Response goes out. */
const startHonoAlone: Start = (app) => {
  const { fetch } = honoApp(app, () => '127.0.0.1')
  return listening(createServer(listenerOf((incoming) => fetch(incoming))))
}

export const frameworks: readonly (readonly [name: string, start: Start])[] = [
  ['Express', startExpress],
  ['Fastify', startFastify],
  ['Hono on Node', startHono],
  ['Hono by Response alone', startHonoAlone],
]

function listenerOf(fetch: (request: globalThis.Request) => Promise<Response> | Response): RequestListener {
  const listener = getRequestListener(fetch)
  return (incoming, outgoing) => void listener(incoming, outgoing)
}

async function listening(server: Server): Promise<Running> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve())
      server.closeAllConnections()
    })
  return { port: (server.address() as AddressInfo).port, close }
}

export interface Received {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

/** One request on a connection of its own. */
export function send(
  port: number,
  path: string,
  headers: Readonly<Record<string, string>> = {},
  method = 'GET',
): Promise<Received> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ port, host: '127.0.0.1', path, method, headers, agent: false }, (response) => {
      let body = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => {
        body += chunk
      })
      response.once('error', reject)
      response.once('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }))
    })
    outgoing.once('error', reject)
    outgoing.end()
  })
}
