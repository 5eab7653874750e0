import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { ShopError } from '../domain/errors.ts'
import type { ShopRequest } from './route.ts'

/** The tokens that let a request change keys. */
export interface FormTokens {
  /** The token for the forms of a page, and the header that sets the browser's cookie when it has none yet. */
  issue(request: ShopRequest): { readonly token: string; readonly headers: Readonly<Record<string, string>> }
  /** @throws {ShopError} `FORM_TOKEN_WRONG` unless the token of a form belongs to the cookie that came with it. */
  requireForm(request: ShopRequest, token: string | undefined): void
  /** @throws {ShopError} `ADMIN_TOKEN_WRONG` unless the header `X-Admin-Token` is right. */
  requireAdmin(request: ShopRequest): void
}

/** What {@link formTokens} is made of. */
export interface FormTokensOptions {
  /** What the server prints when it starts. It goes into no page. */
  readonly adminToken: string
  /** Whether browsers come over https. */
  readonly secure: boolean
}

/**
 * Makes the tokens of forms: an HMAC-SHA256 of a random cookie, one for each browser. A form that somebody copied, or made for another
 * browser, does not fit the cookie that comes with it.
 */
export function formTokens({ adminToken, secure }: FormTokensOptions): FormTokens {
  // A browser takes a name with this prefix only over https, for this host and the whole of it, so no other site can set it.
  const name = secure ? '__Host-shop' : 'shop'
  const attributes = `Path=/; HttpOnly; SameSite=Strict${secure ? '; Secure' : ''}`
  const tokenOf = (cookie: string): string => createHmac('sha256', adminToken).update(cookie).digest('base64url')
  return {
    issue: (request) => {
      const known = cookieOf(request, name)
      const cookie = known ?? randomBytes(24).toString('base64url')
      const headers = known === undefined ? { 'set-cookie': `${name}=${cookie}; ${attributes}` } : {}
      return { token: tokenOf(cookie), headers }
    },
    requireForm: (request, token) => {
      const cookie = cookieOf(request, name)
      if (cookie !== undefined && isSame(token, tokenOf(cookie))) return
      throw new ShopError(
        'FORM_TOKEN_WRONG',
        'open the page again: this form belongs to another browser or another start',
      )
    },
    requireAdmin: (request) => {
      if (isSame(request.header('x-admin-token'), adminToken)) return
      throw new ShopError('ADMIN_TOKEN_WRONG', 'send the X-Admin-Token that the server printed when it started')
    },
  }
}

function cookieOf(request: ShopRequest, name: string): string | undefined {
  const values = (request.header('cookie') ?? '')
    .slice(0, 8192)
    .split(';')
    // Blanks only: `trim` would also take a no-break space, with which any page can set a cookie past the rules of `__Host-`.
    .map((pair) => pair.replaceAll(/^[ \t]+|[ \t]+$/g, ''))
    .filter((pair) => pair.startsWith(`${name}=`))
    .map((pair) => pair.slice(name.length + 1))
  // A browser sends a `__Host-` cookie once: of two, one came by some other way.
  const [value] = values
  return values.length === 1 && value !== undefined && /^[A-Za-z0-9_-]{32}$/.test(value) ? value : undefined
}

function isSame(given: string | undefined, wanted: string): boolean {
  // Digests have one length, so the comparison takes the same time for every guess.
  const digest = (text: string) => createHash('sha256').update(text).digest()
  return given !== undefined && given.length <= 200 && timingSafeEqual(digest(given), digest(wanted))
}
