import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { type Manifest, type Package, packagesIn, root } from '../scripts/packages.ts'
import { brokenEdges, type Edge, importsOf, packageOf } from './floors.ts'

const packages = [...packagesIn('packages'), ...packagesIn('examples')]
const kinds = ['dependencies', 'devDependencies', 'peerDependencies', 'optionalDependencies'] as const

describe('the floors of the house', () => {
  it.each(packages.map((one) => [one.path, one] as const))('%s uses lower floors only, by its manifest', (_, one) => {
    expect(brokenEdges(manifestEdges(one.path, one.manifest))).toEqual([])
  })

  it.each(packages.map((one) => [one.path, one] as const))('%s uses lower floors only, by its imports', (_, one) => {
    expect(brokenEdges(sourceEdges(one))).toEqual([])
  })

  it('finds the edges that are there', () => {
    const crypto = packages.find(({ manifest }) => manifest.name === '@mosaajii/crypto')
    expect(crypto && sourceEdges(crypto).some(({ to }) => to === '@mosaajii/core')).toBe(true)
    expect(crypto && manifestEdges(crypto.path, crypto.manifest).some(({ to }) => to === '@mosaajii/core')).toBe(true)
  })
})

describe('brokenEdges', () => {
  const edge = (from: string, to: string): Edge => ({ from, to, where: 'a.ts' })

  it('lets a package use a lower floor and itself', () => {
    const good = [
      edge('@mosaajii/crypto', '@mosaajii/core'),
      edge('@mosaajii/crypto', '@mosaajii/crypto'),
      edge('@mosaajii/auth', '@mosaajii/crypto'),
      edge('pos-backend', '@mosaajii/gateway'),
    ]
    expect(brokenEdges(good)).toEqual([])
  })

  it.each([
    ['an upward edge', '@mosaajii/core', '@mosaajii/crypto'],
    ['an edge on the same floor', '@mosaajii/crypto', '@mosaajii/audit'],
    ['an edge to an example', '@mosaajii/gateway', 'pos-backend'],
  ])('refuses %s', (_, from, to) => {
    expect(brokenEdges([edge(from, to)])).toEqual([expect.stringContaining(`${from} (floor `)])
  })

  it('asks for the floor of a new package', () => {
    expect(brokenEdges([edge('@mosaajii/new', '@mosaajii/core')])).toEqual([
      expect.stringContaining('has no floor yet'),
    ])
    expect(brokenEdges([edge('pos-backend', '@mosaajii/new')])).toEqual([expect.stringContaining('has no floor yet')])
  })
})

describe('the edges that are read', () => {
  it.each([
    ["import { a } from '@mosaajii/crypto'", '@mosaajii/crypto'],
    ["import {\n  a,\n} from '@mosaajii/crypto/sql'", '@mosaajii/crypto/sql'],
    ["import type { A } from '@mosaajii/crypto'", '@mosaajii/crypto'],
    ["export * from '@mosaajii/crypto'", '@mosaajii/crypto'],
    ["import '@mosaajii/crypto'", '@mosaajii/crypto'],
    ["type A = typeof import('@mosaajii/crypto')", '@mosaajii/crypto'],
    ['const a = await import("@mosaajii/crypto")', '@mosaajii/crypto'],
    ["const a = require('@mosaajii/crypto')", '@mosaajii/crypto'],
    ["declare module '@mosaajii/core' {}", '@mosaajii/core'],
  ])('%s', (source, specifier) => {
    expect(importsOf(source)).toEqual([specifier])
  })

  it('are not those of comments', () => {
    expect(
      importsOf("/** @example\n * import { a } from '@mosaajii/audit'\n */\n// import '@mosaajii/audit'\n"),
    ).toEqual([])
  })

  it('reach into another package also by a relative path', () => {
    expect(
      edgesOfFile('@mosaajii/core', 'packages/core/src/a.ts', "import { a } from '../../crypto/src/field.ts'"),
    ).toEqual([{ from: '@mosaajii/core', to: '@mosaajii/crypto', where: 'packages/core/src/a.ts' }])
  })
})

function manifestEdges(path: string, manifest: Manifest): Edge[] {
  return kinds
    .flatMap((kind) => Object.keys(manifest[kind] ?? {}))
    .filter(isOurs)
    .map((to) => ({ from: manifest.name, to, where: `${path}/package.json` }))
}

function sourceEdges({ folder, manifest }: Package): Edge[] {
  return readdirSync(join(folder, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((file) => /\.[cm]?[jt]sx?$/.test(file))
    .map((file) => join(folder, 'src', file))
    .flatMap((file) => edgesOfFile(manifest.name, relative(root, file), readFileSync(file, 'utf8')))
}

function edgesOfFile(from: string, where: string, source: string): Edge[] {
  return importsOf(source)
    .map((specifier) =>
      specifier.startsWith('.') ? ownerOf(resolve(root, dirname(where), specifier)) : packageOf(specifier),
    )
    .filter((to) => to !== undefined)
    .filter(isOurs)
    .map((to) => ({ from, to, where }))
}

function ownerOf(file: string): string | undefined {
  return packages.find(({ folder }) => file.startsWith(`${folder}/`))?.manifest.name
}

function isOurs(name: string): boolean {
  return name.startsWith('@mosaajii/') || packages.some(({ manifest }) => manifest.name === name)
}
