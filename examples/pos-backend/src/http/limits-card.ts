import { html } from 'hono/html'
import type { LimitView } from '../limits.ts'
import type { LimitsView } from './limits-view.ts'
import type { Html } from './page-frame.ts'

const titles: Readonly<Record<string, string>> = {
  global: 'Everything',
  api: 'The API',
  authentication: 'Wrong tokens',
}

/** The limits of whoever looks at the page. A script keeps them up to date; without one they are those of the moment. */
export function limitsCard({ store, refused, rules }: LimitsView): Html {
  return html`<section class="card" data-limits="/limits">
<div class="head"><h2>Your limits</h2><p class="quiet small">Counted ${store === 'memory' ? 'in memory' : 'on Redis'}; refused since the start: <strong data-refused>${refused}</strong></p></div>
<ul class="legend">${rules.map(limitItem)}</ul>
</section>`
}

function limitItem(view: LimitView): Html {
  const { name, limit, window } = view
  const used = usedUnits(view)
  return html`<li data-rule="${name}">
<div class="row"><span>${titles[name] ?? name}</span><span class="chip">${limit.toLocaleString('en')} in ${spanText(window)}</span></div>
<svg class="bar thin" viewBox="0 0 100 1" preserveAspectRatio="none" role="img" aria-label="${used} of ${limit}"><rect class="c0" width="${(used / limit) * 100}" height="1"></rect></svg>
<div class="row"><strong data-used>${isGone(view) ? 'Redis is gone' : `${used.toLocaleString('en')} used`}</strong><span class="quiet small" data-next>${nextText(view)}</span></div>
</li>`
}

function spanText(ms: number): string {
  return ms >= 60_000 ? `${ms / 60_000} min` : `${ms / 1000} s`
}

/** While the store is gone this process knows what it lets through, and not what was used. */
function isGone({ source }: LimitView): boolean {
  return source === 'local' || source === 'failure'
}

function usedUnits(view: LimitView): number {
  return isGone(view) ? 0 : view.limit - view.remaining
}

function nextText(view: LimitView): string {
  const { resetMs, remaining } = view
  if (isGone(view)) return remaining === 0 ? 'nothing passes' : `${remaining.toLocaleString('en')} more pass`
  return resetMs === 0 ? 'all free' : `the next is free in ${Math.ceil(resetMs / 1000)} s`
}
