import type { Clock } from '@mosaajii/core'
import type { ReceiptRow, ShopDatabase } from './database.ts'
import { ShopError } from './errors.ts'
import { uuidv7 } from './ids.ts'
import { type Page, type Paged, paged } from './paging.ts'

/** A receipt: of the card, the brand and the last four digits. */
export interface Receipt {
  readonly id: string
  readonly paymentId: string
  readonly customerId: string
  readonly amount: number
  readonly currency: string
  readonly brand: string
  readonly lastFour: string
  readonly issuedAt: string
}

/** The facts of a payment that its receipt repeats. */
export type ReceiptFacts = Pick<ReceiptRow, 'id' | 'customer_id' | 'amount' | 'currency' | 'brand' | 'last_four'>

/** What the shop does with receipts. */
export interface Receipts {
  /** Issues the receipt of a payment, in the transaction that records the payment. */
  issue(trx: ShopDatabase, payment: ReceiptFacts): Promise<void>
  /** @throws {ShopError} `RECEIPT_UNKNOWN`. */
  fetch(id: string): Promise<Receipt>
  /** @throws {ShopError} `RECEIPT_UNKNOWN`. */
  ofPayment(payment: string): Promise<Receipt>
  list(page: Page): Promise<Paged<Receipt>>
}

/** Makes the shop's receipts. */
export function receipts({ db, clock }: { db: ShopDatabase; clock: Clock }): Receipts {
  const find = async (column: 'id' | 'payment_id', value: string): Promise<Receipt> => {
    const row = await db.selectFrom('receipts').selectAll().where(column, '=', value).executeTakeFirst()
    if (!row) throw new ShopError('RECEIPT_UNKNOWN', 'there is no such receipt')
    return show(row)
  }
  return {
    issue: async (trx, { id: payment_id, customer_id, amount, currency, brand, last_four }) => {
      const facts = { payment_id, customer_id, amount, currency, brand, last_four }
      const row = { id: uuidv7(clock), ...facts, issued_at: clock.now() }
      await trx.insertInto('receipts').values(row).execute()
    },
    fetch: (id) => find('id', id),
    ofPayment: (payment) => find('payment_id', payment),
    list: async ({ after, limit }) => {
      const rows = await db
        .selectFrom('receipts')
        .selectAll()
        .where('id', '>', after)
        .orderBy('id')
        .limit(limit + 1)
        .execute()
      return paged(rows, limit, show)
    },
  }
}

function show(row: ReceiptRow): Receipt {
  const { id, payment_id, customer_id, amount, currency, brand, last_four, issued_at } = row
  const issuedAt = new Date(issued_at).toISOString()
  return { id, paymentId: payment_id, customerId: customer_id, amount, currency, brand, lastFour: last_four, issuedAt }
}
