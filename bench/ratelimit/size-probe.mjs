// Measures one thing in a process of its own and prints it as JSON: `node --expose-gc size-probe.mjs <subject> <keys>`.
import { address } from './addresses.mjs'
import { residentBytes, settle } from './resident.mjs'
import { sizeSubjects } from './size-subjects.mjs'

const [name, count] = process.argv.slice(2)
const keys = Number(count)
const make = sizeSubjects[name]

const other = make(20_000)
await settle((i) => other.count(address(i % 20_000)))
const before = await residentBytes()

const subject = make(keys)
for (let pass = 0; pass < subject.passes; pass++) {
  for (let i = 0; i < keys; i++) {
    if (!(await subject.count(address(i)))) throw new Error('a key that is to be counted was refused')
  }
  subject.passed?.()
}
const resident = ((await residentBytes()) - before) / keys
const { blocks, rest } = subject.used?.() ?? {}
console.log(JSON.stringify({ resident, blocks: blocks / keys, rest: rest / keys }))
process.exit()
