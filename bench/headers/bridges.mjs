// One guard and three, through the bridges and by hand, on each framework. What is by hand is what one would write for that one framework:
// the same check, the same header, the same value for the handler.
import { createServer } from 'node:http'
import { createAdaptorServer } from '@hono/node-server'
import { dataOf } from '@mosaajii/core'
import { toExpress } from '@mosaajii/core/express'
import { toPlugin } from '@mosaajii/core/fastify'
import { toHono } from '@mosaajii/core/hono'
import express from 'express'
import fastify from 'fastify'
import { Hono } from 'hono'
import { FIELDS, guards, missing, word } from './guards.mjs'

const ANSWER = ['till-7', 'shop-3', '4bf92f3577b34da6']

/**
 * @param {(count: number) => unknown} byHand an `http.Server` with so many middlewares
 * @param {(count: number) => unknown} bridged one with so many guards
 */
async function compared(byHand, bridged) {
  return {
    'no guard': await byHand(0),
    'one by hand': await byHand(1),
    'one by hand, again': await byHand(1),
    'one guard': await bridged(1),
    'three by hand': await byHand(3),
    'three by hand, again': await byHand(3),
    'three guards': await bridged(3),
  }
}

/** What the handler answers: what each guard found, and as much constant text for those that are not there. */
const answer = (count, find) => [...FIELDS.keys()].map((at) => (at < count ? find(at) : ANSWER[at])).join(' ')

export const bridgeServers = {
  express: () => {
    const server = (count, use, find) => {
      const app = express().disable('etag')
      for (let at = 0; at < count; at++) app.use(use(at))
      app.get('/', (req, res) => res.send(answer(count, (at) => find(req, res, at))))
      return createServer(app)
    }
    const byHand = (at) => {
      const field = FIELDS[at]
      return (req, res, next) => {
        const value = word(req.headers[`x-${field}`])
        if (value === undefined) return next(missing(field))
        res.locals[field] = value
        res.setHeader(`X-Seen-${field}`, value)
        next()
      }
    }
    return compared(
      (count) => server(count, byHand, (req, res, at) => res.locals[FIELDS[at]]),
      (count) =>
        server(
          count,
          (at) => toExpress(guards[at]),
          (req, res, at) => dataOf(req, guards[at]),
        ),
    )
  },
  fastify: () => {
    const server = async (count, use, find) => {
      const app = fastify()
      for (let at = 0; at < count; at++) await use(app, at)
      app.get('/', (request, reply) => {
        reply.type('text/html; charset=utf-8').send(answer(count, (at) => find(request, reply, at)))
      })
      await app.ready()
      return app.server
    }
    const byHand = (app, at) => {
      const field = FIELDS[at]
      app.decorateReply(field, '')
      app.addHook('onRequest', (request, reply, done) => {
        const value = word(request.headers[`x-${field}`])
        if (value === undefined) return done(missing(field))
        reply[field] = value
        reply.header(`X-Seen-${field}`, value)
        done()
      })
    }
    return compared(
      (count) => server(count, byHand, (request, reply, at) => reply[FIELDS[at]]),
      (count) =>
        server(
          count,
          (app, at) => app.register(toPlugin(guards[at])),
          (request, reply, at) => dataOf(request, guards[at]),
        ),
    )
  },
  hono: () => {
    const server = (count, use, find) => {
      const app = new Hono()
      for (let at = 0; at < count; at++) app.use(use(at))
      app.get('/', (c) => c.html(answer(count, (at) => find(c, at))))
      return createAdaptorServer({ fetch: app.fetch })
    }
    const byHand = (at) => {
      const field = FIELDS[at]
      return async (c, next) => {
        const value = word(c.req.header(`x-${field}`))
        if (value === undefined) throw missing(field)
        c.set(field, value)
        c.header(`X-Seen-${field}`, value)
        await next()
      }
    }
    return compared(
      (count) => server(count, byHand, (c, at) => c.get(FIELDS[at])),
      (count) =>
        server(
          count,
          (at) => toHono(guards[at]),
          (c, at) => dataOf(c, guards[at]),
        ),
    )
  },
}
