import { listOf, textOf } from './options.ts'

/** The names that a policy vouches for. */
export function allowedNames(names: unknown = []): string[] {
  return listOf(names, 'allow', nameOf)
}

/** A name that cannot carry syntax. */
export function nameOf(value: unknown, path: string): string {
  return textOf(value, path, /^[a-z][a-z0-9_-]*$/, 'bare name of a-z, 0-9, - and _')
}
