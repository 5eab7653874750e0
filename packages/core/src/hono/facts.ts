import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Context } from 'hono'
import { coreError } from '../errors.ts'
import { RequestFacts, type RequestReader } from '../guard-state/facts.ts'
import { type Carrier, type GuardRecord, recordKey } from '../guard-state/record.ts'
import type { AddressSource } from './sources.ts'

/** Where `clientAddress` leaves its source on the context. */
export const sourceKey: unique symbol = Symbol.for('@mosaajii/core/address-source-1') as never

/** A context with what the SDK keeps on it. */
export interface HonoCarrier extends Carrier {
  [sourceKey]?: AddressSource
}

type HonoContext = Context & HonoCarrier

/** What `@hono/node-server` puts into `c.env`. */
interface NodeEnv {
  readonly incoming?: IncomingMessage
  readonly outgoing?: ServerResponse & { [recordKey]?: GuardRecord }
}

const reader: RequestReader<HonoContext> = {
  method: (context) => context.req.raw.method,
  target: (context) => {
    const { headers, url } = context.req.raw
    const host = headers.get('host')
    // A request for an absolute target (RFC 9112, 3.2.2) is not for the host that its Host names. Whoever trusts Host must see that.
    return host === null || isAuthority(host, url) ? url.slice(pathAt(url)) : url
  },
  header: (context, name) => {
    const { headers, url } = context.req.raw
    const value = headers.get(name)
    if (value !== null) return value
    // A Request has its host in the URL. Only Node's HTTP/1 adds the header to it; `app.request()` and HTTP/2 do not.
    return name.length === 4 && name.toLowerCase() === 'host' ? authorityOf(url) : undefined
  },
  address: (context) => {
    const source = context[sourceKey]
    if (source === undefined) {
      throw coreError(
        'ADDRESS_SOURCE_MISSING',
        'a guard needs the address of the client; say once how it is found, before all guards: app.use(clientAddress(nodeServer()))',
      )
    }
    return source(context)
  },
}

/** The facts of a request on Hono. */
export class HonoFacts extends RequestFacts<HonoContext> {
  /** Node's response, when the application runs on `@hono/node-server` and no other context writes to it. */
  readonly outgoing: ServerResponse | undefined
  /** A guard is waiting for the answer and will write the headers of all. */
  open = false

  constructor(context: HonoContext) {
    super(context, reader)
    const { incoming, outgoing } = (context.env ?? {}) as NodeEnv
    // An application that calls another one (or itself) passes its environment on: the inner answer's headers belong to the inner answer.
    if (
      outgoing !== undefined &&
      typeof outgoing.appendHeader === 'function' &&
      outgoing[recordKey] === undefined &&
      isMadeOf(context.req.raw, incoming)
    ) {
      outgoing[recordKey] = this
      this.outgoing = outgoing
    } else {
      this.outgoing = undefined
    }
  }
}

/** Where the path begins: at the first slash behind `http://`. */
function pathAt(url: string): number {
  return url.indexOf('/', 8)
}

function authorityOf(url: string): string {
  return url.slice(url.indexOf('//') + 2, pathAt(url))
}

/** Whether Host names what the URL does, which never names the port that its scheme has anyway. */
function isAuthority(host: string, url: string): boolean {
  const authority = authorityOf(url)
  const named = host.toLowerCase()
  return named === authority || named === `${authority}:${url.startsWith('https:') ? 443 : 80}`
}

/** The symbol under which `@hono/node-server` keeps Node's request on its own; found in the first one. */
let incomingKey: symbol | undefined

/** Whether a request is the one that the server made of Node's, and not one that an application made for another. */
function isMadeOf(raw: object, incoming: IncomingMessage | undefined): boolean {
  if (incoming === undefined) return false
  const fields = raw as Readonly<Record<symbol, unknown>>
  if (incomingKey !== undefined && fields[incomingKey] === incoming) return true
  const found = Object.getOwnPropertySymbols(raw).find((key) => fields[key] === incoming)
  incomingKey = found ?? incomingKey
  return found !== undefined
}

/** The facts of a context, made at its first guard. */
export function factsOf(context: HonoContext): HonoFacts {
  const known = context[recordKey]
  if (known !== undefined) return known as HonoFacts
  const facts = new HonoFacts(context)
  context[recordKey] = facts
  return facts
}
