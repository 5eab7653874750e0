import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { output } from '../run.ts'
import type { Matrix } from './matrix.ts'

const resolutions = [
  { module: 'nodenext', moduleResolution: 'nodenext' },
  { module: 'esnext', moduleResolution: 'bundler' },
] as const

/**
 * `cjs`: this compiler knows that Node can `require()` ES modules. `frameworks`: it knows what the declarations of all frameworks are written
 * in; Hono's need `Uint8Array<ArrayBuffer>` of TypeScript 5.7.
 */
const compilers: readonly { name: string; cjs: boolean; frameworks: boolean }[] = [
  { name: 'ts54', cjs: false, frameworks: false },
  { name: 'ts59', cjs: true, frameworks: true },
  { name: 'ts6', cjs: true, frameworks: true },
  { name: 'ts7', cjs: true, frameworks: true },
]

/**
 * Compiles the consumers with every compiler, declarations of our packages and of their peers included (`skipLibCheck: false`) where it
 * can read them.
 *
 * @param only names of compilers; none means all.
 * @returns what was tried.
 * @throws {Error} at the first that fails, with the compiler's messages.
 */
export function compileConsumers({ matrix, bare, peers }: Matrix, only: readonly string[]): string[] {
  return compilers
    .filter(({ name }) => only.length === 0 || only.includes(name))
    .flatMap(({ name, cjs, frameworks }) =>
      resolutions.map((resolution) => {
        const compiler = join(matrix, name, 'bin', 'tsc')
        const required = cjs && resolution.module === 'nodenext' ? ['required.cts'] : []
        // A browser's types instead of Node's: nothing of ours may need @types/node.
        compile(compiler, bare, { ...resolution, lib: ['es2022', 'dom'], types: [] }, ['basics.ts', ...required])
        const onNode = { ...resolution, lib: ['es2022'], types: ['node'] }
        compile(compiler, peers, onNode, ['basics.ts', 'sql.ts'])
        compile(compiler, peers, { ...onNode, skipLibCheck: !frameworks }, ['headers.ts', 'ratelimit.ts'])
        const said = `${name.padEnd(8)} ${resolution.moduleResolution}`
        console.log(said)
        return said
      }),
    )
}

function compile(compiler: string, cwd: string, options: object, files: readonly string[]): void {
  const always = { noEmit: true, strict: true, skipLibCheck: false, target: 'es2022', verbatimModuleSyntax: true }
  writeFileSync(join(cwd, 'tsconfig.json'), JSON.stringify({ compilerOptions: { ...always, ...options }, files }))
  output(process.execPath, [compiler, '-p', '.'], { cwd })
}
