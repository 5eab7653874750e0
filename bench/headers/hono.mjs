import { createAdaptorServer } from '@hono/node-server'
import { compileHeaders, nonceSource } from '@mosaajii/headers'
import { securityHeaders } from '@mosaajii/headers/hono'
import { Hono } from 'hono'
import { NONCE, secureHeaders } from 'hono/secure-headers'
import { byHand, camelCase, directives, equal, equalHono, NO_NONCE, page, strict } from './policies.mjs'

function server(use, nonce = (c) => c.get('cspNonce')) {
  const app = new Hono()
  use(app)
  app.get('/', (c) => c.html(page(nonce(c))))
  return createAdaptorServer({ fetch: app.fetch })
}

const bare = () =>
  server(
    () => undefined,
    () => NO_NONCE,
  )
const ours = (policy) => server((app) => app.use(securityHeaders(policy)))
const peer = (options) => {
  const contentSecurityPolicy = directives(NONCE, camelCase)
  const use = (app) => app.use(secureHeaders({ contentSecurityPolicy, ...options }))
  return server(use, (c) => c.get('secureHeadersNonce'))
}

const set = (policy) =>
  server((app) => {
    const { fixed, nonced } = byHand(compileHeaders(policy))
    const nonces = nonceSource()
    app.use(async (c, next) => {
      const nonce = nonces()
      c.set('cspNonce', nonce)
      for (const [name, value] of fixed) c.header(name, value)
      for (const [name, value] of nonced) c.header(name, value(nonce))
      await next()
    })
  })

export const headerServers = () => ({
  bare: bare(),
  'bare again': bare(),
  'set by hand, as ours': set(strict),
  ours: ours(strict),
  peer: peer({}),
  'set by hand, equal': set(equal),
  'ours, equal': ours(equal),
  'peer, equal': peer(equalHono),
})
