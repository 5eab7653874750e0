import { randomBytes } from 'node:crypto'
import { createServer } from 'node:http'
import { compileHeaders, nonceSource } from '@mosaajii/headers'
import { securityHeaders } from '@mosaajii/headers/express'
import express from 'express'
import helmet from 'helmet'
import { byHand, directives, equal, NO_NONCE, page, strict, withoutExtras } from './policies.mjs'

const nonceOf = (res) => res.locals.cspNonce

function server(use, nonce = nonceOf) {
  // No hash of the page: it is the same for all, and more than what is compared.
  const app = express().disable('etag')
  use(app)
  app.get('/', (req, res) => res.send(page(nonce(res))))
  return createServer(app)
}

const bare = () =>
  server(
    () => undefined,
    () => NO_NONCE,
  )
const ours = (policy) => server((app) => app.use(securityHeaders(policy)))

/** As helmet's documentation shows it. */
const withHelmet = (options) =>
  server((app) => {
    app.use((req, res, next) => {
      res.locals.cspNonce = randomBytes(16).toString('base64')
      next()
    })
    const nonce = (req, res) => `'nonce-${res.locals.cspNonce}'`
    app.use(helmet({ contentSecurityPolicy: { useDefaults: false, directives: directives(nonce) }, ...options }))
  })

const set = (policy) =>
  server((app) => {
    const { fixed, nonced } = byHand(compileHeaders(policy))
    const nonces = nonceSource()
    app.use((req, res, next) => {
      const nonce = nonces()
      res.locals.cspNonce = nonce
      for (const [name, value] of fixed) res.setHeader(name, value)
      for (const [name, value] of nonced) res.setHeader(name, value(nonce))
      res.removeHeader('X-Powered-By')
      next()
    })
  })

export const headerServers = () => ({
  bare: bare(),
  'bare again': bare(),
  'set by hand, as ours': set(strict),
  ours: ours(strict),
  peer: withHelmet({}),
  'set by hand, equal': set(equal),
  'ours, equal': ours(equal),
  'peer, equal': withHelmet(withoutExtras),
})
