// One small application, described once, and built on each framework with the bridges under test.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { dataOf, type Guard, type Problem, type Slot } from '@mosaajii/core'
import * as onExpress from '@mosaajii/core/express'
import * as onFastify from '@mosaajii/core/fastify'
import * as onHono from '@mosaajii/core/hono'
import express, { type Request, type Response as ExpressResponse } from 'express'
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import { Hono } from 'hono'
import { listen, listenerOf, type Running } from './http.ts'

/** What a handler of any framework can do here. */
export interface Exchange {
  data<T>(guard: Slot<T>): T
  /** What the framework shows under a guard's name: `res.locals`, `reply`, `c.get`. */
  shown(as: string): unknown
}

export interface Reply {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

type AnyGuard = Guard<string, unknown>

export interface Route {
  readonly path: string
  readonly guards?: readonly AnyGuard[]
  handle(exchange: Exchange): Reply | Promise<Reply>
}

export interface Scope {
  readonly prefix: string
  readonly guards: readonly AnyGuard[]
  readonly routes: readonly Route[]
}

export interface DescribedApp {
  readonly guards: readonly AnyGuard[]
  readonly routes: readonly Route[]
  readonly scopes?: readonly Scope[]
  readonly onError?: (error: unknown, problem: Problem) => void
}

type Start = (app: DescribedApp) => Promise<Running>

const startExpress: Start = (app) => {
  const server = express()
  for (const guard of app.guards) server.use(onExpress.toExpress(guard))
  const handlers = (route: Route) => [
    ...(route.guards ?? []).map((guard) => onExpress.toExpress(guard)),
    async (req: Request, res: ExpressResponse) => {
      const reply = await route.handle({ data: (guard) => dataOf(req, guard), shown: (as): unknown => res.locals[as] })
      res.status(reply.status ?? 200).set(reply.headers ?? {})
      res.type('text/plain').end(reply.body)
    },
  ]
  for (const route of app.routes) server.get(route.path, ...handlers(route))
  for (const scope of app.scopes ?? []) {
    const router = express.Router()
    for (const guard of scope.guards) router.use(onExpress.toExpress(guard))
    for (const route of scope.routes) router.get(route.path, ...handlers(route))
    server.use(scope.prefix, router)
  }
  server.use(onExpress.notFound())
  server.use(onExpress.problems(app.onError ? { onError: app.onError } : {}))
  return listen(createServer(server))
}

const startFastify: Start = async (app) => {
  const server = fastify()
  server.setNotFoundHandler(onFastify.notFound())
  server.setErrorHandler(onFastify.problems(app.onError ? { onError: app.onError } : {}))
  for (const guard of app.guards) await server.register(onFastify.toPlugin(guard))
  const add = (instance: FastifyInstance, route: Route) => {
    const onRequest = (route.guards ?? []).map((guard) => onFastify.toHook(guard))
    instance.get(route.path, { onRequest }, async (request: FastifyRequest, reply: FastifyReply) => {
      const shown = (as: string) => (reply as unknown as Record<string, unknown>)[as]
      const answer = await route.handle({ data: (guard) => dataOf(request, guard), shown })
      return reply
        .code(answer.status ?? 200)
        .headers({ ...answer.headers })
        .type('text/plain')
        .send(answer.body ?? '')
    })
  }
  for (const route of app.routes) add(server, route)
  for (const scope of app.scopes ?? []) {
    await server.register(
      async (instance) => {
        for (const guard of scope.guards) await instance.register(onFastify.toPlugin(guard))
        for (const route of scope.routes) add(instance, route)
      },
      { prefix: scope.prefix },
    )
  }
  await server.listen({ port: 0, host: '127.0.0.1' })
  const { port } = server.server.address() as AddressInfo
  return { port, close: () => server.close() }
}

function honoApp(app: DescribedApp): Hono {
  const server = new Hono()
  for (const guard of app.guards) server.use(onHono.toHono(guard))
  const add = (instance: Hono, route: Route) => {
    for (const guard of route.guards ?? []) instance.use(route.path, onHono.toHono(guard))
    instance.get(route.path, async (c) => {
      const shown = (as: string): unknown => (c.get as (key: string) => unknown)(as)
      const reply = await route.handle({ data: (guard) => dataOf(c, guard), shown })
      return new Response(reply.body ?? '', {
        status: reply.status ?? 200,
        headers: { 'content-type': 'text/plain', ...reply.headers },
      })
    })
  }
  for (const route of app.routes) add(server, route)
  for (const scope of app.scopes ?? []) {
    const inner = new Hono()
    for (const guard of scope.guards) inner.use(onHono.toHono(guard))
    for (const route of scope.routes) add(inner, route)
    server.route(scope.prefix, inner)
  }
  server.notFound(onHono.notFound())
  server.onError(onHono.problems(app.onError ? { onError: app.onError } : {}))
  return server
}

const startHono: Start = (app) => listen(createServer(listenerOf(honoApp(app).fetch)))

/** As on Workers, Bun and Deno: nothing but a Request comes in, and nothing but a Response goes out. */
const startHonoAlone: Start = (app) => {
  const { fetch } = honoApp(app)
  return listen(createServer(listenerOf((request) => fetch(request))))
}

export const frameworks: readonly (readonly [name: string, start: Start])[] = [
  ['Express', startExpress],
  ['Fastify', startFastify],
  ['Hono on Node', startHono],
  ['Hono by Response alone', startHonoAlone],
]
