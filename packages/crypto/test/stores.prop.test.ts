import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { KeyStore, StoredKeyring } from '../src/key-store.ts'
import { fileKeyStore } from '../src/stores/file.ts'
import { memoryKeyStore } from '../src/stores/memory.ts'
import { sqlKeyStore } from '../src/stores/sql.ts'
import { databases, type TestDatabase } from './support/databases.ts'

/** What a client does: read, or write after the generation that it saw last, moved by a lag (behind) or a lead (ahead). */
interface Step {
  readonly client: number
  readonly kind: 'read' | 'write'
  readonly offset: number
}

type Outcome =
  | { readonly kind: 'read'; readonly found: StoredKeyring | undefined }
  | { readonly kind: 'write'; readonly document: string; readonly after: number; readonly won: boolean }

/** A state of the model: what the newest generation holds. */
interface State {
  readonly generation: number
  readonly document: string | undefined
}

const step: fc.Arbitrary<Step> = fc.record({
  client: fc.nat(3),
  kind: fc.constantFrom('read', 'write', 'write'),
  offset: fc.oneof({ weight: 6, arbitrary: fc.constant(0) }, { weight: 2, arbitrary: fc.integer({ min: -3, max: 2 }) }),
})
/** Rounds of steps that run at once. */
const history: fc.Arbitrary<Step[][]> = fc.array(fc.array(step, { minLength: 1, maxLength: 4 }), {
  minLength: 1,
  maxLength: 8,
})

let documents = 0

/** Runs a history and checks that its outcomes are those of the same steps done one after the other, in some order within each round. */
async function checkHistory(stores: readonly KeyStore[], rounds: readonly Step[][]): Promise<void> {
  const id = `p${globalThis.crypto.randomUUID()}`
  const seen = [0, 0, 0, 0]
  let states: State[] = [{ generation: 0, document: undefined }]
  for (const round of rounds) {
    const outcomes = await Promise.all(round.map((step) => run(stores, id, step, seen)))
    states = unique(states.flatMap((state) => after(state, outcomes)))
    expect(states, 'no order of the steps explains what came out').not.toEqual([])
  }
  const last = await stores[0]?.read(id)
  expect(
    states.some(({ generation, document }) => generation === (last?.generation ?? 0) && document === last?.document),
  ).toBe(true)
}

async function run(
  stores: readonly KeyStore[],
  id: string,
  { client, kind, offset }: Step,
  seen: number[],
): Promise<Outcome> {
  const store = stores[client] as KeyStore
  if (kind === 'read') {
    const found = await store.read(id)
    seen[client] = found?.generation ?? 0
    return { kind, found }
  }
  const after = Math.max(0, (seen[client] ?? 0) + offset)
  const document = JSON.stringify({ number: ++documents })
  const won = await store.write(id, document, after)
  if (won) seen[client] = after + 1
  return { kind, document, after, won }
}

/** The states in which some order of the outcomes ends. */
function after(state: State, outcomes: readonly Outcome[]): State[] {
  if (outcomes.length === 0) return [state]
  return outcomes.flatMap((outcome, i) => {
    const next = apply(state, outcome)
    return next ? after(next, outcomes.toSpliced(i, 1)) : []
  })
}

/** The state after an outcome; `undefined` when the model could not have had this outcome. */
function apply(state: State, outcome: Outcome): State | undefined {
  if (outcome.kind === 'read') {
    const { generation = 0, document } = outcome.found ?? {}
    return generation === state.generation && document === state.document ? state : undefined
  }
  if (outcome.won !== (outcome.after === state.generation)) return undefined
  return outcome.won ? { generation: state.generation + 1, document: outcome.document } : state
}

function unique(states: readonly State[]): State[] {
  return [...new Map(states.map((state) => [`${state.generation} ${state.document}`, state])).values()]
}

async function holds(stores: () => readonly KeyStore[], numRuns: number): Promise<true> {
  await fc.assert(
    fc.asyncProperty(history, (rounds) => checkHistory(stores(), rounds)),
    { numRuns },
  )
  return true
}

const four = [0, 1, 2, 3] as const

describe('any history of four clients is one of compare-and-swap', () => {
  test('in memory', async () => {
    const store = memoryKeyStore()
    expect(await holds(() => four.map(() => store), 500)).toBe(true)
  })

  test('in files', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'mosaajii-'))
    const stores = four.map(() => fileKeyStore(folder))
    expect(await holds(() => stores, 100)).toBe(true)
    await rm(folder, { recursive: true })
  })

  describe.each(databases)('on %s', (_, openDatabase) => {
    let database: TestDatabase
    beforeAll(async () => {
      database = await openDatabase()
    })
    afterAll(() => database.close())

    test('in a table', async () => {
      const stores = four.map(() => sqlKeyStore({ db: database.open() }))
      await stores[0]?.migrate()
      expect(await holds(() => stores, 150)).toBe(true)
    })
  })

  test('and the check finds one that is not', async () => {
    const store = memoryKeyStore()
    const racing: KeyStore = {
      ...store,
      async write(id, document, after) {
        if (((await store.read(id))?.generation ?? 0) !== after) return false
        // Writes whatever happened meanwhile.
        while (!(await store.write(id, document, (await store.read(id))?.generation ?? 0)));
        return true
      },
    }
    await expect(holds(() => four.map(() => racing), 500)).rejects.toThrow(/Property failed/)
  })
})
