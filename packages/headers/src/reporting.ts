import { refuse } from './errors.ts'
import { nameOf } from './names.ts'
import { entriesOf } from './options.ts'
import { shown } from './quoted.ts'
import { urlOf } from './redact.ts'
import { tokenOf } from './token.ts'

/** The value of `Reporting-Endpoints`: a dictionary of structured fields, RFC 9651, with strings. */
export function reportingEndpointsText(value: unknown, path: string): string {
  return entriesOf(
    value,
    path,
    (address, at, group) => `${nameOf(group, at)}="${httpsAddress(tokenOf(address, at), at)}"`,
  ).join(', ')
}

/** An address to which browsers may send reports: a path on this site, or https. */
export function reportAddress(value: unknown, path: string): string {
  const address = tokenOf(value, path)
  httpsAddress(address.replace(/^\/(?!\/)/, 'https://x/'), path, 'path that begins with / or ')
  return address
}

function httpsAddress(address: string, path: string, or = ''): string {
  if (/^https:\/\/(?![/?]|[^/?]*@)[^"'\\<>^`{|}#]+$/.test(address) && urlOf(address)) return address
  return refuse(path, `${shown(address)} is no ${or}https address without user name, quotes and fragment`)
}
