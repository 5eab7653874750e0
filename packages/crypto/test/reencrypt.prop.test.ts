import { reencrypt, type RowKey, type SealedTable, searchable, sealed } from '@mosaajii/crypto'
import { fc, test } from '@fast-check/vitest'
import { setImmediate as tick } from 'node:timers/promises'
import { describe, expect } from 'vitest'
import { testKeyring, type TestKeyring } from './support/keyrings.ts'
import { finish, type MemorySource, memorySource, rotated } from './support/shop.ts'

/** A row as the application sees it. */
interface Plain {
  readonly id: number
  readonly name: string
  readonly code: string | null
}

/** What an application does with a row. */
type Step =
  | { readonly kind: 'put'; readonly id: number; readonly name: string; readonly code: string | null }
  | { readonly kind: 'patch'; readonly id: number; readonly patch: Partial<Omit<Plain, 'id'>> }
  | { readonly kind: 'delete'; readonly id: number }
  | { readonly kind: 'read'; readonly id: number }
  | { readonly kind: 'rotate'; readonly purpose: 'data' | 'index' }
  | { readonly kind: 'reencrypt'; readonly batch: number }

const ids = [0, 1, 2, 3]
const id = fc.constantFrom(...ids)
const name = fc.string({ unit: 'grapheme-composite', minLength: 2, maxLength: 6 })
const code = fc.option(fc.constantFrom('1', '2', '3'))
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('put'), id, name, code }) },
  {
    weight: 8,
    arbitrary: fc.record({ kind: fc.constant('patch'), id, patch: fc.record({ name, code }, { requiredKeys: [] }) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('delete'), id }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('read'), id }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('rotate'), purpose: fc.constantFrom('data', 'index') }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('reencrypt'), batch: fc.integer({ min: 1, max: 4 }) }) },
)
const client = fc.array(step, { minLength: 2, maxLength: 12 })

/** A table in memory, what it should hold, and everyone who works on it in an order that fast-check chooses. */
class World {
  readonly test: TestKeyring
  readonly table: SealedTable<'id', ReturnType<typeof specs>>
  readonly source: MemorySource = memorySource()
  /** What the application wrote last. */
  readonly model = new Map<number, Plain>()
  readonly #turn: () => Promise<void>

  constructor(test: TestKeyring, turn: () => Promise<void>) {
    this.test = test
    this.table = test.keyring.table('codes', { row: 'id', fields: specs() })
    this.#turn = turn
  }

  async run(steps: readonly Step[]): Promise<void> {
    for (const one of steps) {
      await this.#turn()
      await this.#do(one)
    }
  }

  async reencrypt(batch: number): Promise<void> {
    // Each has a view of its own, so that waiting for one's turn is part of every call.
    const turn = this.#turn
    const { source, table } = this
    const slow = {
      async page(after: RowKey | undefined, limit: number, columns: readonly string[]) {
        const rows = await source.page(after, limit, columns)
        await turn()
        return rows
      },
      async update(...args: Parameters<MemorySource['update']>) {
        await turn()
        return source.update(...args)
      },
    }
    const last = (await finish(reencrypt({ keyring: this.test.keyring, table, source: slow, batch }))).at(-1)
    expect(last).toMatchObject({ done: true, unreadable: [] })
  }

  /** Every row opens to what the application wrote last. */
  check(): void {
    const opened = [...this.source.rows.values()].map(({ key, columns }) => this.#open(key, columns))
    expect(new Map(opened.map((one) => [one.id, one]))).toEqual(this.model)
  }

  async #do(one: Step): Promise<void> {
    if (one.kind === 'rotate') await rotated(this.test, one.purpose)
    else if (one.kind === 'reencrypt') await this.reencrypt(one.batch)
    else if (one.kind === 'read') this.check()
    else if (one.kind === 'delete') this.#delete(one.id)
    else if (one.kind === 'put') await this.#put(one)
    else await this.#patch(one)
  }

  /** Sealing and writing are two moments: a key may become active, or the row be rewritten, in between. */
  async #put({ id, name, code }: Plain): Promise<void> {
    const row = this.table.seal({ id, name, code })
    await this.#turn()
    this.source.put(id, row)
    this.model.set(id, { id, name, code })
  }

  async #patch({ id, patch }: Extract<Step, { kind: 'patch' }>): Promise<void> {
    const columns = this.table.sealPatch(id, patch)
    await this.#turn()
    const [row, plain] = [this.source.rows.get(String(id)), this.model.get(id)]
    if (!row || !plain) return
    this.source.put(id, { ...row.columns, ...columns })
    this.model.set(id, { ...plain, ...patch })
  }

  #delete(id: number): void {
    this.source.rows.delete(String(id))
    this.model.delete(id)
  }

  #open(key: RowKey, columns: object): Plain {
    return this.table.open({ ...columns, id: key } as never)
  }
}

function specs() {
  return { name: sealed(), code: searchable({ normalize: 'digits', nullable: true }) }
}

/** The newest versions, as they begin a value and a token. */
function newest({ keyring }: TestKeyring): { value: string; token: string } {
  const header = Buffer.from([1, 1, 0, 0, 0, keyring.versions('data').length])
  return { value: header.toString('base64url'), token: `${keyring.versions('index').length}.` }
}

/** Waits for turn after turn as long as fast-check says: the order in which everyone works. (Its scheduler would let clients run ahead.) */
function turns(delays: readonly number[]): () => Promise<void> {
  let turn = 0
  return async () => {
    for (let left = delays[turn++ % delays.length] ?? 0; left > 0; left--) await tick()
  }
}

const delays = fc.array(fc.nat(6), { minLength: 5, maxLength: 40 })

describe('whatever the application does while rows are re-encrypted', () => {
  test.prop([delays, fc.array(step, { maxLength: 4 }), client, client, fc.boolean()], { numRuns: 150 })(
    'every row opens to what was written last, is found by it, and ends on the newest keys',
    async (order, before, one, two, both) => {
      const opened = await testKeyring()
      const world = new World(opened, turns(order))
      await world.run(ids.map((id) => ({ kind: 'put', id, name: `name ${id}`, code: String(id) })))
      await world.run(before)
      await rotated(opened)
      await Promise.all([world.reencrypt(2), world.run(one), world.run(two), ...(both ? [world.reencrypt(3)] : [])])
      world.check()
      // What a client sealed before a rotation and wrote after the last pass is for the next run.
      await world.reencrypt(2)
      world.check()
      const { value, token } = newest(opened)
      for (const { key, columns } of world.source.rows.values()) {
        const plain = world.model.get(Number(key))
        expect(columns['name']?.startsWith(value)).toBe(true)
        expect(columns['code']?.startsWith(value) ?? null).toBe(plain?.code === null ? null : true)
        const [first] = plain?.code === null ? [null] : world.table.where('code', plain?.code ?? '').tokens
        expect(columns['code_index'] ?? null).toBe(first)
        expect(first?.startsWith(token) ?? true).toBe(true)
      }
    },
  )
})
