import { openKeyring, type Sealed, type SealedTable, reencrypt, searchable, sealed } from '@mosaajii/crypto'
import type { Kysely } from 'kysely'
import { expect, expectTypeOf, test } from 'vitest'
import { testKeyring } from './support/keyrings.ts'
import { customer, customersOf, type Customers, memorySource, type Shop } from './support/shop.ts'

// What `tsc -p .` must accept and what it must refuse. Each refusal that stops being one is an error there (an unused @ts-expect-error).

/** Compiled, never called. */
export async function kysely(db: Kysely<Shop>, customers: Customers): Promise<void> {
  await db
    .insertInto('customers')
    .values(customers.seal(customer(1)))
    .execute()
  await db
    .insertInto('customers')
    .values([customer(1), customer(2)].map((one) => customers.seal(one)))
    .execute()
  await db
    .updateTable('customers')
    .set(customers.sealPatch('c1', { email: 'ada@example.com', phone: null, city: 'Paris' }))
    .where('id', '=', 'c1')
    .execute()
  const byEmail = customers.where('email', 'ada@example.com')
  const rows = await db.selectFrom('customers').selectAll().where(byEmail).execute()
  const [found] = byEmail.open(rows)
  expectTypeOf(found?.name).toEqualTypeOf<string | undefined>()
  expectTypeOf(found?.phone).toEqualTypeOf<string | null | undefined>()
  expectTypeOf(found?.photo).toEqualTypeOf<Uint8Array | null | undefined>()
  expectTypeOf(found?.visits).toEqualTypeOf<number | undefined>()
  // @ts-expect-error -- index tokens are left out on opening
  expect(found?.email_index).toBeUndefined()
  // @ts-expect-error -- nor under a name of their own
  expect(found?.phone_token).toBeUndefined()

  const byPhone = customers.where('phone', '+442079460000')
  const some = await db.selectFrom('customers').select(['id', 'phone']).where(byPhone).execute()
  expectTypeOf(byPhone.open(some)).toEqualTypeOf<{ id: string; phone: string | null }[]>()
  const withoutPhone = await db.selectFrom('customers').select(['id', 'name']).where(byPhone).execute()
  // @ts-expect-error -- without the phone nothing can be compared
  byPhone.open(withoutPhone)
  const withoutKey = await db.selectFrom('customers').select(['phone']).execute()
  // @ts-expect-error -- without the key nothing opens
  byPhone.open(withoutKey)

  const joined = await db
    .selectFrom('customers')
    .innerJoin('customers as friends', 'friends.id', 'customers.city')
    .select(['customers.id', 'customers.email'])
    .where(`customers.${byEmail.column}`, 'in', byEmail.tokens)
    .execute()
  expectTypeOf(customers.open(joined[0] as (typeof joined)[0])).toEqualTypeOf<{ id: string; email: string }>()

  // @ts-expect-error -- plaintext does not fit into a sealed column
  await db.insertInto('customers').values(customer(1)).execute()
  // @ts-expect-error -- nor in an update
  await db.updateTable('customers').set({ name: 'Ada' }).execute()
  const patch = customers.sealPatch('c1', { name: 'Ada' })
  // @ts-expect-error -- a sealed patch is no record
  await db.insertInto('customers').values(patch).execute()
}

/** Compiled, never called. */
export function records(customers: Customers): void {
  const one = customer(1)
  // @ts-expect-error -- email is missing
  customers.seal({ id: 'c1', name: 'Ada', phone: null, photo: null })
  // @ts-expect-error -- the key is missing
  customers.seal({ name: 'Ada', email: 'a@b.c', phone: null, photo: null })
  // @ts-expect-error -- a nullable field must be given too
  customers.seal({ id: 'c1', name: 'Ada', email: 'a@b.c', phone: null })
  // @ts-expect-error -- name is not nullable
  customers.seal({ ...one, name: null })
  // @ts-expect-error -- text is not bytes
  customers.seal({ ...one, photo: 'jpeg' })
  // @ts-expect-error -- a number is not text
  customers.seal({ ...one, phone: 44 })
  // @ts-expect-error -- a date is no key
  customers.seal({ ...one, id: new Date() })
  // @ts-expect-error -- email is not nullable
  customers.sealPatch('c1', { email: null })
  // @ts-expect-error -- null is no key
  customers.sealPatch(null, { email: 'a@b.c' })
  // @ts-expect-error -- name has no index
  customers.where('name', 'Ada')
  // @ts-expect-error -- there is no such field
  customers.where('street', 'x')
  // @ts-expect-error -- nor is the index column a field
  customers.where('email_index', 'x')
  // @ts-expect-error -- null is looked for with IS NULL
  customers.where('phone', null)
  // @ts-expect-error -- a row without its key
  customers.open({ name: 'x' as Sealed })

  const row = customers.seal(one)
  expectTypeOf(row.id).toEqualTypeOf<string>()
  expectTypeOf(row.name).toEqualTypeOf<Sealed>()
  expectTypeOf(row.email_index).toEqualTypeOf<string>()
  expectTypeOf(row.phone).toEqualTypeOf<Sealed | null>()
  expectTypeOf(row.phone_token).toEqualTypeOf<string | null>()
  expectTypeOf(row.photo).toEqualTypeOf<Sealed | null>()
  expectTypeOf(row.city).toEqualTypeOf<string>()
  // @ts-expect-error -- name has no index column
  expect(row.name_index).toBeUndefined()
  // @ts-expect-error -- the index column of phone has another name
  expect(row.phone_index).toBeUndefined()

  const body: { email: string | undefined; phone?: string | null } = { email: undefined }
  const patch = customers.sealPatch('c1', body)
  expectTypeOf(patch.email).toEqualTypeOf<Sealed | undefined>()
  expectTypeOf(patch.email_index).toEqualTypeOf<string | undefined>()
  expectTypeOf<{ readonly phone?: Sealed | null }>().toExtend<Pick<typeof patch, 'phone'>>()
}

/** Compiled, never called. */
export async function definitions(): Promise<void> {
  const keyring = await openKeyring({} as Parameters<typeof openKeyring>[0])
  // @ts-expect-error -- without a row column there is no context
  keyring.table('t', { fields: { a: sealed() } })
  // @ts-expect-error -- a field is made by sealed() or searchable()
  keyring.table('t', { row: 'id', fields: { a: true } })
  // @ts-expect-error -- bytes have no normaliser
  searchable({ kind: 'bytes' })
  // @ts-expect-error -- no such kind
  sealed({ kind: 'json' })
  // @ts-expect-error -- no such normaliser
  searchable({ normalize: 'name' })
  // @ts-expect-error -- an earlier name of one column belongs to the column
  keyring.table('t', { row: 'id', formerly: [{ column: 'b' }], fields: { a: sealed() } })
  const t = keyring.table('t', { row: 'id', fields: { a: sealed(), b: searchable() } })
  expectTypeOf(t).toExtend<SealedTable<'id'> | { name: string }>()
  reencrypt({ keyring, table: t, source: memorySource() })
  // @ts-expect-error -- a field is not a table
  reencrypt({ keyring, table: keyring.field({ table: 't', column: 'a' }), source: memorySource() })
}

test('the types hold at run time too: a typed sealed record opens to the typed record', async () => {
  const { keyring } = await testKeyring()
  const customers = customersOf(keyring)
  const { city, ...row } = customers.seal(customer(4))
  expect(city).toBe('London')
  expect(Object.keys(row).toSorted()).toEqual(
    ['email', 'email_index', 'id', 'name', 'phone', 'phone_token', 'photo'].toSorted(),
  )
  expect(customers.open({ ...row, city })).toEqual(customer(4))
})
