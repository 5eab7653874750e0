import { maxImport } from './domain/customers.ts'
import type { Shop } from './domain/shop.ts'
import { rest } from './domain/turn.ts'
import { type Person, people, testCard } from './people.ts'

/** A person and the id that the shop gave. */
export interface SeededCustomer extends Person {
  readonly id: string
}

/** A payment that the seed made. */
export interface SeededPayment {
  readonly id: string
  readonly pan: string
  readonly cvv: string
}

/** What the seed sent, with the ids. */
export interface Seeded {
  readonly customers: readonly SeededCustomer[]
  readonly payments: readonly SeededPayment[]
}

/** Where the seed brings its customers and payments: the shop itself, or its HTTP API. */
export interface SeedTarget {
  /** Returns the ids in the order of the customers. */
  importAll(customers: readonly Person[]): Promise<readonly string[]>
  /** Returns the id. */
  pay(order: unknown): Promise<string>
}

/** What {@link seed} needs. */
export interface SeedOptions {
  readonly target: SeedTarget
  readonly customers: number
  readonly payments: number
  /** Called after each batch with the number of customers so far. */
  readonly onProgress?: (done: number) => void
}

/** The shop itself, in this process: who owns the database needs no leave of the limits that clients have. */
export function insideTarget({ customers, payments }: Shop): SeedTarget {
  return {
    importAll: (people) => customers.importAll({ customers: people }),
    pay: async (order) => (await payments.pay(order)).id,
  }
}

/** Fills a shop with generated customers and payments. */
export async function seed({ target, customers, payments, onProgress }: SeedOptions): Promise<Seeded> {
  const seeded: SeededCustomer[] = []
  await together(2, batches(people(customers), maxImport), async (batch) => {
    const ids = await patiently(() => target.importAll(batch))
    seeded.push(...batch.map((person, i) => ({ ...person, id: ids[i] ?? '' })))
    onProgress?.(seeded.length)
  })
  const paid: SeededPayment[] = []
  await together(
    2,
    Array.from({ length: payments }, (_, i) => i),
    async (i) => {
      const [pan, cvv] = [testCard(i + 1), String(100 + (i % 900))]
      const card = { number: pan, expiry: '2099-12', cvv }
      const order = { customerId: seeded[i % seeded.length]?.id, amount: 500 + i, currency: 'EUR', card }
      paid.push({ id: await patiently(() => target.pay(order)), pan, cvv })
    },
  )
  return { customers: seeded, payments: paid }
}

/** A 503 is "not now": on a machine that is very busy the keyring may be overdue for a moment. Nothing was written then. */
async function patiently<T>(work: () => Promise<T>, attempts = 10): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if ((error as { status?: unknown }).status !== 503 || attempts <= 1) throw error
  }
  await rest(500)
  return patiently(work, attempts - 1)
}

function batches<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, i) => items.slice(i * size, (i + 1) * size))
}

/** Does work for every item, for at most `limit` of them at once. */
export async function together<T>(limit: number, items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const queue = items.values()
  const worker = async (): Promise<void> => {
    for (const item of queue) await work(item)
  }
  await Promise.all(Array.from({ length: limit }, worker))
}
