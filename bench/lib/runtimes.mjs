import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const MAJORS = [20, 22, 24, 26]

/**
 * The Node versions to measure on: from npm, so that every run of this lockfile measures the same ones.
 *
 * @param {readonly string[] | undefined} wanted majors such as `['20', '24']`; all four when undefined
 * @returns {{ name: string, version: string, exec: string }[]}
 * @throws {RangeError} for a major that bench/package.json does not name, or that is not installed yet
 */
export function runtimes(wanted) {
  const majors = wanted?.map(Number) ?? MAJORS
  return majors.map((major) => {
    if (!MAJORS.includes(major))
      throw new RangeError(`--nodes: choose from ${MAJORS.join(', ')}; "${major}" is not there`)
    const exec = fileURLToPath(new URL(`../node_modules/node${major}/bin/node`, import.meta.url))
    if (!existsSync(exec)) throw new RangeError(`Node ${major} is not installed: run npm ci in bench/ first`)
    return { name: String(major), version: execFileSync(exec, ['--version'], { encoding: 'utf8' }).trim(), exec }
  })
}
