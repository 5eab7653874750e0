import { refused } from './errors.ts'
import { entriesOf } from './options.ts'
import { shown } from './quoted.ts'
import { tokenOf } from './token.ts'

/** The value of `Reporting-Endpoints`: a dictionary of structured fields, RFC 9651, with strings. */
export function reportingEndpointsText(value: unknown, path: string): string {
  return entriesOf(value, path, (group, address, at) => {
    if (!/^[a-z][a-z0-9_-]*$/.test(group)) throw refused(at, 'name a group with a-z, 0-9, - and _')
    return `${group}="${httpsAddress(tokenOf(address, at), at)}"`
  }).join(', ')
}

/** An address to which browsers may send reports: a path on this site, or https. */
export function reportAddress(value: unknown, path: string): string {
  const address = tokenOf(value, path)
  httpsAddress(address.replace(/^\/(?!\/)/, 'https://x/'), path)
  return address
}

function httpsAddress(address: string, path: string): string {
  if (/^https:\/\/(?![/?]|[^/?]*@)[^"'\\<>^`{|}#]+$/.test(address) && URL.canParse(address)) return address
  throw refused(path, `'${shown(address)}' is no https address without user name, quotes and fragment`)
}
