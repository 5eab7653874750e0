import { html } from 'hono/html'
import type { Violation } from '../recent-reports.ts'
import { type Html, moment, pageFrame } from './page-frame.ts'

/** The page at `/reports`: what browsers reported. Anybody can send reports, so everything in them is escaped and none of it is a link. */
export function reportsPage(violations: readonly Violation[], nonce: string): Html {
  return pageFrame({
    nonce,
    title: 'Violation reports',
    intro: 'What browsers refused because of the policy of a page, or would have. The newest 50 are kept, in memory.',
    aside: html`<a href="/">The shop</a>`,
    content: html`<section class="card">
<div class="head"><h2>${violations.length === 0 ? 'No reports yet' : 'Newest first'}</h2><p><a href="/reports/try">Try it: a page with two forbidden scripts</a></p></div>
${violations.length === 0 ? html`<p class="quiet">Nothing on a page was against its policy.</p>` : table(violations)}
</section>`,
  })
}

function table(violations: readonly Violation[]): Html {
  return html`<table>
<thead><tr><th>When</th><th>Directive</th><th>Refused</th><th>On</th><th>In</th></tr></thead>
<tbody>${violations.map(row)}</tbody>
</table>`
}

function row({ time, directive, blocked, page, disposition, source, line, column }: Violation): Html {
  const place = [source, line, column].filter((part) => part !== undefined).join(':')
  return html`<tr><td class="number">${moment(time)}</td><td>${directive}${disposition === 'report' ? ' (reported only)' : ''}</td><td>${blocked}</td><td>${page}</td><td>${place || '–'}</td></tr>`
}
