import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { brotliCompressSync, constants } from 'node:zlib'
import { output } from '../run.ts'
import type { Matrix } from './matrix.ts'

/** What is bundled with everything that it exports and needs, and how many bytes of brotli that may be. */
const bundles: readonly { readonly entry: string; readonly most?: number }[] = [
  { entry: '@mosaajii/headers', most: 8192 },
  { entry: '@mosaajii/headers/hono' },
  { entry: '@mosaajii/ratelimit' },
  { entry: '@mosaajii/ratelimit/hono' },
]

/**
 * Measures what a page or a Worker would download of our packages.
 *
 * @param only `sizes`, or none for all.
 * @returns what was tried.
 * @throws {Error} when one has grown beyond its limit.
 */
export function checkSizes(matrix: Matrix, only: readonly string[]): string[] {
  if (only.length > 0 && !only.includes('sizes')) return []
  const said = bundles.map(({ entry, most }) => {
    const size = sizeOf(matrix, entry)
    if (most !== undefined && size > most) throw new Error(`${entry} has ${size} bytes of brotli; ${most} is the limit`)
    return `${entry} ${size}${most === undefined ? '' : ` of at most ${most}`}`
  })
  console.log(`sizes    ${said.join('; ')} bytes of brotli`)
  return ['sizes']
}

function sizeOf({ matrix, bare }: Matrix, entry: string): number {
  writeFileSync(join(bare, 'size-entry.mjs'), `export * from '${entry}'\n`)
  const options = ['--bundle', '--minify', '--format=esm', '--platform=browser', '--outfile=size.mjs']
  output(join(matrix, '@esbuild/linux-x64/bin/esbuild'), ['size-entry.mjs', ...options], { cwd: bare })
  const quality = { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }
  return brotliCompressSync(readFileSync(join(bare, 'size.mjs')), quality).length
}
