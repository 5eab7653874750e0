import { Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { ShopError } from '../domain/errors.ts'
import { readPage } from '../domain/paging.ts'
import type { Shop } from '../domain/shop.ts'
import { adminRoutes } from './admin.ts'
import { maxBody, readForm, readJson } from './body.ts'
import { homePage } from './home-page.ts'
import { problemResponse } from './problems.ts'

/** What {@link shopApp} is made of. */
export interface AppOptions {
  readonly shop: Shop
  /** The token that the admin routes want. */
  readonly adminToken: string
}

/**
 * The shop on Hono. The routes only translate between HTTP and the domain.
 *
 * @example
 * const app = shopApp({ shop, adminToken })
 * const answer = await app.request('http://localhost/customers', { method: 'POST', headers, body })
 */
export function shopApp({ shop, adminToken }: AppOptions): Hono {
  const app = new Hono()
  app.onError((error) => problemResponse(error))
  app.notFound(() => problemResponse(new ShopError('ROUTE_UNKNOWN', 'there is nothing at this address')))
  app.use(async (c, next) => {
    requireLocalHost(c.req.header('host') ?? new URL(c.req.url).host)
    await next()
    c.header('x-content-type-options', 'nosniff')
    c.header('cache-control', 'no-store')
  })
  app.use(
    bodyLimit({
      maxSize: maxBody,
      onError: () => problemResponse(new ShopError('BODY_TOO_LARGE', `at most ${maxBody} bytes`)),
    }),
  )
  customerRoutes(app, shop)
  paymentRoutes(app, shop)
  adminRoutes(app, shop, adminToken)
  pageRoutes(app, shop, adminToken)
  return app
}

// A site that points its own name at 127.0.0.1 (DNS rebinding) would otherwise read this server from the visitor's browser.
function requireLocalHost(host: string): void {
  if (/^(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?$/.test(host)) return
  throw new ShopError('HOST_REFUSED', 'this example answers to localhost only')
}

function customerRoutes(app: Hono, { customers }: Shop): void {
  app.post('/customers', async (c) => c.json(await customers.create(await readJson(c)), 201))
  app.post('/customers/import', async (c) => c.json({ ids: await customers.importAll(await readJson(c)) }, 201))
  // A search is a POST, because an address in a URL ends in logs and histories.
  app.post('/customers/search', async (c) => c.json({ items: await customers.search(await readJson(c)) }))
  app.get('/customers', async (c) =>
    c.json(await customers.list(readPage(c.req.query('after'), c.req.query('limit'), 200))),
  )
  app.get('/customers/:id', async (c) => c.json(await customers.fetch(c.req.param('id'))))
  app.patch('/customers/:id', async (c) => c.json(await customers.patch(c.req.param('id'), await readJson(c))))
}

function paymentRoutes(app: Hono, { payments, receipts }: Shop): void {
  app.post('/payments', async (c) => c.json(await payments.pay(await readJson(c)), 201))
  app.get('/payments/:id', async (c) => c.json(await payments.fetch(c.req.param('id'))))
  app.get('/payments/:id/receipt', async (c) => c.json(await receipts.ofPayment(c.req.param('id'))))
  app.get('/receipts', async (c) =>
    c.json(await receipts.list(readPage(c.req.query('after'), c.req.query('limit'), 200))),
  )
  app.get('/receipts/:id', async (c) => c.json(await receipts.fetch(c.req.param('id'))))
}

/** How many customers the page at `/` lists at once. */
const pageRows = 12

function pageRoutes(app: Hono, shop: Shop, adminToken: string): void {
  app.get('/', async (c) => {
    const refused = c.req.query('refused')
    const page = readPage(c.req.query('after'), undefined, pageRows)
    // Only a code may stand there, not whatever a link wants the page to say.
    return homePage({ shop, adminToken, page, ...(refused && /^[A-Z_]{1,40}$/.test(refused) && { refused }) })
  })
  app.post('/', async (c) => {
    const { email = '' } = await readForm(c)
    return homePage({ shop, adminToken, search: email, page: readPage(undefined, undefined, pageRows) })
  })
}
