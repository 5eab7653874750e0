import { cpSync, existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { root } from './packages.ts'
import { run } from './run.ts'

/** What to install outside the workspaces. */
export interface Install {
  /** A folder with a `package.json` and its own `package-lock.json`. */
  readonly source: string
  /** The name of its folder in `node_modules/.cache`. */
  readonly name: string
  /** What is said before an installation, because it takes a while. */
  readonly saying: string
  /** Completes a fresh installation; it is handed its folder. */
  readonly finish?: (folder: string) => void
}

/**
 * Installs what a folder outside the workspaces asks for, once for each state of its lockfile. No install script runs.
 *
 * @returns the folder that holds `node_modules`.
 */
export function installOnce({ source, name, saying, finish }: Install): string {
  const state = createHash('sha256')
    .update(readFileSync(join(source, 'package-lock.json')))
    .digest('hex')
    .slice(0, 16)
  const cache = join(root, 'node_modules', '.cache', name)
  const folder = join(cache, state)
  if (!existsSync(join(folder, 'complete'))) {
    rmSync(cache, { recursive: true, force: true })
    mkdirSync(cache, { recursive: true })
    cpSync(source, folder, { recursive: true })
    console.log(saying)
    run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: folder })
    finish?.(folder)
    mkdirSync(join(folder, 'complete'))
  }
  return folder
}
