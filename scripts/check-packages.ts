// Checks what npm would publish: the manifests (publint) and how the declarations resolve (attw). Needs a build.
import { packagesIn } from './packages.ts'
import { run } from './run.ts'

for (const { folder, manifest } of packagesIn('packages')) {
  run('publint', ['--strict'], { cwd: folder })
  // Entries that are plain files (`./package.json`, vectors) have no types to resolve.
  const files = Object.entries(manifest.exports ?? {}).flatMap(([path, entry]) =>
    typeof entry === 'string' ? [path] : [],
  )
  run('attw', ['--pack', '.', '--profile', 'esm-only', '--format', 'ascii', '--exclude-entrypoints', ...files], {
    cwd: folder,
  })
}
