import { extendPolicy, type HeaderPolicy, presets } from '@mosaajii/headers'
import type { Frame } from 'playwright-core'
import { describe, expect, it } from 'vitest'
import { chromiumPath } from '../../../../test/services.ts'
import { frameworkNames } from './frameworks.ts'
import { html, openLab, patience, type Site } from './lab.ts'

const chromium = chromiumPath()
const refused = 'chrome-error://chromewebdata/'

const lab = openLab(chromium)

describe.skipIf(!chromium).each(frameworkNames)('framing on %s, in Chromium', (framework) => {
  const shop = (policy: HeaderPolicy): Promise<Site> =>
    lab.site(framework, {
      policy,
      routes: { '/': () => html('the shop'), '/own': () => html('<iframe src="/"></iframe>') },
    })

  /** What became of the shop in the frame of another page: its address, or that of Chromium's error page. */
  const framed = async (page: string): Promise<() => string | undefined> => {
    const opened = await lab.visit(page)
    return () =>
      opened
        .frames()
        .find((frame: Frame) => frame !== opened.mainFrame())
        ?.url()
  }

  const framedByAnother = async (shop: Site, name: 'origin' | 'otherName'): Promise<() => string | undefined> => {
    const other = await lab.otherSite({ '/': () => html(`<iframe src="${shop.origin}/"></iframe>`) })
    return framed(other[name])
  }

  const alone: readonly (readonly [string, HeaderPolicy])[] = [
    ['strict', presets.strict],
    ['frame-ancestors alone', extendPolicy(presets.strict, { frameOptions: false })],
    ['X-Frame-Options alone', extendPolicy(presets.strict, { csp: { 'frame-ancestors': false } })],
  ]

  // `origin` differs by its port only and is the same site; `otherName` is another site.
  it.each(alone)('%s refuses another origin and another site', async (_, policy) => {
    const site = await shop(policy)
    for (const name of ['origin', 'otherName'] as const) {
      await expect.poll(await framedByAnother(site, name), patience).toBe(refused)
    }
  })

  it('neither of them lets another site frame the shop, so it is they that refuse', async () => {
    const site = await shop(extendPolicy(presets.strict, { frameOptions: false, csp: { 'frame-ancestors': false } }))
    await expect.poll(await framedByAnother(site, 'otherName'), patience).toBe(`${site.origin}/`)
  })

  it('strict refuses the own origin too, and can be opened for it alone', async () => {
    const frames = { 'frame-src': ["'self'"] }
    const strict = await shop(extendPolicy(presets.strict, { csp: frames }))
    await expect.poll(await framed(`${strict.origin}/own`), patience).toBe(refused)

    const csp = { ...frames, 'frame-ancestors': ["'self'"] }
    const opened = await shop(extendPolicy(presets.strict, { frameOptions: 'SAMEORIGIN', csp }))
    await expect.poll(await framed(`${opened.origin}/own`), patience).toBe(`${opened.origin}/`)
    await expect.poll(await framedByAnother(opened, 'otherName'), patience).toBe(refused)
  })
})
