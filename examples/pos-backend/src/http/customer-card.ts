import { html } from 'hono/html'
import type { Customer, UnreadableCustomer } from '../domain/customers.ts'
import type { CustomerRow } from '../domain/database.ts'
import type { HomeView } from './home-page.ts'
import type { Html } from './page-frame.ts'

/** The list of customers, or what a search found. */
export function customerCard(view: HomeView): Html {
  const { search, items, total } = view
  const title = search === undefined ? `${total.toLocaleString('en')} customers` : 'Search'
  return html`<section class="card">
<div class="head">
  <h2>${title}</h2>
  <form class="search" method="post" action="/">
    <input type="email" name="email" required maxlength="254" placeholder="name@example.com" aria-label="E-mail address" value="${search ?? ''}">
    <button>Search by e-mail</button>
  </form>
</div>
${items.length === 0 ? html`<p class="quiet">${search === undefined ? 'Nobody yet.' : 'No customer has this address.'}</p>` : table(items)}
${pager(view)}
</section>`
}

function table(items: HomeView['items']): Html {
  return html`<table>
<thead><tr><th>Name</th><th>E-mail</th><th>Phone</th><th>Id</th></tr></thead>
<tbody>${items.map(customerRow)}</tbody>
</table>`
}

function customerRow(item: Customer | UnreadableCustomer): Html {
  if ('unreadable' in item) {
    return html`<tr><td colspan="3" class="refused">does not open: ${item.unreadable}</td><td class="id">${item.id}</td></tr>`
  }
  const { id, name, email, phone } = item
  return html`<tr><td>${name}</td><td>${email}</td><td class="number">${phone ?? '–'}</td><td class="id">${id}</td></tr>`
}

function pager({ search, first, next }: HomeView): Html | '' {
  if (search !== undefined) return html`<p class="pager"><a href="/">All customers</a></p>`
  if (first && next === null) return ''
  const start = first ? html`<span></span>` : html`<a href="/">First page</a>`
  return html`<nav class="pager">${start}${next === null ? '' : html`<a href="/?after=${next}">Next page</a>`}</nav>`
}

/** One row as the database holds it. */
export function storedCard(row: CustomerRow | undefined): Html | '' {
  if (!row) return ''
  const columns = Object.entries(row).filter(([column]) => column !== 'created_at')
  return html`<section class="card">
<div class="head"><h2>The first of them, as the database holds it</h2><p class="quiet small">The index finds an address without holding it.</p></div>
<dl>${columns.map(([column, value]) => html`<dt>${column}</dt><dd>${value ?? 'null'}</dd>`)}</dl>
</section>`
}
