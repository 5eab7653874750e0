import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const start = promisify(execFile)

/** Runs a script of this folder in a fresh process that can collect its garbage, and reads the JSON that it prints. */
export async function probe(exec, script, ...args) {
  const file = fileURLToPath(new URL(script, import.meta.url))
  const { stdout } = await start(exec, [
    '--expose-gc',
    '--min-semi-space-size=16',
    '--max-semi-space-size=16',
    file,
    ...args,
  ])
  return JSON.parse(stdout)
}
