// Tests what npm would publish: packs the packages, installs the tarballs into empty folders, runs them on every runtime and compiles
// consumers against every compiler. Needs a build. `npm run test:packed -- deno ts54` tries only what is named.
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { compileConsumers } from './packed/compilers.ts'
import { matrixFolder } from './packed/matrix.ts'
import { runConsumers } from './packed/runtimes.ts'
import { checkSizes } from './packed/sizes.ts'
import { type Package, packagesIn, root } from './packages.ts'
import { output, script } from './run.ts'

const packages = packagesIn('packages')
const workFolder = mkdtempSync(join(tmpdir(), 'mosaajii-packed-'))

script(() => {
  try {
    testPacked(process.argv.slice(2))
  } finally {
    rmSync(workFolder, { recursive: true, force: true })
  }
})

function testPacked(only: readonly string[]): void {
  const tarballs = packages.map(pack)
  const matrix = matrixFolder()
  // One application that has nothing but the packages, and one with the optional peers.
  const bare = install('bare', tarballs)
  const peers = install('peers', [...tarballs, ...optionalPeers()])
  const folders = { matrix, bare, peers }
  const tried = [checkSizes, runConsumers, compileConsumers].flatMap((attempt) => attempt(folders, only))
  if (tried.length === 0) throw new Error(`nothing is named ${only.join(' ')}`)
  console.log(`test:packed: all ${tried.length} passed`)
}

/** Packs one package, looks at what is in the tarball, and returns its path. */
function pack({ folder, manifest }: Package): string {
  const printed = output('npm', ['pack', '--json', '--pack-destination', workFolder], { cwd: folder })
  const [packed] = JSON.parse(printed) as { filename: string; files: { path: string }[] }[]
  if (!packed) throw new Error(`npm pack said nothing about ${manifest.name}`)
  const files = packed.files.map((file) => file.path)
  const missing = ['LICENSE', 'README.md', 'package.json', 'dist/index.js', 'dist/index.d.ts'].filter(
    (file) => !files.includes(file),
  )
  if (missing.length > 0) throw new Error(`${packed.filename} lacks ${missing.join(', ')}`)
  const stray = files.filter((file) => /(^|\/)(test|node_modules)\/|\.tsbuildinfo$|\.test\.|\.env/.test(file))
  if (stray.length > 0) throw new Error(`${packed.filename} must not hold ${stray.join(', ')}`)
  console.log(`packed ${packed.filename}: ${files.length} files`)
  return join(workFolder, packed.filename)
}

/** Installs packages into an empty folder, as an application would, and puts the consumers' sources beside them. */
function install(name: string, what: readonly string[]): string {
  const folder = join(workFolder, name)
  cpSync(join(root, 'scripts', 'packed', 'consumers'), folder, { recursive: true })
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: `packed-${name}`, private: true, type: 'module' }))
  output('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', ...what], { cwd: folder })
  const { packages: installed } = JSON.parse(readFileSync(join(folder, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { hasInstallScript?: boolean }>
  }
  const scripted = Object.keys(installed).filter((path) => installed[path]?.hasInstallScript)
  if (scripted.length > 0) throw new Error(`these dependencies have install scripts: ${scripted.join(', ')}`)
  return folder
}

/** The optional peers in the versions that the packages are developed with, and what their declarations need. */
function optionalPeers(): string[] {
  const versions: Record<string, string> = { '@types/node': '^20.19.0' }
  for (const { manifest } of packages) {
    for (const [name, version] of Object.entries(manifest.devDependencies ?? {})) {
      if (name in (manifest.peerDependencies ?? {}) || name === 'libsql') versions[name] = version
    }
  }
  return Object.entries(versions).map(([name, version]) => `${name}@${version}`)
}
