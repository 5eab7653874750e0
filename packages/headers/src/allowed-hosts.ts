import type { Facts, Guard } from '@mosaajii/core'
import { type Authority, parseAuthority, requestHost } from './authority.ts'
import { HeadersError } from './errors.ts'
import { listOf } from './options.ts'
import { optionsOf } from './own-options.ts'
import { urlOf } from './redact.ts'

/** Options of {@link allowedHosts}. */
export interface AllowedHostsOptions {
  /**
   * The hosts that this server answers for: `shop.example` (on the ports of http and https), `localhost:3000`, `[::1]:8080`, or
   * `localhost:*` on any port. At least one.
   */
  readonly hosts: readonly string[]
}

/**
 * A guard that answers only for the hosts it knows; any other Host, a malformed or a missing one is refused with `HOST_REFUSED` (400). So a page
 * whose own name was pointed to this server (DNS rebinding) reads nothing from it, and links that are built from Host cannot be poisoned.
 * Case and the dot of the root do not matter, the port does. Its data is the host without the port.
 *
 * Where a proxy sends X-Forwarded-Host, each name in it must be known as well: frameworks that trust the proxy answer with it when they are asked
 * for the host, and many proxies hand on what the client wrote there. So list the public name, and the name that the proxy puts into Host when
 * that is another one. Where the header holds names that mean nothing here, let the proxy remove it.
 *
 * With `http.createServer({ requireHostHeader: false }, …)` a missing Host comes here too, and not to Node's own answer without headers.
 *
 * @throws {TypeError} when an entry is no host, or none is given.
 * @example
 * app.use(toExpress(allowedHosts({ hosts: ['shop.example', 'localhost:*'] })))
 */
export function allowedHosts(options: AllowedHostsOptions): Guard<'allowedHost', string> {
  const known = entriesOf(optionsOf(options, 'allowedHosts', ['hosts']).hosts)
  return {
    as: 'allowedHost',
    check: (facts) => {
      const host = knownHost(facts, known)
      return host === undefined ? { pass: false, error: refusal() } : { pass: true, data: host }
    },
  }
}

function refusal(): HeadersError {
  return new HeadersError('HOST_REFUSED', 'this server does not answer for that host; see allowedHosts', {
    status: 400,
  })
}

function knownHost(facts: Facts, known: ReadonlySet<string>): string | undefined {
  const named = addressedTo(facts)
  return named.every((authority) => isKnown(authority, known)) ? named[0]?.host : undefined
}

/**
 * An absolute target (`GET http://shop.example/ HTTP/1.1`) goes before Host (RFC 9112, 3.2.2), and frameworks that trust a proxy take their
 * host name from X-Forwarded-Host, which may be a list. So what is in them must be known as well.
 */
function addressedTo(facts: Facts): [Authority | undefined, ...(Authority | undefined)[]] {
  const host = parseAuthority(requestHost((name) => facts.header(name)) ?? '')
  const absolute = /^[a-z][a-z0-9+.-]*:\/\/([^/?#]*)/i.exec(facts.target)
  const others = [absolute?.[1] ?? [], facts.header('x-forwarded-host')?.split(',') ?? []].flat()
  return [host, ...others.map((name) => parseAuthority(name.trim()))]
}

function isKnown(authority: Authority | undefined, known: ReadonlySet<string>): boolean {
  if (!authority) return false
  return known.has(`${authority.host}:${authority.port}`) || known.has(`${authority.host}:*`)
}

/** Entries as `host:port`, where the port is empty for those of http and https. */
function entriesOf(hosts: readonly string[]): ReadonlySet<string> {
  const list = listOf(hosts, 'allowedHosts: hosts', entryOf)
  if (list.length === 0) throw new TypeError('allowedHosts: name a host that this server answers for')
  return new Set(list)
}

function entryOf(entry: unknown, at: string): string {
  const [, name = '', anyPort] = /^(.+?)(:\*)?$/.exec(typeof entry === 'string' ? entry : '') ?? []
  const authority = parseAuthority(name)
  // Browsers send addresses in their canonical form, so an entry is brought to it, and must be a host at all.
  const host = authority && urlOf(`http://${authority.host}`)?.hostname
  if (!host || (anyPort && authority.port)) {
    throw new TypeError(`${at} must be written like 'shop.example', 'localhost:3000', '[::1]:8080' or 'localhost:*'`)
  }
  return `${host}:${anyPort ? '*' : authority.port}`
}
