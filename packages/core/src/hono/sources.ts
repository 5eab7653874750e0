import type { Context } from 'hono'
import { coreError } from '../errors.ts'

/** Says what the address of a request's client is, in any spelling. `undefined` when the connection has none. */
export type AddressSource = (context: Context) => string | undefined

/** What the servers put into `c.env`, as far as it is read here. */
interface ServerEnv {
  readonly incoming?: { readonly socket?: { readonly remoteAddress?: string } }
  readonly server?: ServerEnv
  readonly requestIP?: (request: Request) => { readonly address: string } | null
  readonly remoteAddr?: { readonly hostname?: string }
}

/**
 * The address of the connection on `@hono/node-server`.
 *
 * @example
 * app.use(clientAddress(nodeServer()))
 */
export function nodeServer(): AddressSource {
  return (context) => {
    const env = envOf(context)
    const incoming = (env.server ?? env).incoming
    if (incoming === undefined) throw wrongServer('nodeServer', '@hono/node-server')
    return incoming.socket?.remoteAddress
  }
}

/**
 * The address of the connection on Bun: `Bun.serve({ fetch: app.fetch })`.
 *
 * @example
 * app.use(clientAddress(bunServer()))
 */
export function bunServer(): AddressSource {
  return (context) => {
    const env = envOf(context)
    const server = env.server ?? env
    if (typeof server.requestIP !== 'function') throw wrongServer('bunServer', 'Bun.serve')
    return server.requestIP(context.req.raw)?.address
  }
}

/**
 * The address of the connection on Deno: `Deno.serve(app.fetch)`.
 *
 * @example
 * app.use(clientAddress(denoServer()))
 */
export function denoServer(): AddressSource {
  return (context) => {
    const { remoteAddr } = envOf(context)
    if (remoteAddr === undefined) throw wrongServer('denoServer', 'Deno.serve')
    return remoteAddr.hostname
  }
}

/**
 * The address that Cloudflare saw, on Workers. Anywhere else a client could write that header itself, so there it is an error.
 *
 * @example
 * app.use(clientAddress(cloudflareWorkers()))
 */
export function cloudflareWorkers(): AddressSource {
  return (context) => {
    const { navigator } = globalThis as { navigator?: { userAgent?: string } }
    const onWorkers = navigator?.userAgent === 'Cloudflare-Workers' || 'cf' in context.req.raw
    if (!onWorkers) throw wrongServer('cloudflareWorkers', 'Cloudflare Workers')
    return context.req.raw.headers.get('cf-connecting-ip') ?? undefined
  }
}

/**
 * The address behind your own reverse proxies: `X-Forwarded-For` counted from the right, where each of them has added one. What stands further
 * left was written by the client and is never read.
 *
 * @param source the address of the connection itself, which counts as the first hop.
 * @param options `hops`: how many proxies stand in front, 1 to 16. Too many, and clients choose their own address.
 * @throws {RangeError} when `hops` is not a whole number from 1 to 16.
 * @example
 * app.use(clientAddress(behindProxies(nodeServer(), { hops: 1 })))
 */
export function behindProxies(source: AddressSource, options: { readonly hops: number }): AddressSource {
  if (typeof source !== 'function') throw new TypeError('behindProxies: give a source, for example nodeServer()')
  const { hops } = options
  if (!Number.isInteger(hops) || hops < 1 || hops > 16) {
    throw new RangeError("behindProxies: 'hops' is the number of proxies in front, 1 to 16")
  }
  return (context) => {
    const connection = source(context)
    const forwarded = context.req.raw.headers.get('x-forwarded-for')
    return forwarded === null ? connection : fromTheRight(forwarded, hops)
  }
}

/** The entry that many from the right, or the leftmost when there are fewer. */
function fromTheRight(list: string, count: number): string {
  let end = list.length
  let comma = list.lastIndexOf(',')
  for (let hop = 1; hop < count && comma !== -1; hop++) {
    end = comma
    comma = end === 0 ? -1 : list.lastIndexOf(',', end - 1)
  }
  return list.slice(comma + 1, end).trim()
}

function envOf(context: Context): ServerEnv {
  return (context.env ?? {}) as ServerEnv
}

function wrongServer(name: string, server: string): Error {
  return coreError(
    'ADDRESS_SOURCE_MISSING',
    `clientAddress(${name}()) works on ${server}; this request came in some other way`,
  )
}
