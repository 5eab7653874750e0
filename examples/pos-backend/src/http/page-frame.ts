import { html, raw } from 'hono/html'
import { icon } from './icon.ts'
import { pageStyle } from './page-style.ts'
import { shopScript } from './shop-script.ts'

/** A piece of HTML whose values are escaped. The helper is Hono's, and works without Hono. */
export type Html = ReturnType<typeof html>

/** What is around the content of every page. */
export interface PageFrame {
  readonly nonce: string
  readonly title: string
  readonly intro: string
  /** What stands at the right of the title. */
  readonly aside: Html
  readonly content: Html
  /** After how many seconds the page wants to be fetched again; absent: never. */
  readonly refresh?: number
}

/**
 * A whole page. Its policy lets the style and the script through by their nonce, and nothing else; the script is also compared with its
 * digest. Where no script runs, the page refreshes itself by a header of its own.
 */
export function pageFrame({ nonce, title, intro, aside, content, refresh }: PageFrame): Html {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title} · Mosaajii Security SDK</title>
<link rel="icon" href="${icon.path}">
<style nonce="${nonce}">${raw(pageStyle)}</style>
<script nonce="${nonce}" src="${shopScript.path}" integrity="${shopScript.integrity}" defer></script>
${refresh === undefined ? '' : html`<noscript><meta http-equiv="refresh" content="${refresh}"></noscript>`}
</head>
<body${refresh === undefined ? '' : html` data-refresh="${refresh * 1000}"`}><main>
<header>
  <div>
    <h1>${title}</h1>
    <p class="quiet">${intro}</p>
  </div>
  <p class="quiet small">${aside}</p>
</header>
${content}
</main></body>
</html>`
}

/** A moment: exact as it is sent, in words where a script runs. */
export function moment(ms: number): Html {
  const iso = new Date(ms).toISOString()
  return html`<time datetime="${iso}">${iso.slice(0, 16).replace('T', ' ')} UTC</time>`
}
