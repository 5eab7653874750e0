// Floods a limiter with distinct keys in a process of its own: `node --expose-gc flood-probe.mjs <subject> <keys>`. Victims are at their limit
// before; counted keys have one hit. Prints what became of them, as JSON.
import { address } from './addresses.mjs'
import { floodSubjects } from './flood-subjects.mjs'
import { residentBytes, settle } from './resident.mjs'

const [name, count] = process.argv.slice(2)
const [victims, counted, flood] = [1_000, 10_000, Number(count)]
const LIMIT = 5
const make = floodSubjects[name]

/** Each group of keys has its own part of the addresses. */
const keyOf = (part, i) => address((part << 21) + i)

const other = make(1_000_000)
await settle((i) => other(keyOf(0, i % 20_000)))
const before = await residentBytes()

const limiter = make(LIMIT)
for (let i = 0; i < victims; i++) for (let hit = 0; hit < LIMIT; hit++) await limiter(keyOf(1, i))
for (let i = 0; i < counted; i++) await limiter(keyOf(2, i))
let [peak, refused] = [before, 0]
for (let i = 0; i < flood; i++) {
  if (!(await limiter(keyOf(3, i)))) refused++
  if (i % 50_000 === 0) peak = Math.max(peak, process.memoryUsage.rss())
}
const after = await residentBytes()
let [forgiven, denied] = [0, 0]
for (let i = 0; i < victims; i++) if (await limiter(keyOf(1, i))) forgiven++
for (let i = 0; i < counted; i++) if (!(await limiter(keyOf(2, i)))) denied++

const [grown, most] = [after - before, Math.max(peak, after) - before]
console.log(JSON.stringify({ victims, counted, refused, forgiven, denied, grown, most }))
process.exit()
