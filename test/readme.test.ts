import { execFile } from 'node:child_process'
import { mkdtempSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, describe, expect, it } from 'vitest'

const run = promisify(execFile)
const root = fileURLToPath(new URL('..', import.meta.url))
// Below node_modules, so that the packages are found by name and no tool looks at it.
mkdirSync(`${root}node_modules/.cache`, { recursive: true })
const folder = mkdtempSync(`${root}node_modules/.cache/readme-`)

afterAll(() => rmSync(folder, { recursive: true }))

interface Block {
  readonly code: string
  readonly runs: boolean
}

/** The ```ts blocks of a page, in order. ```ts no-run marks those that need a server or a database: they compile only. */
function blocksOf(page: string): readonly Block[] {
  const text = readFileSync(`${root}${page}`, 'utf8')
  return [...text.matchAll(/^```ts( no-run)?\n(.*?)^```$/gms)].map(([, mark, code = '']) => ({
    code,
    runs: mark === undefined,
  }))
}

/** What the readers of a page have themselves. */
const readers: Readonly<Record<string, string>> = {
  'packages/crypto/README.md': `
    interface Row {
      id: string, since: number, email: string, email_index: string, email_sealed: string | null
      phone: string | null, phone_index: string | null, note: string | null
    }
    declare const db: import('kysely').Kysely<{ customers: Row }>
    declare const people: { sealPatch(id: string, fields: { email_sealed: string }): { email_sealed: string } }
    declare const payments: typeof customers
    declare const [source, paymentsSource]: readonly [SealedSource, SealedSource]
    type SealedSource = import('@mosaajii/crypto').SealedSource
    declare const myStore: () => import('@mosaajii/crypto').KeyStore
    declare const it: typeof import('vitest').it`,
}

/** What runs makes one program. What does not knows its names too, and may call other things by them: each is a block of its own. */
function programWith(blocks: readonly Block[], page: string): string {
  const imports: string[] = []
  const parts = blocks.map(({ code, runs }, i) => {
    if (runs) return code
    const names: string[] = []
    const rest = code.replaceAll(/^import (.*?) from ('.*?')$/gm, (_, clause: string, from: string) => {
      const imported = /(type )?(\w+)(?: as (\w+))?(?=\s*[,}]|$)/g
      const renamed = clause.replaceAll(imported, (__, type = '', name: string, local = name) => {
        names.push(`${type || 'const '}${local} = ${local}_${i}`)
        return clause.startsWith(name) ? `${local}_${i}` : `${type}${name} as ${local}_${i}`
      })
      imports.push(`import ${renamed} from ${from}`)
      return ''
    })
    return `{\n${[...names, rest].join('\n')}}\n`
  })
  return [...imports, readers[page], ...parts].join('\n')
}

const pages = ['README.md', ...['core', 'crypto', 'headers', 'ratelimit'].map((name) => `packages/${name}/README.md`)]

describe.each(pages)('%s', (page) => {
  const name = page.replaceAll(/\W/g, '-')
  const blocks = blocksOf(page)
  const program = blocks
    .filter(({ runs }) => runs)
    .map(({ code }) => code)
    .join('\n')
  const file = `${folder}/${name}.mts`
  writeFileSync(file, program)

  it('has code that runs', async () => {
    expect(program.length).toBeGreaterThan(200)
    const { stdout } = await run(process.execPath, ['--import', 'tsx', '--conditions=@mosaajii/source', file], {
      cwd: root,
    })
    // Every value that a comment behind console.log promises in full.
    const promised = [...program.matchAll(/console\.log\(.*\) \/\/ ([\w@. ]+)$/gm)].map(([, value]) => value)
    for (const value of promised) expect(stdout).toContain(value)
  })

  it('has code that compiles', async () => {
    const project = `${folder}/${name}.tsconfig.json`
    const whole = `${folder}/${name}-whole.mts`
    writeFileSync(whole, programWith(blocks, page))
    const options = {
      noEmit: true,
      declaration: false,
      isolatedDeclarations: false,
      types: ['node'],
      typeRoots: [`${root}node_modules/@types`],
    }
    writeFileSync(
      project,
      JSON.stringify({ extends: `${root}tsconfig.base.json`, compilerOptions: options, files: [whole] }),
    )
    const compiled = await run(`${root}node_modules/.bin/tsc`, ['-p', project]).catch(
      (error: { stdout: string }) => error,
    )
    expect(compiled.stdout).toBe('')
  })
})
