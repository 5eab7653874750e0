import { isSecurityError } from '@mosaajii/core'
import { ShopError } from '../domain/errors.ts'
import type { ShopRequest } from './route.ts'

/** The longest request body, in bytes; an import of 100 customers takes about 40,000. */
export const maxBody = 65_536

/**
 * Reads a JSON body. Only `application/json` is taken: a page of another site cannot send that without the browser asking first.
 *
 * @throws {ShopError} `CONTENT_TYPE_REFUSED`, `BODY_TOO_LARGE`, or `BODY_NOT_JSON` when the text is none.
 */
export async function readJson(request: ShopRequest): Promise<unknown> {
  if (!/^application\/json\s*(;|$)/i.test(request.header('content-type') ?? ''))
    throw new ShopError('CONTENT_TYPE_REFUSED', 'send application/json')
  const text = await readText(request)
  try {
    return JSON.parse(text)
  } catch {
    // The parser's message quotes the input, so it goes nowhere.
    throw new ShopError('BODY_NOT_JSON', 'the body is not JSON')
  }
}

/** Whether a form of a page was sent. */
export function isForm(request: ShopRequest): boolean {
  return /^application\/x-www-form-urlencoded\s*(;|$)/i.test(request.header('content-type') ?? '')
}

/** Reads a form of text fields; of a repeated field the last value counts. */
export async function readForm(request: ShopRequest): Promise<Readonly<Record<string, string>>> {
  if (!isForm(request)) return {}
  return Object.fromEntries(new URLSearchParams(await readText(request)))
}

/** Reads a body and stops as soon as it is too large, whatever length was announced. */
async function readText({ body }: ShopRequest): Promise<string> {
  const chunks: Uint8Array[] = []
  let size = 0
  try {
    for await (const chunk of body) {
      size += chunk.length
      if (size > maxBody) throw new ShopError('BODY_TOO_LARGE', `at most ${maxBody} bytes`)
      chunks.push(chunk)
    }
  } catch (error) {
    if (isSecurityError(error)) throw error
    throw new ShopError('BODY_INCOMPLETE', 'the client left before the body had ended', {}, error)
  }
  return Buffer.concat(chunks, size).toString('utf8')
}
