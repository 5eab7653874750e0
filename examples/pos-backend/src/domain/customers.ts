import type { Clock } from '@mosaajii/core'
import { countRows, type CustomerRow, inTransaction, isUniqueViolation, type ShopDatabase } from './database.ts'
import { codeOf, ShopError } from './errors.ts'
import { uuidv7 } from './ids.ts'
import { emailAddress, list, nullable, object, optional, personName, phoneNumber, type Reader } from './input.ts'
import { type Page, type Paged, paged } from './paging.ts'
import type { SealedTables } from './sealed-tables.ts'
import { turn } from './turn.ts'

/** A customer, opened. */
export interface Customer {
  readonly id: string
  readonly name: string
  readonly email: string
  readonly phone: string | null
  readonly createdAt: string
}

/** A row whose sealed values did not open. Its neighbours in a list are still worth showing. */
export interface UnreadableCustomer {
  readonly id: string
  readonly unreadable: string
}

/** What the shop does with customers. Every method that takes `input` checks it and throws `INPUT_INVALID`. */
export interface Customers {
  /** @throws {ShopError} `EMAIL_TAKEN`. */
  create(input: unknown): Promise<Customer>
  /** Creates all of a list or none of it. */
  importAll(input: unknown): Promise<readonly string[]>
  /** @throws {ShopError} `CUSTOMER_UNKNOWN`. @throws {DecryptError} when a value is not this row's. */
  fetch(id: string): Promise<Customer>
  /** Changes the fields that are given. @throws {ShopError} `CUSTOMER_UNKNOWN` or `EMAIL_TAKEN`. */
  patch(id: string, input: unknown): Promise<Customer>
  /** The customer with this e-mail address, however it is capitalised; at most one. */
  search(input: unknown): Promise<readonly Customer[]>
  list(page: Page): Promise<Paged<Customer | UnreadableCustomer>>
  /** The row as the database holds it, to show what a thief would see. */
  stored(id: string): Promise<CustomerRow>
  count(): Promise<number>
}

/** The most customers that one import takes. */
export const maxImport = 100

const readCustomer = object({ name: personName, email: emailAddress, phone: nullable(phoneNumber) })
const readSearch = object({ email: emailAddress })
const readImport = object({ customers: list(readCustomer, { max: maxImport }) })
const readPatch = object({
  name: optional(personName),
  email: optional(emailAddress),
  phone: optional(nullOr(phoneNumber)),
})

/** Makes the shop's customers over a database and the sealed tables. */
export function customers({ db, tables, clock }: { db: ShopDatabase; tables: SealedTables; clock: Clock }): Customers {
  const open = (row: CustomerRow): Customer => show(tables.customers.open(row))
  const openOrName = (row: CustomerRow): Customer | UnreadableCustomer => {
    try {
      return open(row)
    } catch (error) {
      return { id: row.id, unreadable: codeOf(error) }
    }
  }

  const rowOf = async (trx: ShopDatabase, id: string): Promise<CustomerRow> => {
    const row = await trx.selectFrom('customers').selectAll().where('id', '=', id).executeTakeFirst()
    if (!row) throw new ShopError('CUSTOMER_UNKNOWN', 'there is no customer with this id')
    return row
  }

  const withEmail = async (trx: ShopDatabase, email: string) => {
    const byEmail = tables.customers.where('email', email)
    return byEmail.open(await trx.selectFrom('customers').selectAll().where(byEmail).execute())
  }

  // The unique constraint knows one token an address. While the index key rotates an address has two, so the transaction also looks for
  // the other one; `begin immediate` lets nobody write in between.
  const refuseTaken = async (trx: ShopDatabase, email: string, except?: string): Promise<void> => {
    const found = await withEmail(trx, email)
    if (found.some(({ id }) => id !== except)) throw emailTaken()
  }

  const insert = async (trx: ShopDatabase, input: ReturnType<typeof readCustomer>): Promise<Customer> => {
    await refuseTaken(trx, input.email)
    const customer = { id: uuidv7(clock), ...input, created_at: clock.now() }
    await trx.insertInto('customers').values(tables.customers.seal(customer)).execute().catch(throwTaken)
    return show(customer)
  }

  const importAll = async (trx: ShopDatabase, rows: readonly ReturnType<typeof readCustomer>[]): Promise<string[]> => {
    const ids: string[] = []
    for (const [i, row] of rows.entries()) {
      if (i % 5 === 4) await turn()
      ids.push((await insert(trx, row)).id)
    }
    return ids
  }

  const change = async (trx: ShopDatabase, id: string, input: ReturnType<typeof readPatch>): Promise<Customer> => {
    await rowOf(trx, id)
    if (input.email !== undefined) await refuseTaken(trx, input.email, id)
    const patch = Object.fromEntries(Object.entries(input).filter(([, value]) => value !== undefined))
    if (Object.keys(patch).length > 0) {
      const sealed = tables.customers.sealPatch(id, patch)
      await trx.updateTable('customers').set(sealed).where('id', '=', id).execute().catch(throwTaken)
    }
    return open(await rowOf(trx, id))
  }

  return {
    create: async (input) => {
      const customer = readCustomer(input, 'body')
      return inTransaction(db, (trx) => insert(trx, customer))
    },
    importAll: async (input) => {
      const { customers } = readImport(input, 'body')
      return inTransaction(db, (trx) => importAll(trx, customers))
    },
    fetch: async (id) => open(await rowOf(db, id)),
    patch: async (id, input) => {
      const patch = readPatch(input, 'body')
      return inTransaction(db, (trx) => change(trx, id, patch))
    },
    search: async (input) => {
      const { email } = readSearch(input, 'body')
      return (await withEmail(db, email)).map(show)
    },
    list: async ({ after, limit }) => {
      const rows = await db
        .selectFrom('customers')
        .selectAll()
        .where('id', '>', after)
        .orderBy('id')
        .limit(limit + 1)
        .execute()
      return paged(rows, limit, openOrName)
    },
    stored: (id) => rowOf(db, id),
    count: () => countRows(db, 'customers'),
  }
}

type OpenCustomer = Omit<Customer, 'createdAt'> & { readonly created_at: number }

function show({ id, name, email, phone, created_at }: OpenCustomer): Customer {
  return { id, name, email, phone, createdAt: new Date(created_at).toISOString() }
}

function nullOr<T>(read: Reader<T>): Reader<T | null> {
  return (value, field) => (value === null ? null : read(value, field))
}

function emailTaken(): ShopError {
  return new ShopError('EMAIL_TAKEN', 'another customer has this e-mail address')
}

function throwTaken(error: unknown): never {
  throw isUniqueViolation(error) ? emailTaken() : error
}
