import { refused } from './errors.ts'
import { elementsOf, textOf } from './options.ts'

const mostNames = 50

/** The names that a policy vouches for. None of them can carry syntax. */
export function allowedNames(value: unknown): ReadonlySet<string> {
  const names = value === undefined ? [] : elementsOf(value, 'allow', mostNames)
  return new Set(names.map((name, index) => allowedName(name, `allow[${index}]`)))
}

function allowedName(value: unknown, path: string): string {
  const name = textOf(value, path)
  if (!/^[a-z][a-z0-9-]{0,63}$/.test(name)) throw refused(path, 'give a bare name of a-z, 0-9 and -')
  return name
}
