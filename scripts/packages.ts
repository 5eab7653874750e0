import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** One entry of a package's `exports` that is compiled: all three conditions, in this order. */
export interface CodeEntry {
  readonly '@mosaajii/source': string
  readonly types: string
  readonly default: string
}

/** What the tooling reads of a package's manifest. */
export interface Manifest {
  readonly name: string
  readonly version: string
  readonly private?: boolean
  readonly files?: readonly string[]
  readonly exports?: Readonly<Record<string, CodeEntry | string>>
  readonly dependencies?: Readonly<Record<string, string>>
  readonly devDependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

/** A package of the workspace. */
export interface Package {
  /** Its folder, absolute. */
  readonly folder: string
  /** Its folder relative to the root, with forward slashes: `packages/core`. */
  readonly path: string
  readonly manifest: Manifest
}

/** The root of the repository, absolute. */
export const root: string = fileURLToPath(new URL('..', import.meta.url))

/**
 * The packages in one folder of the workspace, in alphabetical order.
 *
 * @param parent `packages` (they are published) or `examples` (they are not).
 */
export function packagesIn(parent: 'packages' | 'examples'): Package[] {
  return readdirSync(join(root, parent), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => `${parent}/${entry.name}`)
    .sort()
    .map((path) => ({ path, folder: join(root, path), manifest: readManifest(join(root, path, 'package.json')) }))
}

/** The entries of a package that are compiled, as pairs of subpath and conditions. Files such as `./package.json` are left out. */
export function codeEntries(manifest: Manifest): [subpath: string, entry: CodeEntry][] {
  return Object.entries(manifest.exports ?? {}).flatMap(([subpath, entry]) =>
    typeof entry === 'string' ? [] : [[subpath, entry] as [string, CodeEntry]],
  )
}

function readManifest(file: string): Manifest {
  return JSON.parse(readFileSync(file, 'utf8')) as Manifest
}
