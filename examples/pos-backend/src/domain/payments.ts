import { type Clock, isSecurityError } from '@mosaajii/core'
import type { Keyring } from '@mosaajii/crypto'
import type { Acquirer } from './acquirer.ts'
import { brandOf, masked } from './card.ts'
import { durably, type PaymentRow, type ShopDatabase } from './database.ts'
import { ShopError } from './errors.ts'
import { uuidv7 } from './ids.ts'
import { amount, cardExpiry, cardNumber, cardVerification, currency, flag, object, optional, rowId } from './input.ts'
import type { Receipts } from './receipts.ts'
import type { SealedTables } from './sealed-tables.ts'

/** A payment as the shop shows it: of the card number the first six and the last four digits at most (PCI DSS 3.4.1). */
export interface Payment {
  readonly id: string
  readonly customerId: string
  readonly amount: number
  readonly currency: string
  readonly brand: string
  readonly card: string
  readonly authorisation: string
  readonly createdAt: string
}

/** What the shop does with payments. */
export interface Payments {
  /**
   * Asks the acquirer, and records the payment and its receipt.
   *
   * @throws {ShopError} `INPUT_INVALID`, `CUSTOMER_UNKNOWN`, `CARD_DECLINED`, or `CVV_NOT_KEPT` when the client asks to keep the card
   * verification value.
   */
  pay(input: unknown): Promise<Payment>
  /** Opens the card number and shows it masked. @throws {ShopError} `PAYMENT_UNKNOWN`. @throws {DecryptError} */
  fetch(id: string): Promise<Payment>
}

const readPayment = object({
  customerId: rowId,
  amount,
  currency,
  card: object({ number: cardNumber, expiry: cardExpiry, cvv: optional(cardVerification) }),
  keepCvv: optional(flag),
})

type Order = ReturnType<typeof readPayment>

/** What {@link payments} is made of. */
export interface PaymentsOptions {
  readonly db: ShopDatabase
  readonly keyring: Keyring
  readonly tables: SealedTables
  readonly receipts: Receipts
  readonly acquirer: Acquirer
  readonly clock: Clock
}

/** Makes the shop's payments. */
export function payments({ db, keyring, tables, receipts, acquirer, clock }: PaymentsOptions): Payments {
  const requireCustomer = async (id: string): Promise<void> => {
    const found = await db.selectFrom('customers').select('id').where('id', '=', id).executeTakeFirst()
    if (!found) throw new ShopError('CUSTOMER_UNKNOWN', 'there is no customer with this id')
  }

  // While the acquirer is asked, the card verification value waits sealed in memory. It is in no row and no log line, and when this
  // function returns nothing names it any more.
  const authorise = async (payment: string, { amount, currency, card }: Order): Promise<string> => {
    const { number, expiry, cvv } = card
    const held = cvv === undefined ? undefined : tables.cvv.seal(cvv, { row: payment })
    const answer = await acquirer.authorise({
      payment,
      amount,
      currency,
      expiry,
      pan: () => number,
      ...(held !== undefined && { cvv: () => tables.cvv.open(held, { row: payment }) }),
    })
    if (!answer.approved) throw new ShopError('CARD_DECLINED', 'the acquirer declined the card')
    return answer.code
  }

  const record = async (payment: Omit<OpenPayment, 'authorisation'>, order: Order): Promise<Payment> => {
    // Sealed before anybody is asked: what cannot be sealed now is not authorised either.
    const sealed = tables.payments.seal(payment)
    const authorisation = await authorise(payment.id, order)
    try {
      // An acknowledged payment must survive a power cut.
      await durably(db, async (trx) => {
        await trx
          .insertInto('payments')
          .values({ ...sealed, authorisation })
          .execute()
        await receipts.issue(trx, payment)
      })
    } catch (error) {
      await acquirer.reverse(authorisation)
      throw error
    }
    return show({ ...payment, authorisation })
  }

  return {
    pay: async (input) => {
      const order = readPayment(input, 'body')
      if (order.keepCvv) refuseToKeepCvv(keyring)
      await requireCustomer(order.customerId)
      const { customerId: customer_id, amount, currency, card } = order
      const [pan, created_at] = [card.number, clock.now()]
      const shown = { last_four: pan.slice(-4), brand: brandOf(pan) }
      return record({ id: uuidv7(clock), customer_id, amount, currency, pan, ...shown, created_at }, order)
    },
    fetch: async (id) => {
      const row = await db.selectFrom('payments').selectAll().where('id', '=', id).executeTakeFirst()
      if (!row) throw new ShopError('PAYMENT_UNKNOWN', 'there is no payment with this id')
      return show(tables.payments.open(row))
    },
  }
}

type OpenPayment = Omit<PaymentRow, 'pan'> & { readonly pan: string }

function show({ id, customer_id, amount, currency, brand, pan, authorisation, created_at }: OpenPayment): Payment {
  const createdAt = new Date(created_at).toISOString()
  return { id, customerId: customer_id, amount, currency, brand, card: masked(pan), authorisation, createdAt }
}

// The shop has no `if` of its own here: it asks the SDK for such a field, and the SDK refuses by the column's name.
function refuseToKeepCvv(keyring: Keyring): never {
  try {
    keyring.field({ table: 'payments', column: 'cvv' })
  } catch (error) {
    if (!isSecurityError(error)) throw error
    const facts = { refusedBy: error.code, rule: 'PCI DSS 3.3.1' }
    throw new ShopError('CVV_NOT_KEPT', 'a card verification value is not kept, not even sealed', facts, error)
  }
  throw new Error('the SDK defined a field for a card verification value')
}
