import { refuse } from './errors.ts'
import { hostParts } from './host-parts.ts'
import { checkKnown } from './nearest.ts'
import { keywords, schemes } from './tables.ts'

/** Checks a source without quotes: a scheme, or a host with what may stand around it. */
export function checkHost(token: string, path: string, directive: string, allow: ReadonlySet<string>): void {
  const known = [...schemes, ...Array.from(allow, (name) => `${name}:`)]
  if (known.includes(token)) return
  const [, scheme, host, , folder] = hostParts(token)
  // A browser takes `self`, `data:80`, `https//a.example` and each slip for a host of one word. One that is meant has its scheme before it.
  if (!host || (scheme ? !known.includes(scheme) : /^(?!localhost$)[\w-]+$/.test(host))) {
    const hint = '; a host has small letters and no query: https://cdn.example/js/'
    checkKnown(token, path, [...keywords.keys(), ...known], 'no source', undefined, hint)
  }
  if (folder && directive === 'frame-ancestors') refuse(path, 'has a path; leave it out')
}
