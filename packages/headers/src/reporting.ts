import { refused } from './errors.ts'
import { entriesOf } from './options.ts'
import { shown } from './quoted.ts'
import { tokenOf } from './token.ts'

const mostEndpoints = 20
const groupName = /^[a-z][a-z0-9_-]{0,63}$/

/** The value of `Reporting-Endpoints`: a dictionary of structured fields, RFC 9651, with strings. */
export function reportingEndpointsText(value: unknown, path: string): string {
  return entriesOf(value, path, mostEndpoints)
    .map(([group, address]) => {
      const at = `${path}.${shown(group)}`
      if (!groupName.test(group)) throw refused(at, 'name a group with a-z, 0-9, - and _, beginning with a letter')
      return `${group}="${httpsAddress(tokenOf(address, at), at)}"`
    })
    .join(', ')
}

/** An address to which browsers may send reports: a path on this site, or https. */
export function reportAddress(value: unknown, path: string): string {
  const address = tokenOf(value, path)
  return /^\/(?:[^/]|$)/.test(address) ? visible(address, path) : httpsAddress(address, path)
}

function httpsAddress(address: string, path: string): string {
  const url = parsed(visible(address, path))
  if (!/^https:\/\/[^/]/.test(address) || url === undefined) {
    throw refused(path, `'${shown(address)}' is no https address; browsers send reports nowhere else`)
  }
  if (url.username !== '' || url.password !== '')
    throw refused(path, 'an address with a user name or password gives them to every visitor')
  return address
}

/** What could end a quoted text or is no character of an address. */
function visible(address: string, path: string): string {
  if (/["'\\<>^`{|}#]/.test(address))
    throw refused(
      path,
      `'${shown(address)}' has a quote, a backslash, a fragment or another character that is no part of an address; percent-encode it`,
    )
  return address
}

function parsed(address: string): URL | undefined {
  try {
    return new URL(address)
  } catch {
    return undefined
  }
}
