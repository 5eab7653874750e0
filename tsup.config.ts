import { defineConfig, type Options } from 'tsup'
import { codeEntries, type Package, packagesIn } from './scripts/packages.ts'

// JavaScript only: `tsc -b tsconfig.build.json` writes the declarations, many times faster than tsup would.
const config: Options[] = packagesIn('packages').map((one) => ({
  name: one.manifest.name,
  entry: entriesOf(one),
  outDir: `${one.path}/dist`,
  format: 'esm',
  target: 'es2022',
  platform: 'neutral',
  skipNodeModulesBundle: true,
  // Deno and Workers know built-in modules by their `node:` names only.
  removeNodeProtocol: false,
  // Entries of one package share modules. Copied into each, an error class or a cache would exist twice, and `instanceof` would lie.
  splitting: true,
  esbuildOptions: (options) => {
    options.chunkNames = 'shared-[hash]'
  },
  sourcemap: true,
  clean: true,
  dts: false,
  silent: true,
}))

export default defineConfig(config)

/** `{ "@mosaajii/source": "./src/testing.ts", "default": "./dist/testing.js" }` is the entry `testing`. */
function entriesOf({ path, manifest }: Package): Record<string, string> {
  return Object.fromEntries(
    codeEntries(manifest).map(([, entry]) => {
      const name = /^\.\/dist\/(.+)\.js$/.exec(entry.default)?.[1]
      if (!name) throw new Error(`${manifest.name}: exports must point to ./dist/<name>.js, not to ${entry.default}`)
      return [name, `${path}/${entry['@mosaajii/source']}`]
    }),
  )
}
