// Plays schedules of calls by the million and judges every answer: `npm run fuzz -- ratelimit --runs=1000000`. Each batch prints its seed;
// `--seed=…` begins there again. A failure prints seed and path, and `--seed=… --path=…` plays that schedule alone.
// `--redis=redis://…` plays on a server, many at once and in real time, under keys that nobody else has.
import { parseArgs } from 'node:util'
import { fuzzRatelimit } from './fuzz/ratelimit.ts'

/** What is wanted. */
export interface FuzzOptions {
  readonly runs: number
  readonly seed: number
  readonly path: string | undefined
  readonly redis: string | undefined
}

const areas: Readonly<Record<string, (options: FuzzOptions) => Promise<void>>> = { ratelimit: fuzzRatelimit }

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      runs: { type: 'string' },
      seed: { type: 'string' },
      path: { type: 'string' },
      redis: { type: 'string' },
    },
  })
  const fuzz = areas[positionals[0] ?? '']
  if (fuzz === undefined) throw new Error(`name what to fuzz: ${Object.keys(areas).join(', ')}`)
  const seed = Number(values.seed ?? globalThis.crypto.getRandomValues(new Int32Array(1))[0])
  const runs = Number(values.runs ?? 10_000)
  if (!Number.isSafeInteger(seed) || !(Number.isSafeInteger(runs) && runs > 0)) {
    throw new Error('give whole numbers to --runs and --seed')
  }
  await fuzz({ runs, seed, path: values.path, redis: values.redis })
}

try {
  await main()
} catch (error) {
  if (!(error instanceof Error)) throw error
  console.error(error.message)
  // What a property says of its failure: the answer that is wrong, and what was done before it.
  if (error.cause instanceof Error) console.error(error.cause.message)
  process.exitCode = 1
}
