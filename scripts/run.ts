import { spawnSync } from 'node:child_process'

/** How to run a command: where, and with which environment. */
export interface RunOptions {
  readonly cwd?: string
  readonly env?: NodeJS.ProcessEnv
}

/**
 * Runs a command and shows what it prints.
 *
 * @throws {Error} when it cannot be started or does not exit with 0.
 */
export function run(command: string, args: readonly string[], { cwd, env = process.env }: RunOptions = {}): void {
  const { status, error, signal } = spawnSync(command, args, { cwd, env, stdio: 'inherit' })
  if (error) throw error
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${signal ?? status}`)
}

/**
 * Runs a command and returns what it printed; shows nothing unless it fails.
 *
 * @throws {Error} when it cannot be started or does not exit with 0, with everything that it printed.
 */
export function output(command: string, args: readonly string[], { cwd, env = process.env }: RunOptions = {}): string {
  const { status, error, signal, stdout, stderr } = spawnSync(command, args, { cwd, env, encoding: 'utf8' })
  if (error) throw error
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${signal ?? status}\n${stdout}${stderr}`)
  return stdout
}

/** Does the work of a script. A failure is shown without a stack, because it is a command's and not the script's. */
export function script(work: () => void): void {
  try {
    work()
  } catch (error) {
    console.error(error instanceof Error ? error.message : error)
    process.exitCode = 1
  }
}
