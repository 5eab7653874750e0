import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'

const text = readFileSync(new URL('./assets/shop.js', import.meta.url), 'utf8')

/** The script of the pages, and the digest that a browser compares it with before it runs (Subresource Integrity). */
export const shopScript = {
  path: '/assets/shop.js',
  text,
  integrity: `sha384-${createHash('sha384').update(text).digest('base64')}`,
  headers: { 'content-type': 'text/javascript; charset=utf-8' },
} as const
