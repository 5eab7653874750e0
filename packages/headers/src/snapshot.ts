import { refused } from './errors.ts'
import { shown } from './quoted.ts'

const deepest = 3
const most = 150

/**
 * Copies a policy, reading each property once: what is checked is what is sent, whatever happens to the original later and whatever a getter
 * would say the second time.
 *
 * @throws {TypeError} when an object in it is not plain: what it inherits would be overlooked.
 */
export function snapshotOf(value: unknown, path = '', depth = 0): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (depth > deepest) throw new TypeError(`${path}: is nested too deeply`)
  if (Array.isArray(value)) {
    const length = counted(value.length, path)
    return Array.from({ length }, (_, index) => snapshotOf(value[index], `${path}[${index}]`, depth + 1))
  }
  if (!isPlain(value)) throw new TypeError(`${path || 'policy'}: give a plain object`)
  const entries = Object.entries(value)
  counted(entries.length, path || 'policy')
  const prefix = path && `${path}.`
  return Object.fromEntries(entries.map(([name, one]) => [name, snapshotOf(one, prefix + shown(name), depth + 1)]))
}

function counted(length: number, path: string): number {
  if (length > most) throw refused(path, `has more than ${most} entries`)
  return length
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  // The end of the chain, whichever realm the object comes from.
  const ends = prototype === null || Object.getPrototypeOf(prototype) === null
  return ends && Object.getOwnPropertySymbols(value).length === 0
}
