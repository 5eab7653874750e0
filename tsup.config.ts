import { relative } from 'node:path'
import { defineConfig, type Options } from 'tsup'
import { codeEntries, type Package, packagesIn, root } from './scripts/packages.ts'

type Plugin = NonNullable<Options['esbuildPlugins']>[number]

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
  splitting: false,
  sourcemap: true,
  clean: true,
  dts: false,
  silent: true,
  esbuildPlugins: [oneCopyOfEachModule(one)],
}))

export default defineConfig(config)

/** `{ "default": "./dist/testing.js", "@mosaajii/source": "./src/testing.ts" }` is the entry `testing`. */
function entriesOf({ path, manifest }: Package): Record<string, string> {
  return Object.fromEntries(
    codeEntries(manifest).map(([, entry]) => {
      const name = /^\.\/dist\/(.+)\.js$/.exec(entry.default)?.[1]
      if (!name) throw new Error(`${manifest.name}: exports must point to ./dist/<name>.js, not to ${entry.default}`)
      return [name, `${path}/${entry['@mosaajii/source']}`]
    }),
  )
}

/**
 * Without splitting, a module that two entries import by a relative path is copied into both, and its classes and state exist twice. An
 * entry that needs another one imports its own package by name, as adapters and `/testing` do.
 */
function oneCopyOfEachModule({ manifest }: Package): Plugin {
  return {
    name: 'one-copy-of-each-module',
    setup(build) {
      build.initialOptions.metafile = true
      build.onEnd((result) => {
        const owner = new Map<string, string>()
        const errors: { text: string }[] = []
        for (const [output, { inputs }] of Object.entries(result.metafile?.outputs ?? {})) {
          for (const input of Object.keys(inputs)) {
            if ((inputs[input]?.bytesInOutput ?? 0) === 0) continue
            const first = owner.get(input)
            if (first === undefined) owner.set(input, output)
            else errors.push({ text: copied(manifest.name, input, first, output) })
          }
        }
        return { errors }
      })
    },
  }
}

function copied(name: string, input: string, ...outputs: string[]): string {
  const [first, second] = outputs.map((output) => relative(root, output))
  return `${input} would be copied into ${first} and ${second}: in one of them import it from '${name}' instead`
}
