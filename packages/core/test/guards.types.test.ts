// What has to compile, and what must not: read by `tsc -p .`; a wrong type is an unused @ts-expect-error there.
import { createServer } from 'node:http'
import { dataOf, type Guard, type Slot } from '@mosaajii/core'
import * as onExpress from '@mosaajii/core/express'
import * as onFastify from '@mosaajii/core/fastify'
import * as onHono from '@mosaajii/core/hono'
import { clientError } from '@mosaajii/core/node'
import express from 'express'
import fastify, { type FastifyPluginAsync } from 'fastify'
import { getRequestListener } from '@hono/node-server'
import { Hono } from 'hono'
import { describe, expectTypeOf, it } from 'vitest'

const till: Guard<'till', number> = { as: 'till', check: () => ({ pass: true, data: 3 }) }
const shop: Guard<'shop', { readonly name: string }> = {
  as: 'shop',
  check: async () => ({ pass: true, data: { name: 'Ada’s' } }),
}
const cspNonce: Slot<string> = { as: 'cspNonce' }

describe('the types', () => {
  it('take two different guards on one Express route, and leave its parameters typed', () => {
    const app = express()
    app.use(onExpress.toExpress(till), onExpress.toExpress(shop))
    app.get('/items/:id', onExpress.toExpress(till), onExpress.toExpress(shop), (req, res) => {
      expectTypeOf(req.params.id).toEqualTypeOf<string>()
      expectTypeOf(dataOf(req, till)).toEqualTypeOf<number>()
      expectTypeOf(dataOf(req, shop)).toEqualTypeOf<{ readonly name: string }>()
      expectTypeOf(dataOf(req, cspNonce)).toEqualTypeOf<string>()
      res.end()
    })
    app.post<{ id: string }, { ok: boolean }, { count: number }>(
      '/items/:id',
      onExpress.toExpress(till),
      (req, res) => {
        expectTypeOf(req.body.count).toEqualTypeOf<number>()
        res.json({ ok: true })
      },
    )
    express.Router().use('/scope', onExpress.toExpress(till))
    app.use(onExpress.notFound(), onExpress.problems({ onError: () => undefined }))
    expectTypeOf(onExpress.toExpress(till).guard).toEqualTypeOf<Guard<'till', number>>()
  })

  it('take hooks and plugins in Fastify, with and without schemas of a route', () => {
    const app = fastify({ frameworkErrors: onFastify.frameworkErrors(() => []), clientErrorHandler: clientError() })
    app.setErrorHandler(onFastify.problems())
    app.setNotFoundHandler(onFastify.notFound())
    void app.register(onFastify.toPlugin(till))
    app.addHook('onRequest', onFastify.toHook(till))
    app.get('/', { onRequest: onFastify.toHook(till) }, (request) => {
      expectTypeOf(dataOf(request, till)).toEqualTypeOf<number>()
      return ''
    })
    app.get<{ Params: { id: string }; Reply: { ok: boolean } }>(
      '/items/:id',
      { onRequest: [onFastify.toHook(till), onFastify.toHook(shop)] },
      (request) => {
        expectTypeOf(request.params.id).toEqualTypeOf<string>()
        return { ok: true }
      },
    )
    app.route({ method: 'POST', url: '/', onRequest: onFastify.toHook(till), handler: () => '' })
    const plugin: FastifyPluginAsync = async (instance) => {
      await instance.register(onFastify.toPlugin(shop))
    }
    void app.register(plugin, { prefix: '/scope' })
  })

  it('know what c.get gives behind a guard in Hono', () => {
    const app = new Hono()
      .use(onHono.clientAddress(onHono.nodeServer()))
      .use(onHono.toHono(till))
      .get('/', (c) => {
        expectTypeOf(c.get('till')).toEqualTypeOf<number>()
        expectTypeOf(dataOf(c, till)).toEqualTypeOf<number>()
        return c.text('')
      })
      .get('/items/:id', onHono.toHono(shop), (c) => {
        expectTypeOf(c.get('shop')).toEqualTypeOf<{ readonly name: string }>()
        expectTypeOf(c.var.till).toEqualTypeOf<number>()
        expectTypeOf(c.req.param('id')).toEqualTypeOf<string>()
        return c.text('')
      })
    app.onError(onHono.problems())
    app.notFound(onHono.notFound())
    new Hono<{ Variables: { user: string }; Bindings: { DB: string } }>().use(onHono.toHono(till)).get('/', (c) => {
      expectTypeOf(c.get('user')).toEqualTypeOf<string>()
      return c.text('')
    })
    getRequestListener(app.fetch, { errorHandler: onHono.errorHandler(() => []) })
    const server = createServer()
    server.on(
      'clientError',
      clientError(() => []),
    )
  })

  it('refuse a guard whose data is not what it says', () => {
    // @ts-expect-error -- the data is a number
    const wrong: Guard<'till', number> = { as: 'till', check: () => ({ pass: true, data: '3' }) }
    // @ts-expect-error -- a refusal has an error
    const silent: Guard<'till', number> = { as: 'till', check: () => ({ pass: false }) }
    expectTypeOf(wrong).toEqualTypeOf(silent)
  })
})
