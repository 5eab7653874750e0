import helmet from '@fastify/helmet'
import { compileHeaders, nonceSource } from '@mosaajii/headers'
import { securityHeaders } from '@mosaajii/headers/fastify'
import fastify from 'fastify'
import { byHand, directives, equal, NO_NONCE, page, strict, withoutExtras } from './policies.mjs'

async function server(use, nonce = (reply) => reply.cspNonce) {
  const app = fastify()
  await use(app)
  app.get('/', (request, reply) => {
    reply.type('text/html; charset=utf-8').send(page(nonce(reply)))
  })
  await app.ready()
  return app.server
}

const bare = () =>
  server(
    () => undefined,
    () => NO_NONCE,
  )
const ours = (policy) => server((app) => app.register(securityHeaders(policy)))

/** It makes two nonces, of 32 hexadecimal digits, and puts them into script-src and style-src by itself. */
const withHelmet = (options) => {
  const contentSecurityPolicy = { useDefaults: false, directives: directives(undefined) }
  const use = (app) => app.register(helmet, { enableCSPNonces: true, contentSecurityPolicy, ...options })
  return server(use, (reply) => reply.cspNonce.script)
}

const set = (policy) =>
  server((app) => {
    const { fixed, nonced } = byHand(compileHeaders(policy))
    const nonces = nonceSource()
    app.decorateReply('cspNonce', '')
    app.addHook('onRequest', (request, reply, done) => {
      const nonce = nonces()
      reply.cspNonce = nonce
      for (const [name, value] of fixed) reply.raw.setHeader(name, value)
      for (const [name, value] of nonced) reply.raw.setHeader(name, value(nonce))
      done()
    })
  })

export const headerServers = async () => ({
  bare: await bare(),
  'bare again': await bare(),
  'set by hand, as ours': await set(strict),
  ours: await ours(strict),
  peer: await withHelmet({}),
  'set by hand, equal': await set(equal),
  'ours, equal': await ours(equal),
  'peer, equal': await withHelmet(withoutExtras),
})
