import ipaddr from 'ipaddr.js'

/** Longer than any address with a zone that an operating system writes. */
const longestAddress = 100

/** IPv4 as a dotted quad: four numbers up to 255 without leading zeros. That is its one spelling, so nothing needs to be read or written anew. */
const dottedQuad = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?=\d)|$)){4}$/

/** How a socket that takes both families shows an IPv4 address. */
const mapped = '::ffff:'

/** The groups of `64:ff9b::/96`, by which IPv6 networks reach IPv4 and translators are reached from it. */
const translated = [0x64, 0xff9b, 0, 0, 0, 0]

/** The first group of 6to4. */
const sixToFour = 0x2002

/**
 * The one spelling of an IP address: IPv4 as a dotted quad, IPv6 by RFC 5952. An IPv4-mapped IPv6 address becomes the IPv4 address, a zone
 * (`%eth0`) is dropped. Never throws.
 *
 * @param text an address alone: no port, no brackets, no prefix length, no octal, hexadecimal or short IPv4.
 * @returns `undefined` when it is no address.
 * @example
 * canonicalAddress('::ffff:192.0.2.7') // '192.0.2.7'
 * canonicalAddress('2001:DB8:0:0::1%eth0') // '2001:db8::1'
 * canonicalAddress('192.0.2.7:443') // undefined
 */
export function canonicalAddress(text: string): string | undefined {
  return quadOf(text) ?? parse(text)?.toString()
}

/**
 * What limits count a client by: an IPv4 address, or the network that one IPv6 client has the whole of, since it may take another address in it for
 * every request. That is the /64; of a 6to4 address (`2002::/16`, RFC 3056) the /48, which is what comes with one IPv4 address. The addresses of the
 * translators' well-known prefix `64:ff9b::/96` (RFC 6052) count as the IPv4 address inside: all of IPv4 is in that one /64. A network that translates
 * with a prefix of its own is one client here.
 *
 * @param address an address, canonical or not; `undefined` where nobody knows it.
 * @returns for example `192.0.2.7` or `2001:db8:1:2::/64`; `undefined` for `undefined`, which limiters refuse as a key.
 * @throws {TypeError} when it is no address.
 * @example
 * addressKey('2001:db8:1:2:aaaa::1') // '2001:db8:1:2::/64'
 * addressKey('64:ff9b::192.0.2.7') // '192.0.2.7'
 */
export function addressKey(address: string): string
export function addressKey(address: string | undefined): string | undefined
export function addressKey(address: string | undefined): string | undefined {
  if (address === undefined) return undefined
  const quad = quadOf(address)
  if (quad !== undefined) return quad
  const parsed = parse(address)
  if (parsed === undefined) throw new TypeError('addressKey: give an IP address, for example what facts.address holds')
  return parsed instanceof ipaddr.IPv4 ? parsed.toString() : networkKey(parsed.parts)
}

function networkKey(groups: readonly number[]): string {
  if (translated.every((group, i) => groups[i] === group)) return quadIn(groups.slice(-2))
  const own = groups.slice(0, groups[0] === sixToFour ? 3 : 4)
  const network = new ipaddr.IPv6([...own, ...Array.from({ length: 8 - own.length }, () => 0)])
  return `${network.toString()}/${16 * own.length}`
}

function quadIn([high = 0, low = 0]: readonly number[]): string {
  return [high >> 8, high & 255, low >> 8, low & 255].join('.')
}

/** The IPv4 address in the two forms that most requests have, which takes a tenth of the time of a parser. */
function quadOf(text: string): string | undefined {
  if (typeof text !== 'string') return undefined
  if (dottedQuad.test(text)) return text
  if (!text.startsWith(mapped)) return undefined
  const quad = text.slice(mapped.length)
  return dottedQuad.test(quad) ? quad : undefined
}

function parse(text: string): ipaddr.IPv4 | ipaddr.IPv6 | undefined {
  if (typeof text !== 'string' || text.length > longestAddress) return undefined
  if (!text.includes(':')) return parseV4(text)
  const zone = text.indexOf('%')
  const address = zone === -1 ? text : text.slice(0, zone)
  // An IPv4 tail must be as strict as an IPv4 address: `::ffff:010.0.0.1` means one thing to one parser and another to the next.
  const tail = address.slice(address.lastIndexOf(':') + 1)
  const four = tail.includes('.') ? parseV4(tail) : undefined
  if (tail.includes('.') && four === undefined) return undefined
  // As groups, because ipaddr.js takes `::1.2.3.4` for a mapped address, which it is not.
  const groups = four === undefined ? address : address.slice(0, -tail.length) + groupsOf(four.octets)
  if (!ipaddr.IPv6.isValid(groups)) return undefined
  const parsed = ipaddr.IPv6.parse(groups)
  return parsed.isIPv4MappedAddress() ? parsed.toIPv4Address() : parsed
}

function groupsOf([a = 0, b = 0, c = 0, d = 0]: readonly number[]): string {
  return `${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`
}

function parseV4(text: string): ipaddr.IPv4 | undefined {
  return ipaddr.IPv4.isValidFourPartDecimal(text) ? ipaddr.IPv4.parse(text) : undefined
}
