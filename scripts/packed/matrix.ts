import { cpSync, existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { root } from '../packages.ts'
import { run } from '../run.ts'

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
  const source = join(root, 'scripts', 'packed', 'matrix')
  const state = createHash('sha256')
    .update(readFileSync(join(source, 'package-lock.json')))
    .digest('hex')
    .slice(0, 16)
  const cache = join(root, 'node_modules', '.cache', 'mosaajii-matrix')
  const folder = join(cache, state)
  if (!existsSync(join(folder, 'complete'))) {
    rmSync(cache, { recursive: true, force: true })
    mkdirSync(cache, { recursive: true })
    cpSync(source, folder, { recursive: true })
    console.log('installing the runtimes and the compilers once')
    run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: folder })
    mkdirSync(join(folder, 'complete'))
  }
  return join(folder, 'node_modules')
}
