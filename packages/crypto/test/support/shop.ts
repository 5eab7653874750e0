import {
  type Keyring,
  type RowKey,
  type Sealed,
  type SealedSource,
  type SealedTable,
  type SearchableSpec,
  type SealedSpec,
  type SourceColumns,
  type SourceRow,
  searchable,
  sealed,
} from '@mosaajii/crypto'
import type { Generated, Kysely } from 'kysely'
import type { TestKeyring } from './keyrings.ts'

/** The database of a small shop, as an application types it. */
export interface Shop {
  customers: {
    id: string
    name: Sealed
    email: Sealed
    email_index: string
    phone: Sealed | null
    phone_token: string | null
    photo: Sealed | null
    city: string
    visits: Generated<number>
  }
}

/** The sealed columns of the shop's customers. */
export type CustomerSpecs = {
  readonly name: SealedSpec<'text', false>
  readonly email: SearchableSpec<false, undefined>
  readonly phone: SearchableSpec<true, 'phone_token'>
  readonly photo: SealedSpec<'bytes', true>
}

export type Customers = SealedTable<'id', CustomerSpecs>

/** A customer as the application sees it. */
export interface Customer {
  readonly id: string
  readonly name: string
  readonly email: string
  readonly phone: string | null
  readonly photo: Uint8Array | null
  readonly city: string
}

/** The columns that hold something sealed. */
export const customerColumns: readonly string[] = ['name', 'email', 'email_index', 'phone', 'phone_token', 'photo']

export function customersOf(keyring: Keyring, tenant?: string): Customers {
  return keyring.table('customers', {
    row: 'id',
    ...(tenant !== undefined && { tenant }),
    fields: {
      name: sealed(),
      email: searchable({ normalize: 'email' }),
      phone: searchable({ normalize: 'phone', nullable: true, column: 'phone_token' }),
      photo: sealed({ kind: 'bytes', nullable: true }),
    },
  })
}

/** Customer number `i`, the same each time. */
export function customer(i: number): Customer {
  return {
    id: `c${String(i).padStart(5, '0')}`,
    name: `Ada ${i} Lovelace`,
    email: `Ada${i}@Example.com`,
    phone: i % 3 === 0 ? null : `+44207946${String(i).padStart(4, '0')}`,
    photo: i % 4 === 0 ? Uint8Array.of(0xff, i & 0xff, 0) : null,
    city: 'London',
  }
}

export async function createShop(db: Kysely<Shop>): Promise<void> {
  await db.schema
    .createTable('customers')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('email', 'text', (column) => column.notNull())
    .addColumn('email_index', 'text', (column) => column.notNull())
    .addColumn('phone', 'text')
    .addColumn('phone_token', 'text')
    .addColumn('photo', 'text')
    .addColumn('city', 'text', (column) => column.notNull())
    .addColumn('visits', 'integer', (column) => column.notNull().defaultTo(0))
    .execute()
}

/** Rotates the data key, or the index key, and waits until the new one is active. */
export async function rotated({ keyring, clock }: TestKeyring, purpose: 'data' | 'index' = 'data'): Promise<void> {
  await (purpose === 'data' ? keyring.rotate() : keyring.rotateIndex())
  // In two steps, as the timer would: the keyring is never overdue, so that what seals meanwhile goes on.
  for (let step = 0; step < 2; step++) {
    clock.advance('1m')
    await keyring.refresh()
  }
}

/** A table in memory. */
export interface MemorySource extends SealedSource {
  /** The rows by the text of their key. A test may change them at will. */
  readonly rows: Map<string, SourceRow>
  /** Inserts or replaces a row. */
  put(key: RowKey, columns: object): void
  /** Called before each page and each update, to let something else happen in between. */
  before: (what: 'page' | 'update', key: RowKey | undefined) => void | Promise<void>
  /** How often each was called. */
  readonly calls: { page: number; update: number }
  /** Deep copy of all rows, for comparing. */
  snapshot(): Record<string, SourceColumns>
}

function ascending(a: SourceRow, b: SourceRow): number {
  if (typeof a.key === 'string' || typeof b.key === 'string') return String(a.key) < String(b.key) ? -1 : 1
  return a.key < b.key ? -1 : 1
}

function isAfter(row: SourceRow, after: RowKey | undefined): boolean {
  return after === undefined || (String(row.key) !== String(after) && ascending({ key: after, columns: {} }, row) < 0)
}

export function memorySource(): MemorySource {
  const rows = new Map<string, SourceRow>()
  const calls = { page: 0, update: 0 }
  const source: MemorySource = {
    rows,
    calls,
    before: () => undefined,
    put(key, columns) {
      rows.set(String(key), { key, columns: { ...columns } })
    },
    snapshot: () => Object.fromEntries([...rows].map(([key, { columns }]) => [key, { ...columns }])),
    async page(after, limit, columns) {
      calls.page++
      await source.before('page', after)
      return [...rows.values()]
        .filter((row) => isAfter(row, after))
        .toSorted(ascending)
        .slice(0, limit)
        .map(({ key, columns: held }) => ({
          key,
          columns: Object.fromEntries(columns.map((column) => [column, held[column] ?? null])),
        }))
    },
    async update(key, expected, set) {
      calls.update++
      await source.before('update', key)
      const row = rows.get(String(key))
      if (!row || !Object.entries(expected).every(([column, value]) => (row.columns[column] ?? null) === value))
        return false
      rows.set(String(key), { key: row.key, columns: { ...row.columns, ...set } })
      return true
    },
  }
  return source
}

/** Runs a re-encryption to its end and returns everything it reported. */
export async function finish<T>(work: AsyncIterable<T>): Promise<T[]> {
  const seen: T[] = []
  for await (const progress of work) seen.push(progress)
  return seen
}
