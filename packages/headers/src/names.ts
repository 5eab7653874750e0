import { refused } from './errors.ts'
import { listOf, textOf } from './options.ts'

/** The names that a policy vouches for. None of them can carry syntax. */
export function allowedNames(value: unknown): ReadonlySet<string> {
  const names = listOf(value ?? [], 'allow', (one, at) => {
    const name = textOf(one, at)
    if (/^[a-z][a-z0-9-]*$/.test(name)) return name
    throw refused(at, 'give a bare name of a-z, 0-9 and -')
  })
  return new Set(names)
}

/** The end of the message about an unknown name. */
export const orAllow = "; a newer one stands in 'allow'"
