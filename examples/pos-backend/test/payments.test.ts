import { systemClock } from '@mosaajii/core'
import { describe, expect, test } from 'vitest'
import { type Acquirer, type AuthorisationRequest, decliningCard } from '../src/domain/acquirer.ts'
import type { Customer } from '../src/domain/customers.ts'
import type { PaymentRow } from '../src/domain/database.ts'
import type { Payment } from '../src/domain/payments.ts'
import type { Receipt } from '../src/domain/receipts.ts'
import { onEachFramework, type TestShop } from './support/test-shop.ts'

const number = '4111 1111 1111 1111'

async function orderIn(shop: TestShop, card: object = {}): Promise<{ customerId: string; card: object }> {
  const customer = { name: 'Ada Lovelace', email: 'ada@example.com', phone: null }
  const { json } = await shop.ask<Customer>('POST', '/customers', customer)
  const given = { number, expiry: '2099-12', cvv: '739', ...card }
  return { customerId: json.id, amount: 1250, currency: 'EUR', card: given } as { customerId: string; card: object }
}

/** An acquirer that remembers what it was asked, opened. */
function listeningAcquirer(answer: Awaited<ReturnType<Acquirer['authorise']>>) {
  const asked: { pan: string; cvv: string | undefined; request: AuthorisationRequest }[] = []
  const reversed: string[] = []
  const acquirer: Acquirer = {
    authorise: async (request) => {
      asked.push({ pan: request.pan(), cvv: request.cvv?.(), request })
      return answer
    },
    reverse: async (code) => {
      reversed.push(code)
    },
  }
  return { asked, reversed, acquirer }
}

onEachFramework((openTestShop) => {
  describe('a payment', () => {
    test('is authorised, sealed, and shown masked', async () => {
      const { asked, acquirer } = listeningAcquirer({ approved: true, code: '123456' })
      const shop = await openTestShop({ acquirer })
      const { status, json: payment } = await shop.ask<Payment>('POST', '/payments', await orderIn(shop))
      expect(status).toBe(201)
      expect(payment).toMatchObject({ card: '411111******1111', brand: 'Visa', authorisation: '123456', amount: 1250 })
      expect(asked[0]).toMatchObject({ pan: '4111111111111111', cvv: '739' })
      expect((await shop.ask('GET', `/payments/${payment.id}`)).json).toEqual(payment)
      const [row] = shop.sql<PaymentRow>('select * from payments')
      expect(row).toMatchObject({ last_four: '1111', brand: 'Visa' })
      expect(row?.pan).toMatch(/^AQEAAAAB[A-Za-z0-9_-]{100,}$/)
    })

    test('has a receipt with the last four digits', async () => {
      const shop = await openTestShop()
      const { json: payment } = await shop.ask<Payment>('POST', '/payments', await orderIn(shop))
      const { json: receipt, text } = await shop.ask<Receipt>('GET', `/payments/${payment.id}/receipt`)
      expect(receipt).toMatchObject({
        paymentId: payment.id,
        lastFour: '1111',
        brand: 'Visa',
        amount: 1250,
        currency: 'EUR',
      })
      expect(text).not.toContain('411111')
      expect((await shop.ask('GET', `/receipts/${receipt.id}`)).json).toEqual(receipt)
      expect((await shop.ask<{ items: Receipt[] }>('GET', '/receipts')).json.items).toEqual([receipt])
    })

    test('leaves no trace of its card verification value', async () => {
      const shop = await openTestShop()
      // A value that cannot appear by chance: four digits are looked for as a value of their own.
      await shop.ask('POST', '/payments', await orderIn(shop, { cvv: '7391' }))
      for (const { name } of shop.sql<{ name: string }>(`select name from sqlite_master where type = 'table'`)) {
        for (const row of shop.sql<object>(`select * from ${name}`)) expect(Object.values(row)).not.toContain('7391')
      }
      const columns = shop
        .sql<{ name: string }>('select name from pragma_table_info(?)', 'payments')
        .map(({ name }) => name)
      expect(columns).toEqual([
        'id',
        'customer_id',
        'amount',
        'currency',
        'pan',
        'last_four',
        'brand',
        'authorisation',
        'created_at',
      ])
      expect(JSON.stringify(shop.events.events)).not.toContain('7391')
    })

    test('whose card verification value shall be kept is refused by the SDK, and nobody is asked', async () => {
      const { asked, acquirer } = listeningAcquirer({ approved: true, code: '123456' })
      const shop = await openTestShop({ acquirer })
      const order = { ...(await orderIn(shop)), keepCvv: true }
      const { status, json } = await shop.ask('POST', '/payments', order)
      expect([status, json.code]).toEqual([422, 'CVV_NOT_KEPT'])
      expect(json.facts).toEqual({ refusedBy: 'FIELD_REFUSED', rule: 'PCI DSS 3.3.1' })
      expect(asked).toEqual([])
      expect(shop.sql('select * from payments')).toEqual([])
    })

    test('without a card verification value is possible', async () => {
      const { asked, acquirer } = listeningAcquirer({ approved: true, code: '123456' })
      const shop = await openTestShop({ acquirer })
      const order = { ...(await orderIn(shop, { cvv: undefined })), keepCvv: false }
      expect((await shop.ask('POST', '/payments', order)).status).toBe(201)
      expect(asked[0]?.cvv).toBeUndefined()
    })

    test('opens the card verification value for five minutes, in this payment only', async () => {
      const { asked, acquirer } = listeningAcquirer({ approved: true, code: '123456' })
      let now = systemClock.now()
      const shop = await openTestShop({ acquirer, clock: { now: () => now } })
      await shop.ask('POST', '/payments', await orderIn(shop))
      expect(asked[0]?.request.cvv?.()).toBe('739')
      now += 5 * 60_000
      expect(() => asked[0]?.request.cvv?.()).toThrow(expect.objectContaining({ code: 'DECRYPT_FAILED' }))
    })

    test.each([
      ['the declined card', { number: decliningCard }],
      ['an ended card', { expiry: '2020-01' }],
      ['a wrong verification value', { cvv: '000' }],
    ])('with %s is declined and not stored', async (_, card) => {
      const shop = await openTestShop()
      const { status, json } = await shop.ask('POST', '/payments', await orderIn(shop, card))
      expect([status, json.code]).toEqual([402, 'CARD_DECLINED'])
      expect(shop.sql('select * from payments')).toEqual([])
    })

    test.each([
      ['a wrong check digit', { number: '4111111111111112' }],
      ['letters in the number', { number: '4111x11111111111' }],
      ['too few digits', { number: '4343' }],
      ['a month that is none', { expiry: '2099-13' }],
      ['a long verification value', { cvv: '12345' }],
    ])('with %s is refused without repeating it', async (_, card) => {
      const shop = await openTestShop()
      const { status, text, json } = await shop.ask('POST', '/payments', await orderIn(shop, card))
      expect([status, json.code]).toEqual([422, 'INPUT_INVALID'])
      for (const value of Object.values(card)) expect(text).not.toContain(value)
    })

    test.each([
      ['a negative amount', { amount: -1 }],
      ['a fraction', { amount: 12.5 }],
      ['a text as amount', { amount: '1250' }],
      ['an unknown currency form', { currency: 'eur' }],
    ])('of %s is refused', async (_, change) => {
      const shop = await openTestShop()
      const { json } = await shop.ask('POST', '/payments', { ...(await orderIn(shop)), ...change })
      expect(json.code).toBe('INPUT_INVALID')
    })

    test('of an unknown customer is refused before anybody is asked', async () => {
      const { asked, acquirer } = listeningAcquirer({ approved: true, code: '123456' })
      const shop = await openTestShop({ acquirer })
      const order = { ...(await orderIn(shop)), customerId: '01a20012-dc48-7c97-a629-6ef068323b40' }
      expect((await shop.ask('POST', '/payments', order)).json.code).toBe('CUSTOMER_UNKNOWN')
      expect(asked).toEqual([])
    })

    test('that cannot be recorded is taken back at the acquirer, and no half of it stays', async () => {
      const { reversed, acquirer } = listeningAcquirer({ approved: true, code: '123456' })
      const shop = await openTestShop({ acquirer })
      const order = await orderIn(shop)
      shop.sql('drop table receipts')
      expect((await shop.ask('POST', '/payments', order)).status).toBe(500)
      expect(reversed).toEqual(['123456'])
      expect(shop.sql('select * from payments')).toEqual([])
    })
  })

  test('unknown payments and receipts are a 404', async () => {
    const shop = await openTestShop()
    expect((await shop.ask('GET', '/payments/x')).json.code).toBe('PAYMENT_UNKNOWN')
    expect((await shop.ask('GET', '/payments/x/receipt')).json.code).toBe('RECEIPT_UNKNOWN')
    expect((await shop.ask('GET', '/receipts/x')).json.code).toBe('RECEIPT_UNKNOWN')
  })
})
