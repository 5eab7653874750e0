// What every application is asked, and by how many clients at a time.
export const CONNECTIONS = 16

export const REQUEST = [
  'GET / HTTP/1.1',
  'Host: 127.0.0.1:8080',
  'User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36',
  'Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8',
  'Accept-Encoding: gzip, deflate, br',
  'Accept-Language: en-GB,en;q=0.9',
  'X-Till: till-7',
  'X-Shop: shop-3',
  'X-Trace: 4bf92f3577b34da6',
  '',
  '',
].join('\r\n')

/**
 * @param {string} text what a server has sent so far
 * @returns {number | undefined} how long the whole response is; `undefined` while its head is not there
 * @throws {Error} when it is no 200 with a `Content-Length`
 */
export function responseLength(text) {
  const head = text.indexOf('\r\n\r\n')
  if (head < 0) return undefined
  const length = /\r\ncontent-length: (\d+)\r\n/i.exec(text.slice(0, head + 2))?.[1]
  if (!text.startsWith('HTTP/1.1 200 ') || !length) throw new Error(`not an answer of a known length: ${text}`)
  return head + 4 + Number(length)
}
