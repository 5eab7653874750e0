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

/** The code of a page, in order: its ```ts blocks make one program. ```ts no-run marks those that need a database. */
function programOf(page: string): string {
  const text = readFileSync(`${root}${page}`, 'utf8')
  return [...text.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code]) => code).join('\n')
}

const pages = ['README.md', ...['core', 'crypto', 'headers', 'ratelimit'].map((name) => `packages/${name}/README.md`)]

describe.each(pages)('%s', (page) => {
  const name = page.replaceAll(/\W/g, '-')
  const program = programOf(page)
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
    const options = {
      noEmit: true,
      declaration: false,
      isolatedDeclarations: false,
      types: ['node'],
      typeRoots: [`${root}node_modules/@types`],
    }
    writeFileSync(
      project,
      JSON.stringify({ extends: `${root}tsconfig.base.json`, compilerOptions: options, files: [file] }),
    )
    const compiled = await run(`${root}node_modules/.bin/tsc`, ['-p', project]).catch(
      (error: { stdout: string }) => error,
    )
    expect(compiled.stdout).toBe('')
  })
})
