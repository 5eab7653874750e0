import { clearSiteData, extendPolicy, type PolicyChanges, presets } from '@mosaajii/headers'
import type { Page } from 'playwright-core'
import { describe, expect, it } from 'vitest'
import { chromiumPath } from '../../../../test/services.ts'
import { marksOf } from './chromium.ts'
import { frameworkNames } from './frameworks.ts'
import { html, labCertificate, openLab, patience, picture, type Routes, script } from './lab.ts'

const chromium = chromiumPath()
const certificate = labCertificate(chromium)

const flags = [
  `--ignore-certificate-errors-spki-list=${certificate?.spki}`,
  '--use-fake-device-for-media-stream',
  '--use-fake-ui-for-media-stream',
  // HSTS needs a name that is not localhost.
  '--host-resolver-rules=MAP shop.test 127.0.0.1',
]

/** What is seen with strict, changed in one way. */
type Seen = (changes: PolicyChanges) => Promise<unknown>

const lab = openLab(chromium, flags)

describe.skipIf(!chromium || !certificate).each(frameworkNames)('isolation on %s, in Chromium', (framework) => {
  /** Opens a page of a site with a changed strict policy. */
  const opened = async (changes: PolicyChanges, routes: Routes): Promise<Page> => {
    const site = await lab.site(framework, { policy: extendPolicy(presets.strict, changes), routes })
    return lab.visit(site.origin)
  }

  it('Permissions-Policy denies the camera', async () => {
    const camera = `navigator.mediaDevices.getUserMedia({ video: true }).then(() => 'a stream', (error) => error.name)`
    const asked: Seen = async (changes) => (await opened(changes, { '/': () => html('') })).evaluate(camera)
    expect(await asked({})).toBe('NotAllowedError')
    expect(await asked({ permissionsPolicy: { camera: ['self'] } })).toBe('a stream')
  })

  it('X-Content-Type-Options keeps text from running as a script', async () => {
    const routes: Routes = {
      '/': (nonce) => html(`<script nonce="${nonce}" src="/upload.txt"></script>`),
      '/upload.txt': () => ({ type: 'text/plain', body: `mark('upload')` }),
    }
    expect(await marksOf(await opened({}, routes))).toEqual([])
    expect(await marksOf(await opened({ contentTypeOptions: false }, routes))).toEqual(['upload'])
  })

  it('Cross-Origin-Resource-Policy keeps a picture from the pages of others', async () => {
    const embedded: Seen = async (changes) => {
      const site = await lab.site(framework, {
        policy: extendPolicy(presets.strict, changes),
        routes: { '/picture.svg': picture },
      })
      const image = `<img src="${site.origin}/picture.svg" onload="mark('loaded')" onerror="mark('refused')">`
      const other = await lab.otherSite({ '/': () => html(image) })
      return [await marksOf(await lab.visit(other.origin)), await marksOf(await lab.visit(other.otherName))]
    }
    expect(await embedded({})).toEqual([['refused'], ['refused']])
    expect(await embedded({ crossOriginResourcePolicy: false })).toEqual([['loaded'], ['loaded']])
  })

  it('Cross-Origin-Opener-Policy cuts a window off from the page that opened it', async () => {
    const popup: Seen = async (changes) => {
      const site = await lab.site(framework, {
        policy: extendPolicy(presets.strict, changes),
        routes: { '/': () => html('the shop') },
      })
      const other = await lab.otherSite({ '/': () => html('an opener') })
      const page = await lab.visit(other.otherName)
      const [window] = await Promise.all([
        page.waitForEvent('popup'),
        page.evaluate(`void (globalThis.popup = window.open('${site.origin}/'))`),
      ])
      await window.waitForURL(`${site.origin}/`)
      const opener = await window.evaluate('window.opener === null')
      await expect.poll(() => page.evaluate('popup.closed'), patience).toBe(opener)
      return opener
    }
    expect(await popup({})).toBe(true)
    expect(await popup({ crossOriginOpenerPolicy: false })).toBe(false)
  })

  it('Referrer-Policy tells another origin no path', async () => {
    const referrer: Seen = async (changes) => {
      const other = await lab.otherSite({ '/landing': () => html('') })
      const routes: Routes = {
        '/': () => html(''),
        '/customers/ada': () => html(`<a href="${other.origin}/landing">link</a>`),
      }
      const site = await lab.site(framework, { policy: extendPolicy(presets.strict, changes), routes })
      const page = await lab.visit(`${site.origin}/customers/ada`)
      await page.click('a')
      await page.waitForURL(`${other.origin}/landing`)
      return other.seen[0]?.headers['referer']?.replace(site.origin, '')
    }
    expect(await referrer({})).toBe('/')
    expect(await referrer({ referrerPolicy: 'unsafe-url' })).toBe('/customers/ada')
  })

  it('Strict-Transport-Security turns http into https', async () => {
    const visited: Seen = async (changes) => {
      const policy = extendPolicy(presets.strict, changes)
      const site = await lab.site(framework, {
        policy,
        routes: { '/': () => html('') },
        certificate,
      })
      const { port } = new URL(site.origin)
      const page = await lab.freshPage()
      await page.goto(`https://shop.test:${port}/`)
      return page.goto(`http://shop.test:${port}/`).then(
        () => page.url().split(':')[0],
        () => 'nothing',
      )
    }
    expect(await visited({})).toBe('https')
    expect(await visited({ hsts: false })).toBe('nothing')
  })

  it('clearSiteData ends what the browser keeps, and the session cookie', async () => {
    const signedOut = async (headers: ReturnType<typeof clearSiteData>): Promise<unknown> => {
      const cookie = [['Set-Cookie', '__Host-session=a; Path=/; Secure; HttpOnly; SameSite=Lax']] as const
      const site = await lab.site(framework, {
        policy: presets.strict,
        routes: {
          '/': (nonce) => html(`<script nonce="${nonce}">localStorage.setItem('cart', 'milk')</script>`, cookie),
          '/logout': () => ({ ...script(''), headers }),
          '/after': () => script(''),
        },
        certificate,
      })
      const page = await lab.visit(site.origin)
      await page.evaluate(`fetch('/logout', { method: 'POST' }).then(() => fetch('/after'))`)
      const kept = await page.evaluate(`localStorage.getItem('cart')`)
      return [site.seen.find(({ path }) => path === '/after')?.headers['cookie'], kept]
    }
    expect(await signedOut(clearSiteData({ cookie: '__Host-session' }))).toEqual([undefined, null])
    expect(await signedOut([])).toEqual(['__Host-session=a', 'milk'])
  })
})
