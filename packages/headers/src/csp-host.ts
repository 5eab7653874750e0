import { refuse } from './errors.ts'
import { hostParts } from './host-parts.ts'
import { checkKnown } from './nearest.ts'
import { keywords, schemes } from './tables.ts'

/** Checks a source without quotes: a scheme, or a host with what may stand around it. */
export function checkHost(token: string, path: string, directive: string, allow: ReadonlySet<string>): void {
  const known = [...schemes, ...Array.from(allow, (name) => `${name}:`)]
  if (known.includes(token)) return
  const [, scheme = 'https:', host, , folder] = hostParts(token)
  // A browser takes `self`, `data` and each slip for the name of a host.
  if (!host || !known.includes(scheme) || /^(?!localhost$)[\w-]+$/.test(token)) {
    const hint = '; a host has small letters and no query: https://cdn.example/js/'
    checkKnown(token, path, [...keywords.keys(), ...known], 'no source', undefined, hint)
  }
  if (folder && directive === 'frame-ancestors') refuse(path, 'has a path; leave it out')
}
