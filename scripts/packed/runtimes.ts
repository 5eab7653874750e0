import { join } from 'node:path'
import { root } from '../packages.ts'
import { output } from '../run.ts'
import type { Matrix } from './matrix.ts'

interface Runtime {
  readonly name: string
  /** The program below the matrix, and what stands before the script's name. */
  readonly command: readonly [program: string, ...args: string[]]
  /** Scripts that only this kind of runtime can run, besides those that all run. */
  readonly also: readonly string[]
}

const nodeOnly = ['require.cjs']

const runtimes: readonly Runtime[] = [
  { name: 'node20', command: ['node20/bin/node'], also: nodeOnly },
  { name: 'node22', command: ['node22/bin/node'], also: nodeOnly },
  { name: 'node24', command: ['node24/bin/node'], also: nodeOnly },
  { name: 'node26', command: ['node26/bin/node'], also: nodeOnly },
  { name: 'bun', command: ['@oven/bun-linux-x64/bin/bun', '--no-install'], also: [] },
  {
    name: 'deno',
    command: ['@deno/linux-x64-glibc/deno', 'run', '-A', '--no-remote', '--node-modules-dir=manual'],
    also: [],
  },
]

/**
 * Runs the consumers' scripts on every runtime, and what a bundler for browsers and Workers makes of them.
 *
 * @param only names of runtimes; none means all.
 * @returns what was tried.
 * @throws {Error} at the first that fails, with everything that it printed.
 */
export function runConsumers(matrix: Matrix, only: readonly string[]): string[] {
  const chosen = (name: string) => only.length === 0 || only.includes(name)
  const tried = runtimes.filter(({ name }) => chosen(name)).map((runtime) => runScripts(matrix, runtime))
  if (chosen('bundle')) tried.push(runBundle(matrix))
  if (chosen('workerd')) tried.push(runWorker(matrix))
  return tried
}

function runScripts({ matrix, bare, peers }: Matrix, { name, command: [program, ...args], also }: Runtime): string {
  const start = (cwd: string, script: string) => output(join(matrix, program), [...args, script], { cwd }).trim()
  const said = ['basics.mjs', ...also].map((script) => start(bare, script))
  said.push(...['sql.mjs', 'headers.mjs', 'ratelimit.mjs'].map((script) => start(peers, script)))
  console.log(`${name.padEnd(8)} ${said.join('; ')}`)
  return name
}

/** Bundles for a browser, where an import of a Node module is an error, and runs the result without `process`. */
function runBundle({ matrix, bare }: Matrix): string {
  const options = [
    '--bundle',
    '--format=esm',
    '--platform=browser',
    '--banner:js=delete globalThis.process',
    '--outfile=bundle.mjs',
  ]
  output(join(matrix, '@esbuild/linux-x64/bin/esbuild'), ['worker.mjs', ...options], { cwd: bare })
  console.log(`bundle   ${output(join(matrix, 'node24/bin/node'), ['bundle.mjs'], { cwd: bare }).trim()}`)
  return 'bundle'
}

/** Bundles for Workers and asks the result over HTTP, in the runtime that Workers run in. */
function runWorker({ matrix, peers }: Matrix): string {
  const options = [
    '--bundle',
    '--format=esm',
    '--platform=browser',
    '--conditions=workerd,worker',
    '--outfile=worker-bundle.mjs',
  ]
  output(join(matrix, '@esbuild/linux-x64/bin/esbuild'), ['workerd.mjs', ...options], { cwd: peers })
  const args = [
    join(root, 'scripts/packed/ask-workerd.mjs'),
    join(matrix, '@cloudflare/workerd-linux-64/bin/workerd'),
    join(peers, 'worker-bundle.mjs'),
  ]
  console.log(`workerd  ${output(join(matrix, 'node24/bin/node'), args, { cwd: peers }).trim()}`)
  return 'workerd'
}
