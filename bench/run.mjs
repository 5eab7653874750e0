// Measures the packages side by side with their peers. How to read the tables: README.md beside this file.
import { mkdirSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { runtimes } from './lib/runtimes.mjs'

const AREAS = {
  crypto: './crypto/area.mjs',
  headers: './headers/area.mjs',
  ratelimit: './ratelimit/area.mjs',
  micro: './micro/area.mjs',
}
const USAGE = `usage: node bench/run.mjs [${Object.keys(AREAS).join(' | ')}] [--quick] [--nodes=20,22,24,26] [--only=parts of headers or ratelimit]`

const { areas, quick, on, only } = readArguments()
for (const area of areas) {
  const { run } = await import(AREAS[area])
  const began = Date.now()
  const { text, figures } = await run({ runtimes: on, quick, only })
  console.log(text)
  console.log(`\nNode ${on.map((each) => each.version).join(', ')}; ${((Date.now() - began) / 1000).toFixed(0)} s`)
  save(area, figures)
}

function save(area, figures) {
  const folder = new URL('results/', import.meta.url)
  mkdirSync(folder, { recursive: true })
  const date = new Date().toISOString()
  const name = `${area}-${date.slice(0, 10)}.json`
  const nodes = Object.fromEntries(on.map(({ name: major, version }) => [major, version]))
  writeFileSync(new URL(name, folder), `${JSON.stringify({ area, date, quick, nodes, ...figures }, null, 2)}\n`)
  console.log(`written: bench/results/${name}`)
}

function readArguments() {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: { quick: { type: 'boolean', default: false }, nodes: { type: 'string' }, only: { type: 'string' } },
    })
    const unknown = positionals.find((area) => !Object.hasOwn(AREAS, area))
    if (unknown !== undefined) throw new RangeError(`there is no area "${unknown}"`)
    const chosen = positionals.length > 0 ? positionals : ['crypto']
    return { areas: chosen, quick: values.quick, on: runtimes(values.nodes?.split(',')), only: values.only?.split(',') }
  } catch (error) {
    console.error(`${error.message}\n${USAGE}`)
    process.exit(2)
  }
}
