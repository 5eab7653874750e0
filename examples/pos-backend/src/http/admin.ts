import { codeOf } from '../domain/errors.ts'
import type { Shop } from '../domain/shop.ts'
import type { Limits } from '../limits.ts'
import { isForm, readForm, readJson } from './body.ts'
import type { FormTokens } from './form-tokens.ts'
import { type Answer, json, type Route, seeOther, type ShopRequest } from './route.ts'

type Input = Readonly<Record<string, unknown>>

/** What an administrator may start, by path. */
const actions: Readonly<Record<string, (shop: Shop, input: Input) => Promise<unknown>>> = {
  '/admin/rotate': (shop, input) => shop.keys.rotate(input),
  '/admin/reencrypt': (shop) => shop.reencryption.start(),
  '/admin/destroy': (shop, input) => shop.keys.destroy(input),
}

/**
 * The routes under `/admin`: those that change keys and those that look at them. There is no sign-in in this example yet, so a client must
 * send the token that the server prints when it starts, and a form of the page one that belongs to the browser's cookie. Whoever guesses is
 * stopped by the limits.
 */
export function adminRoutes(shop: Shop, tokens: FormTokens, limits: Limits): Route[] {
  const requireAdmin = (request: ShopRequest): Promise<void> =>
    limits.attempt(request, request.limits, () => tokens.requireAdmin(request))
  const requireForm = (request: ShopRequest, token: string | undefined): Promise<void> =>
    limits.attempt(request, request.limits, () => tokens.requireForm(request, token))
  const look = (path: string, seen: () => unknown): Route => ({
    method: 'get',
    path,
    face: 'api',
    handle: async (request) => {
      await requireAdmin(request)
      return json(await seen())
    },
  })
  return [
    look('/admin/keys', async () => ({ keys: await shop.keys.use(), reencryption: shop.reencryption.status() })),
    look('/admin/reencrypt', () => shop.reencryption.status()),
    ...Object.entries(actions).map(
      ([path, act]): Route => ({
        method: 'post',
        path,
        face: 'api',
        handle: async (request) => {
          if (isForm(request)) return fromPage(request, requireForm, (i) => act(shop, i))
          await requireAdmin(request)
          return json(await act(shop, (await readJson(request)) as Input), 202)
        },
      }),
    ),
  ]
}

/** The page shows the code of a refusal; a browser would show problem details as text. */
async function fromPage(
  request: ShopRequest,
  requireForm: (request: ShopRequest, token: string | undefined) => Promise<void>,
  act: (input: Input) => Promise<unknown>,
): Promise<Answer> {
  const { token, version, ...rest } = await readForm(request)
  await requireForm(request, token)
  const input = version === undefined ? rest : { ...rest, version: Number(version) }
  const refused = await act(input).then(() => undefined, codeOf)
  return seeOther(refused === undefined ? '/' : `/?refused=${refused}`)
}
