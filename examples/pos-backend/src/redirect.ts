import type { IncomingMessage, RequestListener } from 'node:http'
import { type Facts, toProblem } from '@mosaajii/core'
import { ShopError } from './domain/errors.ts'
import { apiPolicy, localHosts } from './http/policies.ts'

/**
 * What listens on plain http beside https: it leads a browser over, to one of the shop's own names and never to whatever a request calls it.
 * Anything but a fetch of a page is refused, so that a till which sends card data in the clear is noticed and not quietly helped.
 *
 * @param port the port of https.
 */
export function redirectToHttps(port: number): RequestListener {
  return (request, response) => {
    for (const [name, value] of apiPolicy.pairs()) response.setHeader(name, value)
    try {
      response.writeHead(301, { location: secureAddress(request, port) }).end()
    } catch (error) {
      const problem = toProblem(error)
      response.writeHead(problem.status, { 'content-type': 'application/problem+json' }).end(JSON.stringify(problem))
    }
  }
}

function secureAddress(request: IncomingMessage, port: number): string {
  const { method, url = '' } = request
  const host = knownHost(request)
  if (method !== 'GET' && method !== 'HEAD') throw new ShopError('HTTPS_REQUIRED', 'send this over https')
  return `https://${host}${port === 443 ? '' : `:${port}`}${url.startsWith('/') ? url : '/'}`
}

/** A guard needs no framework: it is asked with the facts of a request. */
function knownHost({ method = '', url = '', headers }: IncomingMessage): string {
  const facts: Facts = {
    method,
    target: url,
    address: undefined,
    header: (name) => headers[name]?.toString(),
    get: () => undefined,
  }
  const verdict = localHosts.check(facts)
  if (verdict instanceof Promise) throw new TypeError('this guard answers at once')
  if (!verdict.pass) throw verdict.error
  return verdict.data
}
