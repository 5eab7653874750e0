import { join } from 'node:path'
import { installOnce } from '../install-once.ts'
import { root } from '../packages.ts'

/** What the packed packages are tried on, and where they are installed. */
export interface Matrix {
  /** The `node_modules` that holds the runtimes and the compilers. */
  readonly matrix: string
  /** An application with nothing but our packages. */
  readonly bare: string
  /** An application that also has the optional peers and `@types/node`. */
  readonly peers: string
}

/**
 * Installs the runtimes and the compilers of `matrix/package-lock.json`, about 1 GB, once for each state of that lockfile.
 *
 * @returns the `node_modules` that holds them.
 */
export function matrixFolder(): string {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new Error('test:packed runs on Linux x64 only: its runtimes come from npm packages of that platform')
  }
  const folder = installOnce({
    source: join(root, 'scripts', 'packed', 'matrix'),
    name: 'mosaajii-matrix',
    saying: 'installing the runtimes and the compilers once',
  })
  return join(folder, 'node_modules')
}
