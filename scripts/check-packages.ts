// Checks what npm would publish: the manifests (publint) and how the declarations resolve (attw). Needs a build.
import { type Package, packagesIn } from './packages.ts'
import { output, script } from './run.ts'

script(() => packagesIn('packages').forEach(check))

function check({ folder, manifest }: Package): void {
  output('publint', ['--strict'], { cwd: folder })
  // Entries that are plain files (`./package.json`, vectors) have no types to resolve.
  const files = Object.entries(manifest.exports ?? {}).flatMap(([path, entry]) =>
    typeof entry === 'string' ? [path] : [],
  )
  output('attw', ['--pack', '.', '--profile', 'esm-only', '--format', 'ascii', '--exclude-entrypoints', ...files], {
    cwd: folder,
  })
  console.log(`${manifest.name}: publint and attw find nothing`)
}
