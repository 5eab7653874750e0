import { html, raw } from 'hono/html'
import { type Html, pageFrame } from './page-frame.ts'

// As an attacker would have smuggled them in: a script without the nonce, and a handler in an attribute.
const forbiddenScript = raw(`<script>document.getElementById('ran').textContent = 'The script ran!'</script>`)
const forbiddenHandler = raw(`onclick="document.getElementById('ran').textContent = 'The handler ran!'"`)

/** The page at `/reports/try`: it holds what its own policy forbids, so that there is something to report. */
export function tryPage(nonce: string): Html {
  return pageFrame({
    nonce,
    title: 'A page with forbidden scripts',
    intro:
      'It holds a script without a nonce, and a button with a handler in its attribute. The policy lets neither run.',
    aside: html`<a href="/">The shop</a>`,
    content: html`<section class="card">
<div class="head"><h2 id="ran">Neither ran.</h2><button type="button" ${forbiddenHandler}>Press: nothing happens</button></div>
${forbiddenScript}
<p>The browser has reported both: <a href="/reports">see the reports</a>.</p>
</section>`,
  })
}
