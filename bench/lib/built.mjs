import { spawnSync } from 'node:child_process'
import { readdirSync, statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = new URL('../../', import.meta.url)

/**
 * Builds the packages when a source is newer than what was built: the benches measure `dist`, the files that are published.
 *
 * @param {readonly string[]} packages folder names below packages/
 */
export function ensureBuilt(packages) {
  if (packages.every(isFresh)) return
  console.error('building the packages first')
  const { status } = spawnSync('npm', ['run', 'build'], { cwd: fileURLToPath(root), stdio: ['ignore', 2, 2] })
  if (status !== 0) throw new Error('npm run build failed; the benches measure what it makes')
}

function isFresh(name) {
  const folder = new URL(`packages/${name}/`, root)
  const built = statSync(new URL('dist/index.js', folder), { throwIfNoEntry: false })?.mtimeMs ?? 0
  return readdirSync(new URL('src/', folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .every((entry) => statSync(`${entry.parentPath}/${entry.name}`).mtimeMs <= built)
}
