// Runs the tests over HTTP on the other Nodes: what is built on Node's own HTTP code meets another one in each, and `npm test` runs on one.
// `npm run test:nodes -- node26` tries only that.
import { join } from 'node:path'
import { matrixFolder } from './packed/matrix.ts'
import { root } from './packages.ts'
import { run, script } from './run.ts'

const nodes = ['node20', 'node22', 'node24', 'node26']
/** Parts of the paths of test files. None of these needs a server or a browser. */
const tests = [
  'packages/core/',
  'packages/headers/test/edges',
  'packages/headers/test/adapters',
  'ratelimit/test/http/',
]

script(() => {
  const only = process.argv.slice(2)
  const here = `node${process.versions.node.split('.')[0]}`
  const chosen = nodes.filter((name) => (only.length === 0 ? name !== here : only.includes(name)))
  if (chosen.length === 0) throw new Error(`none of ${nodes.join(', ')} is named ${only.join(' ')}`)
  const matrix = matrixFolder()
  const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs')
  for (const name of chosen) {
    console.log(`\n${name}`)
    run(join(matrix, name, 'bin', 'node'), [vitest, 'run', ...tests], { cwd: root })
  }
  console.log(`test:nodes: passed on ${chosen.join(', ')}`)
})
