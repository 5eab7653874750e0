import { refused } from './errors.ts'
import { propertiesOf } from './options.ts'
import { shown } from './quoted.ts'

const deepest = 3
const mostElements = 1000

/**
 * Copies a policy, reading each property once: what is checked is what is sent, whatever happens to the original later, and whatever a getter
 * would say the second time.
 *
 * @throws {TypeError} when something in it is neither a plain object nor an array nor a simple value.
 */
export function snapshotOf(value: unknown, path: string, depth = 0): unknown {
  if (typeof value === 'function')
    throw new TypeError(`${path}: a function is no value; values per request come from policies that are chosen`)
  if (typeof value !== 'object' || value === null) return value
  if (depth > deepest) throw new TypeError(`${path}: it is nested too deeply`)
  if (Array.isArray(value)) return elements(value, path, depth)
  const entries = propertiesOf(value, path)
  if (entries.length > mostElements) throw refused(path, `it has more than ${mostElements} entries`)
  return Object.fromEntries(entries.map(([name, one]) => [name, snapshotOf(one, pathTo(name, path, depth), depth + 1)]))
}

function elements(value: readonly unknown[], path: string, depth: number): unknown[] {
  const { length } = value
  if (length > mostElements) throw refused(path, `it has more than ${mostElements} elements`)
  return Array.from({ length }, (_, index) => snapshotOf(value[index], `${path}[${index}]`, depth + 1))
}

/** Options are named as they are: `csp.img-src`, not `policy.csp.img-src`. */
function pathTo(name: string, path: string, depth: number): string {
  return depth === 0 ? shown(name) : `${path}.${shown(name)}`
}
