import { readPage } from '../domain/paging.ts'
import type { Shop } from '../domain/shop.ts'
import type { Limits } from '../limits.ts'
import type { RecentReports } from '../recent-reports.ts'
import type { RefusalCount } from '../refusal-count.ts'
import { adminRoutes } from './admin.ts'
import { readForm, readJson } from './body.ts'
import { type FormTokens, formTokens } from './form-tokens.ts'
import { homePage } from './home-page.ts'
import { icon } from './icon.ts'
import { limitsView } from './limits-view.ts'
import { reportsPage } from './reports-page.ts'
import { json, page, type Route, type ShopRequest } from './route.ts'
import { shopScript } from './shop-script.ts'
import { tryPage } from './try-page.ts'

/** What {@link shopRoutes} is made of. */
export interface RoutesOptions {
  readonly shop: Shop
  /** The token that the admin routes want. */
  readonly adminToken: string
  /** Whether browsers come over https. */
  readonly secure: boolean
  /** The violation reports that the page `/reports` shows. */
  readonly reports: RecentReports
  readonly limits: Limits
  readonly refusals: RefusalCount
}

/** All routes of the shop. They only translate between HTTP and the domain, and know no framework: each of the three mounts this table. */
export function shopRoutes(options: RoutesOptions): readonly Route[] {
  const { shop, adminToken, secure, reports, limits, refusals } = options
  const tokens = formTokens({ adminToken, secure })
  return [
    ...customerRoutes(shop),
    ...paymentRoutes(shop),
    ...adminRoutes(shop, tokens, limits),
    ...homeRoutes(options, tokens),
    view('/reports', ({ nonce }) => page(reportsPage(reports.latest(), nonce))),
    view('/reports/try', ({ nonce }) => page(tryPage(nonce))),
    ...[shopScript, icon].map((file) => part(file.path, () => ({ status: 200, ...file }))),
    part('/limits', async (request) => json(await limitsView(limits, refusals, request))),
  ]
}

type Handle = Route['handle']
const read = (path: string, handle: Handle): Route => ({ method: 'get', path, face: 'api', handle })
const write = (path: string, handle: Handle): Route => ({ method: 'post', path, face: 'api', handle })
const part = (path: string, handle: Handle): Route => ({ method: 'get', path, face: 'part', handle })
const view = (path: string, handle: Handle): Route => ({ method: 'get', path, face: 'page', handle })

function customerRoutes({ customers }: Shop): Route[] {
  return [
    write('/customers', async (request) => json(await customers.create(await readJson(request)), 201)),
    write('/customers/import', async (request) =>
      json({ ids: await customers.importAll(await readJson(request)) }, 201),
    ),
    // A search is a POST, because an address in a URL ends in logs and histories.
    write('/customers/search', async (request) => json({ items: await customers.search(await readJson(request)) })),
    read('/customers', async ({ query }) => json(await customers.list(listed(query)))),
    read('/customers/:id', async (request) => json(await customers.fetch(id(request)))),
    {
      method: 'patch',
      path: '/customers/:id',
      face: 'api',
      handle: async (request) => json(await customers.patch(id(request), await readJson(request))),
    },
  ]
}

function paymentRoutes({ payments, receipts }: Shop): Route[] {
  return [
    write('/payments', async (request) => json(await payments.pay(await readJson(request)), 201)),
    read('/payments/:id', async (request) => json(await payments.fetch(id(request)))),
    read('/payments/:id/receipt', async (request) => json(await receipts.ofPayment(id(request)))),
    read('/receipts', async ({ query }) => json(await receipts.list(listed(query)))),
    read('/receipts/:id', async (request) => json(await receipts.fetch(id(request)))),
  ]
}

/** How many customers the page at `/` lists at once. */
const pageRows = 12

function homeRoutes({ shop, reports, limits, refusals }: RoutesOptions, tokens: FormTokens): Route[] {
  const home = async (request: ShopRequest, look: { search?: string; refused?: string }) => {
    const { token, headers } = tokens.issue(request)
    const rows = readPage(look.search === undefined ? after(request.query) : undefined, undefined, pageRows)
    const seen = await limitsView(limits, refusals, request)
    const { nonce } = request
    return page(
      await homePage({ shop, token, page: rows, nonce, reports: reports.count(), limits: seen, ...look }),
      headers,
    )
  }
  return [
    view('/', (request) => {
      const refused = request.query.get('refused') ?? ''
      // Only a code may stand there, not whatever a link wants the page to say.
      return home(request, /^[A-Z_]{1,40}$/.test(refused) ? { refused } : {})
    }),
    {
      ...view('/', async (request) => home(request, { search: (await readForm(request))['email'] ?? '' })),
      method: 'post',
    },
  ]
}

function id({ params }: ShopRequest): string {
  return params['id'] ?? ''
}

function listed(query: URLSearchParams): ReturnType<typeof readPage> {
  return readPage(after(query), query.get('limit') ?? undefined, 200)
}

function after(query: URLSearchParams): string | undefined {
  return query.get('after') ?? undefined
}
