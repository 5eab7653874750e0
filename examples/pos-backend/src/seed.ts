import { maxImport } from './domain/customers.ts'
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

/** What {@link seed} needs. */
export interface SeedOptions {
  /** The shop's address, such as `http://localhost:3000`. */
  readonly origin: string
  readonly customers: number
  readonly payments: number
  /** Called after each batch with the number of customers so far. */
  readonly onProgress?: (done: number) => void
}

/** Fills a shop with generated customers and payments, through its HTTP API as any client would. */
export async function seed({ origin, customers, payments, onProgress }: SeedOptions): Promise<Seeded> {
  const seeded: SeededCustomer[] = []
  await together(2, batches(people(customers), maxImport), async (batch) => {
    const { ids } = await post<{ ids: string[] }>(`${origin}/customers/import`, { customers: batch })
    seeded.push(...batch.map((person, i) => ({ ...person, id: ids[i] ?? '' })))
    onProgress?.(seeded.length)
  })
  const paid: SeededPayment[] = []
  await together(
    2,
    Array.from({ length: payments }, (_, i) => i),
    async (i) => {
      paid.push(await pay(origin, seeded[i % seeded.length]?.id ?? '', i))
    },
  )
  return { customers: seeded, payments: paid }
}

async function pay(origin: string, customerId: string, i: number): Promise<SeededPayment> {
  const [pan, cvv] = [testCard(i + 1), String(100 + (i % 900))]
  const card = { number: pan, expiry: '2099-12', cvv }
  const { id } = await post<{ id: string }>(`${origin}/payments`, {
    customerId,
    amount: 500 + i,
    currency: 'EUR',
    card,
  })
  return { id, pan, cvv }
}

async function post<T>(url: string, body: unknown, attempts = 10): Promise<T> {
  const headers = { 'content-type': 'application/json' }
  const answer = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) })
  if (answer.status === 201) return (await answer.json()) as T
  // 503 is "not now": on a machine that is very busy the keyring may be overdue for a moment. Nothing was written then.
  if (answer.status !== 503 || attempts <= 1) {
    throw new Error(`the seed was refused with status ${answer.status}: ${await answer.text()}`)
  }
  await answer.body?.cancel()
  await rest(500)
  return post(url, body, attempts - 1)
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
