// Runs the benches: `npm run bench [area] [-- options]`. Their peers have a manifest and a lockfile of their own, in bench/.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './packages.ts'
import { run, script } from './run.ts'

const folder = join(root, 'bench')

script(() => {
  installPeers()
  run(process.execPath, [join(folder, 'run.mjs'), ...process.argv.slice(2)], { cwd: root })
})

/** Once for each state of the lockfile. */
function installPeers(): void {
  const lockfile = readFileSync(join(folder, 'package-lock.json'), 'utf8')
  const installed = join(folder, 'node_modules', '.installed-lockfile')
  if (existsSync(installed) && readFileSync(installed, 'utf8') === lockfile) return
  run('npm', ['ci', '--no-audit', '--no-fund'], { cwd: folder })
  writeFileSync(installed, lockfile)
}
