import { extendPolicy, type FetchMetadataOptions, presets } from '@mosaajii/headers'
import type { Page } from 'playwright-core'
import { describe, expect, it } from 'vitest'
import { chromiumPath } from '../../../../test/services.ts'
import { frameworkNames } from './frameworks.ts'
import { html, openLab, patience, picture, type Seen, type Site } from './lab.ts'

const chromium = chromiumPath()

/** How a page sends a request to an address of the shop. */
interface Way {
  readonly name: string
  readonly body: (target: string) => string
  readonly act?: (page: Page) => Promise<unknown>
}

const form: Way = {
  name: 'a form that posts',
  body: (target) =>
    `<form method="post" action="${target}"><input name="amount" value="100"><button>send</button></form>`,
  act: (page) => page.click('button'),
}
const link: Way = {
  name: 'a link',
  body: (target) => `<a href="${target}">link</a>`,
  act: (page) => page.click('a'),
}

/** What another site must not do, and the own site may. */
const ways: readonly Way[] = [
  form,
  {
    name: 'a fetch that posts',
    body: (target) => `<a href="${target}">target</a>`,
    act: (page) => page.evaluate(`void fetch(${address}, { method: 'POST', mode: 'no-cors', body: 'a' })`),
  },
  {
    name: 'a beacon',
    body: (target) => `<a href="${target}">target</a>`,
    act: (page) => page.evaluate(`navigator.sendBeacon(${address}, 'a')`),
  },
  { name: 'a picture', body: (target) => `<img src="${target}">` },
]

const address = `document.querySelector('a').href`
const lab = openLab(chromium)

describe.skipIf(!chromium).each(frameworkNames)('fetch metadata on %s, in Chromium', (framework) => {
  const shop = (fetchMetadata: FetchMetadataOptions | undefined, way?: Way): Promise<Site> =>
    lab.site(framework, {
      policy: extendPolicy(presets.strict, { crossOriginResourcePolicy: false }),
      routes: { '/': () => html(way?.body('/order') ?? 'the shop'), '/order': picture },
      fetchMetadata,
    })

  /** Opens a page, lets it send its request to the shop, and returns what the browser said of it and what the shop answered. */
  const sent = async ({ act }: Way, from: string, site: Site, to = '/order'): Promise<unknown> => {
    const page = await lab.visit(from)
    await act?.(page)
    const request = (): Seen | undefined => site.seen.find(({ path }) => path === to)
    await expect.poll(() => request()?.status(), patience).toBeGreaterThan(0)
    // Where the request is a navigation, it is over before the next one begins.
    await page.waitForLoadState()
    return [request()?.headers['sec-fetch-site'], request()?.status()]
  }

  /** The same from the page of another origin: one that differs by its port, which is the same site, or one of another name. */
  const sentByAnother = async (way: Way, name: 'origin' | 'otherName', site: Site, to = '/order'): Promise<unknown> => {
    const other = await lab.otherSite({ '/': () => html(way.body(`${site.origin}${to}`)) })
    return sent(way, other[name], site, to)
  }

  it.each(ways)('refuses $name of another site and of a sibling, passes that of the own', async (way) => {
    expect(await sentByAnother(way, 'otherName', await shop({}))).toEqual(['cross-site', 403])
    expect(await sentByAnother(way, 'origin', await shop({}))).toEqual(['same-site', 403])
    const own = await shop({}, way)
    expect(await sent(way, own.origin, own)).toEqual(['same-origin', 200])
    // Without the guard they pass, so it is the guard that refuses.
    expect(await sentByAnother(way, 'otherName', await shop(undefined))).toEqual(['cross-site', 200])
  })

  it('refuses the frame of another site', async () => {
    const frame: Way = { name: 'a frame', body: (target) => `<iframe src="${target}"></iframe>` }
    expect(await sentByAnother(frame, 'otherName', await shop({}), '/')).toEqual(['cross-site', 403])
    expect(await sentByAnother(frame, 'otherName', await shop({ frames: true }), '/')).toEqual(['cross-site', 200])
  })

  it('passes a link from another site, and what the user typed', async () => {
    expect(await sentByAnother(link, 'otherName', await shop({}), '/')).toEqual(['cross-site', 200])
    const typed = await shop({})
    await lab.visit(typed.origin)
    const [first] = typed.seen
    expect([first?.headers['sec-fetch-site'], first?.status()]).toEqual(['none', 200])
  })

  it('passes the form of an origin that is listed, and no other', async () => {
    const pay = await lab.otherSite({ '/': () => html('') })
    const listed = await shop({ origins: [pay.otherName] })
    const unlisted = await shop({ origins: ['https://pay.example'] })
    for (const [site, status] of [
      [listed, 200],
      [unlisted, 403],
    ] as const) {
      const page = await lab.visit(pay.otherName)
      await page.setContent(form.body(`${site.origin}/order`))
      await form.act?.(page)
      await expect.poll(() => site.seen.find(({ path }) => path === '/order')?.status(), patience).toBe(status)
      await page.waitForLoadState()
    }
  })
})
