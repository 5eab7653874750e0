// Bundled for Workers and run in workerd, which refuses random values while a module loads.
import { notFound, problems } from '@mosaajii/core/hono'
import { discardEvents } from '@mosaajii/core'
import { nonceSource, presets } from '@mosaajii/headers'
import { fetchMetadata, reportEndpoint, securityHeaders } from '@mosaajii/headers/hono'
import { memoryStore, rateLimiter } from '@mosaajii/ratelimit'
import { rateLimit } from '@mosaajii/ratelimit/hono'
import { Hono } from 'hono'

const nonce = nonceSource()
const key = (facts) => facts.header('x-till')
const rules = { stock: { limit: 2, window: '1m', key, onStoreFailure: 'deny' } }
const limiter = rateLimiter({ rules, store: memoryStore({ maxBytes: 1024 * 1024 }) })
const app = new Hono()
app.use(securityHeaders(presets.strict), fetchMetadata())
app.onError(problems())
app.notFound(notFound())
app.get('/', (c) => c.html(c.get('cspNonce')))
app.get('/nonces', (c) => c.json(Array.from({ length: 1000 }, nonce)))
app.get('/proxied', () => fetch('data:text/plain,proxied').then(({ body }) => new Response(body)))
app.get('/stock', securityHeaders(presets.api), (c) => c.json({ stock: 7 }))
app.get('/limited', rateLimit(limiter, ['stock']), (c) => c.json(c.get('rateLimit').rules.stock))
app.get('/thrown', () => {
  throw new Error('not for clients')
})
app.post('/csp-reports', reportEndpoint({ events: discardEvents() }))

// oxlint-disable-next-line import/no-default-export -- what a Worker is
export default app
