import { createHash, timingSafeEqual } from 'node:crypto'
import type { Context, Hono } from 'hono'
import { codeOf, ShopError } from '../domain/errors.ts'
import type { Shop } from '../domain/shop.ts'
import { readForm, readJson } from './body.ts'

type Input = Readonly<Record<string, unknown>>

/** What an administrator may start, by path. */
const actions: Readonly<Record<string, (shop: Shop, input: Input) => Promise<unknown>>> = {
  '/admin/rotate': (shop, input) => shop.keys.rotate(input),
  '/admin/reencrypt': (shop) => shop.reencryption.start(),
  '/admin/destroy': (shop, input) => shop.keys.destroy(input),
}

/**
 * The routes under `/admin`: those that change keys and those that look at them. There is no sign-in in this example yet, so all of them
 * want the token that the server prints when it starts: a page of another site does not know it, and cannot set the header.
 */
export function adminRoutes(app: Hono, shop: Shop, token: string): void {
  app.get('/admin/keys', async (c) => {
    requireToken(c.req.header('x-admin-token'), token)
    return c.json({ keys: await shop.keys.use(), reencryption: shop.reencryption.status() })
  })
  app.get('/admin/reencrypt', (c) => {
    requireToken(c.req.header('x-admin-token'), token)
    return c.json(shop.reencryption.status())
  })
  for (const [path, act] of Object.entries(actions)) {
    app.post(path, async (c) => {
      const { input, fromPage } = await readAction(c, token)
      if (!fromPage) return c.json(await act(shop, input), 202)
      // The page shows the code of a refusal; a browser would show problem details as text.
      const refused = await act(shop, input).then(() => undefined, codeOf)
      return c.redirect(refused === undefined ? '/' : `/?refused=${refused}`, 303)
    })
  }
}

/** A JSON body with the token in a header, or a form of the page with the token in a hidden field. */
async function readAction(c: Context, token: string): Promise<{ input: Input; fromPage: boolean }> {
  const header = c.req.header('x-admin-token')
  if (header !== undefined) {
    requireToken(header, token)
    return { input: (await readJson(c)) as Input, fromPage: false }
  }
  const { token: field, version, ...rest } = await readForm(c)
  requireToken(field, token)
  return { input: version === undefined ? rest : { ...rest, version: Number(version) }, fromPage: true }
}

function requireToken(given: string | undefined, token: string): void {
  // Digests have one length, so the comparison takes the same time for every guess.
  const digest = (text: string) => createHash('sha256').update(text).digest()
  if (given !== undefined && given.length <= 200 && timingSafeEqual(digest(given), digest(token))) return
  throw new ShopError('ADMIN_TOKEN_WRONG', 'send the X-Admin-Token that the server printed when it started')
}
