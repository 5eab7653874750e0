import type { Build } from './build.ts'
import { refused } from './errors.ts'
import { hostParts } from './host-parts.ts'
import { didYouMean } from './nearest.ts'
import { shown } from './quoted.ts'
import { keywords, schemes } from './tables.ts'

/** Checks a source without quotes: a scheme, or a host with what may stand around it. */
export function checkHost(token: string, path: string, directive: string, build: Build): void {
  const [, scheme, host, , folder] = /^[a-z][a-z0-9+.-]*:$/.test(token) ? [token, token] : hostParts(token)
  // A browser takes `self`, `data` and each slip for the name of a host.
  const bare = /^(?!localhost$)[\w-]+$/.test(token)
  const unknown =
    scheme === undefined ? host === undefined : !schemes.includes(scheme) && !build.allow.has(scheme.slice(0, -1))
  if (bare || unknown) {
    const meant = didYouMean(token, [...keywords.keys(), ...schemes])
    throw refused(
      path,
      `${shown(token)} is no source${meant || '; a host has small letters and no query: https://cdn.example/js/'}`,
    )
  }
  if (folder !== undefined && directive === 'frame-ancestors')
    throw refused(path, 'leave the path out: ancestors are compared by origin')
  if (host !== undefined && /^(?!127\.0\.0\.1$)[\d.]+$|^\*\.[^.]+$/.test(host))
    build.warn(path, `${host} is too wide, or an address that browsers may ignore`)
}
