import type { Build } from './build.ts'
import { refused } from './errors.ts'
import { didYouMean } from './nearest.ts'
import { shown } from './quoted.ts'
import { schemes } from './tables.ts'

const schemeSource = /^([a-z][a-z0-9+.-]*):$/
const label = '[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?'
const hostSource = new RegExp(
  `^(?:([a-z][a-z0-9+.-]*)://)?(\\*|(?:\\*\\.)?${label}(?:\\.${label})*)(?::(\\d{1,5}|\\*))?(/(?:[\\w.~!$&()*+=:@/-]|%[0-9A-Fa-f]{2})*)?$`,
)
const longestHost = 253

/** Checks a source without quotes: a scheme, or a host with what may stand around it. */
export function checkHost(token: string, path: string, directive: string, build: Build): void {
  const scheme = schemeSource.exec(token)?.[1]
  if (scheme !== undefined) return checkScheme(scheme, path, build)
  const [, ofHost, host, port, folder] = hostSource.exec(token) ?? []
  if (host === undefined || host.length > longestHost) throw refused(path, `'${shown(token)}' ${reasonAgainst(token)}`)
  if (ofHost !== undefined) checkScheme(ofHost, path, build)
  else if (isBareWord(host, port)) {
    throw refused(
      path,
      `'${host}' reads as a host without a dot; write a scheme with its colon ('${host}:'), or the host with its scheme ('https://${host}')`,
    )
  }
  if (port !== undefined && port !== '*' && !isPort(Number(port))) throw refused(path, `${port} is no port`)
  if (directive === 'frame-ancestors' && folder !== undefined)
    throw refused(path, 'ancestors are compared by origin; leave the path out')
  warnOfHost(host, path, build)
}

function checkScheme(scheme: string, path: string, build: Build): void {
  if (schemes.includes(scheme) || build.allow.has(scheme)) return
  throw refused(
    path,
    `'${shown(scheme)}:' is no scheme that is known here${didYouMean(scheme, schemes)}; one that is meant stands in the option 'allow'`,
  )
}

function isBareWord(host: string, port: string | undefined): boolean {
  return !host.includes('.') && host !== '*' && host !== 'localhost' && port === undefined
}

function isPort(port: number): boolean {
  return port >= 1 && port <= 65_535
}

function warnOfHost(host: string, path: string, build: Build): void {
  if (/^[\d.]+$/.test(host) && host !== '127.0.0.1')
    build.warn(path, 'browsers need not match IP addresses; give a name')
  if (/^\*\.[^.]+$/.test(host)) build.warn(path, `${host} matches each site below a whole top-level domain`)
}

function reasonAgainst(token: string): string {
  if (/[A-Z]/.test(token.replace(/^((?:[^/]*:\/\/)?[^/]*)\/.*/, '$1')))
    return 'has capitals in its scheme or host; write them small'
  if (/[?#]/.test(token)) return 'has a query or a fragment, which a source cannot have; leave it out'
  if (token.includes('[')) return 'is an IPv6 address, which a source cannot be; give a name'
  if (token.includes('*'))
    return "has a wildcard in the wrong place; it stands for whole labels, at the beginning: '*.shop.example'"
  return "is no source; give a host ('https://cdn.example'), a scheme ('https:') or a keyword in its quotes (\"'self'\")"
}
