import { html } from 'hono/html'
import type { Customer, UnreadableCustomer } from '../domain/customers.ts'
import type { CustomerRow } from '../domain/database.ts'
import { codeOf } from '../domain/errors.ts'
import type { KeyUse } from '../domain/keys.ts'
import type { Page } from '../domain/paging.ts'
import type { ReencryptionStatus } from '../domain/reencryption.ts'
import type { Shop } from '../domain/shop.ts'
import { customerCard, storedCard } from './customer-card.ts'
import { keyCard } from './key-card.ts'
import { limitsCard } from './limits-card.ts'
import type { LimitsView } from './limits-view.ts'
import { type Html, pageFrame } from './page-frame.ts'

/** What the page at `/` is made of. */
export interface HomePageOptions {
  readonly shop: Shop
  /** Goes into a hidden field of each form that changes keys. */
  readonly token: string
  readonly page: Page
  readonly nonce: string
  /** How many violation reports have come. */
  readonly reports: number
  readonly limits: LimitsView
  /** An e-mail address to look for, instead of a part of the list. */
  readonly search?: string
  /** The code of what was refused before this page. */
  readonly refused?: string
}

/** Everything that the page shows. */
export interface HomeView {
  readonly now: number
  readonly token: string
  readonly reports: number
  readonly limits: LimitsView
  readonly keys: readonly KeyUse[]
  readonly reencryption: ReencryptionStatus
  readonly total: number
  readonly items: readonly (Customer | UnreadableCustomer)[]
  readonly next: string | null
  readonly first: boolean
  readonly search?: string
  /** The code of what was refused: a search, or the change of a key before this page. */
  readonly refused?: string
  readonly stored: CustomerRow | undefined
}

/** Renders the page at `/` on the server. */
export async function homePage(options: HomePageOptions): Promise<Html> {
  return document(await look(options), options.nonce)
}

async function look({ shop, token, page, search, refused, reports, limits }: HomePageOptions): Promise<HomeView> {
  const found = search === undefined ? await shop.customers.list(page) : await find(shop, search)
  const [first] = found.items
  return {
    now: shop.clock.now(),
    token,
    reports,
    limits,
    keys: await shop.keys.use(),
    reencryption: shop.reencryption.status(),
    total: await shop.customers.count(),
    first: page.after === '',
    stored: first && (await shop.customers.stored(first.id)),
    ...(search !== undefined && { search }),
    ...(refused !== undefined && { refused }),
    ...found,
  }
}

async function find(shop: Shop, email: string): Promise<Pick<HomeView, 'items' | 'next' | 'refused'>> {
  try {
    return { items: await shop.customers.search({ email }), next: null }
  } catch (error) {
    return { items: [], next: null, refused: codeOf(error) }
  }
}

function document(view: HomeView, nonce: string): Html {
  const changing =
    view.search === undefined &&
    (view.reencryption.state === 'running' || view.keys.some((key) => key.state === 'pending'))
  return pageFrame({
    nonce,
    title: 'The shop',
    intro: 'Customers, payments and receipts. Names, addresses and card numbers are sealed field by field.',
    aside: html`An example of the Mosaajii Security SDK<br><a href="/reports">Violation reports: ${view.reports}</a>`,
    content: html`${view.refused === undefined ? '' : html`<p class="note">${refusalText(view.refused)}</p>`}
${keyCard(view)} ${limitsCard(view.limits)} ${customerCard(view)} ${storedCard(view.stored)}`,
    ...(changing && { refresh: 2 }),
  })
}

const refusals: Readonly<Record<string, string>> = {
  KEY_DESTRUCTION_REFUSED:
    'The key was not destroyed: it must have been opening only for two refresh intervals. Try again soon.',
  KEY_IN_USE: 'The key was not destroyed: rows need it. Re-encrypt them first.',
  REENCRYPTION_RUNNING: 'The re-encryption is running already.',
  INPUT_INVALID: 'That is not an e-mail address.',
}

function refusalText(code: string): string {
  return refusals[code] ?? `It was refused: ${code}`
}
