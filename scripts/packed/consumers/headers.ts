// Compiled against every TypeScript, with the frameworks installed.
import { type Guard, type HeaderPair, dataOf } from '@mosaajii/core'
import { notFound, problems, toExpress } from '@mosaajii/core/express'
import { frameworkErrors } from '@mosaajii/core/fastify'
import { clientAddress, nodeServer } from '@mosaajii/core/hono'
import { clientError } from '@mosaajii/core/node'
import { recordingSink } from '@mosaajii/core/testing'
import {
  compileHeaders,
  type CompiledHeaders,
  cspNonce,
  extendPolicy,
  headersGuard,
  NONCE,
  presets,
} from '@mosaajii/headers'
import { allowedHosts } from '@mosaajii/headers/allowed-hosts'
import * as onExpress from '@mosaajii/headers/express'
import * as onFastify from '@mosaajii/headers/fastify'
import * as onHono from '@mosaajii/headers/hono'
import express, { type Express } from 'express'
import fastify, { type FastifyInstance } from 'fastify'
import { Hono } from 'hono'

const strict: CompiledHeaders = compileHeaders(extendPolicy(presets.strict, { csp: { 'script-src': [NONCE] } }))
const pairs = (): readonly HeaderPair[] => strict.pairs()
const events = recordingSink()

export const guard: Guard<'cspNonce', string> = headersGuard((facts) => (facts.method === 'GET' ? strict : strict))

export function expressApp(): Express {
  const app = express()
  app.use(
    onExpress.securityHeaders(strict),
    onExpress.fetchMetadata(),
    toExpress(allowedHosts({ hosts: ['a.example'] })),
  )
  app.post('/csp-reports', onExpress.reportEndpoint({ events }))
  app.get('/:id', onExpress.securityHeaders(presets.api), onExpress.fetchMetadata({ sameSite: true }), (req, res) => {
    const nonce: string = dataOf(req, cspNonce)
    const id: string = req.params.id
    res.send(nonce + id)
  })
  app.use(notFound(), problems())
  return app
}

export async function fastifyApp(): Promise<FastifyInstance> {
  const app = fastify({ frameworkErrors: frameworkErrors(pairs), clientErrorHandler: clientError(pairs) })
  await app.register(onFastify.securityHeaders(strict))
  await app.register(onFastify.fetchMetadata())
  await app.register(onFastify.reportEndpoint({ events, path: '/reports' }))
  app.get('/', { onRequest: onFastify.securityHeadersHook(presets.api) }, (request, reply) => {
    const nonce: string = reply.cspNonce
    return nonce + dataOf(request, cspNonce)
  })
  return app
}

export function honoApp(): Response | Promise<Response> {
  const app = new Hono().use(onHono.securityHeaders(strict))
  app.use(clientAddress(nodeServer()), onHono.fetchMetadata())
  app.post('/csp-reports', onHono.reportEndpoint({ events }))
  app.get('/', (c) => {
    const nonce: string = c.get('cspNonce')
    return c.text(nonce + dataOf(c, cspNonce))
  })
  return app.request('/')
}
