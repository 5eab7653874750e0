import type { Context } from 'hono'
import { ShopError } from '../domain/errors.ts'

/** The longest request body, in bytes; an import of 100 customers takes about 40,000. */
export const maxBody = 65_536

/**
 * Reads a JSON body. Only `application/json` is taken: a page of another site cannot send that without the browser asking first.
 *
 * @throws {ShopError} `CONTENT_TYPE_REFUSED`, or `BODY_NOT_JSON` when the text is none.
 */
export async function readJson(c: Context): Promise<unknown> {
  if (!/^application\/json\s*(;|$)/i.test(c.req.header('content-type') ?? ''))
    throw new ShopError('CONTENT_TYPE_REFUSED', 'send application/json')
  const text = await c.req.text()
  try {
    return JSON.parse(text)
  } catch {
    // The parser's message quotes the input, so it goes nowhere.
    throw new ShopError('BODY_NOT_JSON', 'the body is not JSON')
  }
}

/** Reads a form of text fields; a file or a repeated field is left out. */
export async function readForm(c: Context): Promise<Readonly<Record<string, string>>> {
  if (!/^application\/x-www-form-urlencoded\s*(;|$)/i.test(c.req.header('content-type') ?? '')) return {}
  return Object.fromEntries(new URLSearchParams(await c.req.text()))
}
