const longest = 400

/** What a browser puts in place of an address when the violation was no load, and the schemes that it cuts an address down to. */
const keyword = /^(inline|(wasm-)?eval|self|trusted-types-(policy|sink)|data|blob|about|filesystem)$/

/** `;`, `?` and `#`, also percent-encoded however many times, begin what was meant for the server only. */
const hiddenEnd = /(;|%(25)*(3b|3f|23)).*$/i

const nonce = /nonce(-|%(25)*2d)[\w+/=%-]+/gi

/**
 * What of a reported address may be kept: scheme, host and path of one on the web, the scheme alone of any other, or one of the keywords
 * that CSP has in its place. User info, query, fragment and path parameters (`;jsessionid=…`) hold what was meant for the server only, and a
 * nonce anywhere would tell what to inject.
 *
 * @returns printable ASCII of at most 400 characters; `unknown` for anything else.
 * @example
 * redactedAddress('https://ada:pw@shop.example/orders?token=1#top') // 'https://shop.example/orders'
 * redactedAddress('data:text/html,secret') // 'data'
 */
export function redactedAddress(reported: unknown): string {
  if (typeof reported !== 'string') return 'unknown'
  if (keyword.test(reported)) return reported
  const url = urlOf(reported)
  if (!url) return 'unknown'
  if (!/^(http|ws)s?:$/.test(url.protocol)) return url.protocol.slice(0, -1).slice(0, 40)
  const path = url.pathname.replace(hiddenEnd, '')
  return `${url.protocol}//${url.host}${path}`.replaceAll(nonce, 'nonce-redacted').slice(0, longest)
}

/** An absolute address, where it is one. */
export function urlOf(text: string): URL | undefined {
  try {
    return new URL(text)
  } catch {
    return undefined
  }
}
