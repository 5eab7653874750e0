// One measuring process: `speed-worker.mjs <ours | peer> <keys> [--quick]`. Ours and the peer have a process each: the collector walks all objects
// of a process, and a million records with a timer each would make whoever shares it slow.
import { serve } from '../lib/worker.mjs'
import { addresses, drawn } from './addresses.mjs'

const [set] = process.argv.slice(2)
const [who, size] = set.split(' ')
const pace = process.argv.includes('--quick')
  ? { rounds: 5, turns: 6, warmMs: 250, sliceMs: 5 }
  : { rounds: 12, turns: 10, warmMs: 500, sliceMs: 5 }

const keys = addresses(Number(size))
const { checks } = await import(`./speed-${who}.mjs`)
const tasks = []
for (const [name, { check, allows }] of Object.entries(checks(keys.length))) {
  // Every key is counted once before anything is measured.
  for (const key of keys) await check(key)
  const allowed = allows(await check(keys[0]))
  if (allowed === (name === 'refused')) throw new Error(`${who}, ${name}: ${allowed ? 'allowed' : 'refused'}`)
  const next = drawn(keys)
  tasks.push({ name, async: true, body: () => check(next()) })
}
await serve([{ name: `${size} keys, ${who}`, tasks, ...pace }])
