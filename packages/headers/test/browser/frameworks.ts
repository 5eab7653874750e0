import type { IncomingMessage, ServerResponse } from 'node:http'
import type { EventSink } from '@mosaajii/core'
import { problems as expressProblems } from '@mosaajii/core/express'
import { problems as fastifyProblems } from '@mosaajii/core/fastify'
import { problems as honoProblems } from '@mosaajii/core/hono'
import type { FetchMetadataOptions, HeaderPolicy } from '@mosaajii/headers'
import * as onExpress from '@mosaajii/headers/express'
import * as onFastify from '@mosaajii/headers/fastify'
import * as onHono from '@mosaajii/headers/hono'
import { getRequestListener } from '@hono/node-server'
import express from 'express'
import fastify from 'fastify'
import { Hono } from 'hono'

/** What a site answers. */
export interface Reply {
  readonly type: string
  readonly body: string
  readonly headers?: readonly (readonly [name: string, value: string])[]
}

/** An application that is the same on every framework. */
export interface App {
  readonly policy: HeaderPolicy
  /** What is answered to any method; `undefined` is a 404. */
  readonly reply: (path: string, nonce: string) => Reply | undefined
  /** Where the reports that come to `/csp-reports` go. */
  readonly events: EventSink
  readonly fetchMetadata?: FetchMetadataOptions | undefined
}

/** What `http.createServer()` takes. */
export type Listener = (request: IncomingMessage, response: ServerResponse) => void

/** The frameworks with the SDK's adapters, as a server's listener. */
export const frameworks: Readonly<Record<'express' | 'fastify' | 'hono', (app: App) => Promise<Listener>>> = {
  express: async ({ policy, reply, events, fetchMetadata }) => {
    const app = express()
    app.use(onExpress.securityHeaders(policy))
    if (fetchMetadata) app.use(onExpress.fetchMetadata(fetchMetadata))
    app.post('/csp-reports', onExpress.reportEndpoint({ events }))
    app.use((request, response) => {
      const answer = reply(request.path, String(response.locals['cspNonce']))
      for (const [name, value] of answer?.headers ?? []) response.setHeader(name, value)
      response
        .status(answer ? 200 : 404)
        .type(answer?.type ?? 'text/plain')
        .send(answer?.body ?? '')
    })
    app.use(expressProblems())
    return app
  },

  fastify: async ({ policy, reply, events, fetchMetadata }) => {
    const app = fastify()
    app.setErrorHandler(fastifyProblems())
    await app.register(onFastify.securityHeaders(policy))
    if (fetchMetadata) await app.register(onFastify.fetchMetadata(fetchMetadata))
    await app.register(onFastify.reportEndpoint({ events, path: '/csp-reports' }))
    app.addContentTypeParser('*', (_request, payload, done) => {
      payload.resume()
      done(null)
    })
    app.all('/*', (request, response) => {
      const answer = reply(request.url.replace(/\?.*/, ''), response.cspNonce)
      for (const [name, value] of answer?.headers ?? []) response.header(name, value)
      return response
        .code(answer ? 200 : 404)
        .type(answer?.type ?? 'text/plain')
        .send(answer?.body ?? '')
    })
    await app.ready()
    return (request, response) => app.routing(request, response)
  },

  hono: async ({ policy, reply, events, fetchMetadata }) => {
    const app = new Hono().use(onHono.securityHeaders(policy))
    app.onError(honoProblems())
    if (fetchMetadata) app.use(onHono.fetchMetadata(fetchMetadata))
    app.post('/csp-reports', onHono.reportEndpoint({ events }))
    app.all('/*', (c) => {
      const answer = reply(c.req.path, c.get('cspNonce'))
      for (const [name, value] of answer?.headers ?? []) c.header(name, value, { append: true })
      return c.body(answer?.body ?? '', answer ? 200 : 404, { 'Content-Type': answer?.type ?? 'text/plain' })
    })
    const listener = getRequestListener(app.fetch)
    return (request, response) => void listener(request, response)
  },
}

/** Their names, for `describe.each`. */
export const frameworkNames = ['express', 'fastify', 'hono'] as const
export type Framework = (typeof frameworkNames)[number]
