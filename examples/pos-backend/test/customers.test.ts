import { describe, expect, onTestFinished, test, vi } from 'vitest'
import type { Customer, UnreadableCustomer } from '../src/domain/customers.ts'
import type { CustomerRow } from '../src/domain/database.ts'
import { adminToken, onEachFramework, openTestShop, type TestShop, until } from './support/test-shop.ts'

const ada = { name: 'Ada Lovelace', email: 'Ada@Example.com', phone: '+44 20 7946 0958' }

async function create(shop: TestShop, customer: object = ada): Promise<Customer> {
  const { status, json } = await shop.ask<Customer>('POST', '/customers', customer)
  expect(status).toBe(201)
  return json
}

async function codeOf(shop: TestShop, ...request: Parameters<TestShop['ask']>): Promise<[number, string | undefined]> {
  const { status, type, json } = await shop.ask(...request)
  expect(type).toBe('application/problem+json')
  return [status, json.code]
}

onEachFramework((openTestShop) => {
  describe('customers', () => {
    test('are created, fetched, changed and found', async () => {
      const shop = await openTestShop()
      const created = await create(shop)
      expect(created).toMatchObject({ name: 'Ada Lovelace', email: 'Ada@Example.com', phone: '+442079460958' })
      expect((await shop.ask('GET', `/customers/${created.id}`)).json).toEqual(created)
      const patched = await shop.ask<Customer>('PATCH', `/customers/${created.id}`, {
        email: 'ada@new.example',
        phone: null,
      })
      expect(patched.json).toEqual({ ...created, email: 'ada@new.example', phone: null })
      const search = (email: string) => shop.ask<{ items: Customer[] }>('POST', '/customers/search', { email })
      expect((await search('ADA@NEW.EXAMPLE')).json.items).toEqual([patched.json])
      expect((await search('ada@example.com')).json.items).toEqual([])
    })

    test('are sealed in the database, every column that names them', async () => {
      const shop = await openTestShop()
      const { id } = await create(shop)
      const [row] = shop.sql<CustomerRow>('select * from customers')
      expect(row?.id).toBe(id)
      for (const sealed of [row?.name, row?.email, row?.phone]) expect(sealed).toMatch(/^AQEAAAAB[A-Za-z0-9_-]{100,}$/)
      expect(row?.email_index).toMatch(/^1\.[A-Za-z0-9_-]{43}$/)
      // Not bare 'ada' or '7946': ids of events have those now and then.
      expect(JSON.stringify(shop.events.events)).not.toMatch(/ada[ @]|lovelace|207946/i)
    })

    test('are listed in pages, each once', async () => {
      const shop = await openTestShop()
      for (let i = 0; i < 5; i++) await create(shop, { ...ada, email: `ada${i}@example.com` })
      const seen: string[] = []
      let path: string | undefined = '/customers?limit=2'
      while (path !== undefined) {
        const { json }: { json: { items: Customer[]; next: string | null } } = await shop.ask('GET', path)
        seen.push(...json.items.map(({ email }) => email))
        path = json.next === null ? undefined : `/customers?limit=2&after=${json.next}`
      }
      expect(seen.toSorted()).toEqual([0, 1, 2, 3, 4].map((i) => `ada${i}@example.com`))
      for (const query of ['limit=0', 'limit=201', 'limit=x', 'after=x', "after=' or 1=1"]) {
        expect(await codeOf(shop, 'GET', `/customers?${query}`)).toEqual([422, 'INPUT_INVALID'])
      }
    })

    test.each([
      ['no name', { email: 'a@b.example' }],
      ['an empty name', { ...ada, name: '  ' }],
      ['a name with a line break', { ...ada, name: 'Ada\nLovelace' }],
      ['a lone surrogate', { ...ada, name: 'Ada \ud83d' }],
      ['an address without @', { ...ada, email: 'secret-text' }],
      ['an address that is no text', { ...ada, email: ['a@b.example'] }],
      ['a phone without a country', { ...ada, phone: '020 7946 0958' }],
      ['an unknown field', { ...ada, 'secret-field': true }],
      ['a list', [ada]],
      ['null', null],
    ])('with %s are refused without repeating the input', async (_, body) => {
      const shop = await openTestShop()
      const { status, text, json } = await shop.ask('POST', '/customers', body)
      expect([status, json.code]).toEqual([422, 'INPUT_INVALID'])
      expect(text).not.toContain('secret')
      expect(await shop.shop.customers.count()).toBe(0)
    })

    test('that are unknown are a 404, whatever the id', async () => {
      const shop = await openTestShop()
      for (const id of ['x', '01a20012-dc48-7c97-a629-6ef068323b40']) {
        expect(await codeOf(shop, 'GET', `/customers/${id}`)).toEqual([404, 'CUSTOMER_UNKNOWN'])
        expect(await codeOf(shop, 'PATCH', `/customers/${id}`, {})).toEqual([404, 'CUSTOMER_UNKNOWN'])
      }
      expect(await codeOf(shop, 'GET', '/nothing')).toEqual([404, 'ROUTE_UNKNOWN'])
    })

    test('come in many at once, all or none', async () => {
      const shop = await openTestShop()
      await create(shop)
      const others = Array.from({ length: 40 }, (_, i) => ({ ...ada, email: `other${i}@example.com` }))
      expect(await codeOf(shop, 'POST', '/customers/import', { customers: [...others, ada] })).toEqual([
        409,
        'EMAIL_TAKEN',
      ])
      expect(await shop.shop.customers.count()).toBe(1)
      const { json } = await shop.ask<{ ids: string[] }>('POST', '/customers/import', { customers: others })
      expect(new Set(json.ids).size).toBe(40)
      const tooMany = Array.from({ length: 101 }, () => ada)
      expect(await codeOf(shop, 'POST', '/customers/import', { customers: tooMany })).toEqual([422, 'INPUT_INVALID'])
    })
  })

  describe('an e-mail address', () => {
    test('belongs to one customer, in any capitals, also after a change and under concurrency', async () => {
      const shop = await openTestShop()
      const { id } = await create(shop)
      expect(await codeOf(shop, 'POST', '/customers', { ...ada, email: 'aDA@eXAMPLE.com' })).toEqual([
        409,
        'EMAIL_TAKEN',
      ])
      const other = await create(shop, { ...ada, email: 'other@example.com' })
      const change = { email: ada.email }
      expect(await codeOf(shop, 'PATCH', `/customers/${other.id}`, change)).toEqual([409, 'EMAIL_TAKEN'])
      expect((await shop.ask('PATCH', `/customers/${id}`, change)).status).toBe(200)
      const same = { ...ada, email: 'same@example.com' }
      const answers = await Promise.all(Array.from({ length: 20 }, () => shop.ask('POST', '/customers', same)))
      expect(answers.filter(({ status }) => status === 201).length).toBe(1)
      expect(answers.filter(({ json }) => json.code === 'EMAIL_TAKEN').length).toBe(19)
    })

    test('is kept unique by the database too', async () => {
      const shop = await openTestShop()
      await create(shop)
      await create(shop, { ...ada, email: 'other@example.com' })
      const copy = 'update customers set email_index = (select min(email_index) from customers)'
      expect(() => shop.sql(copy)).toThrow('UNIQUE constraint failed: customers.email_index')
    })
  })

  describe('a ciphertext', () => {
    test.each([
      ['of another row', (mine: CustomerRow, other: CustomerRow) => ({ ...mine, email: other.email })],
      ['of another column', (mine: CustomerRow) => ({ ...mine, email: mine.name })],
      ['that was cut', (mine: CustomerRow) => ({ ...mine, email: mine.email.slice(0, -4) })],
      ['that is plain text', (mine: CustomerRow) => ({ ...mine, email: 'mallory@example.com' })],
    ])('%s is refused, and its neighbours are still listed', async (_, tamper) => {
      const shop = await openTestShop()
      const mine = await create(shop)
      const other = await create(shop, { ...ada, email: 'other@example.com' })
      const row = async (id: string): Promise<CustomerRow> => shop.shop.customers.stored(id)
      const { email } = tamper(await row(mine.id), await row(other.id))
      shop.sql('update customers set email = ? where id = ?', email, mine.id)
      const { status, text, json } = await shop.ask('GET', `/customers/${mine.id}`)
      expect([status, json.code]).toEqual([500, 'DECRYPT_FAILED'])
      expect(text).not.toMatch(/AQEAAAAB|mallory|ada/i)
      const list = await shop.ask<{ items: (Customer | UnreadableCustomer)[] }>('GET', '/customers')
      expect(list.json.items).toContainEqual({ id: mine.id, unreadable: 'DECRYPT_FAILED' })
      expect(list.json.items).toContainEqual(other)
    })
  })

  describe('a request', () => {
    test('with a body over the limit is refused before it is read to its end', async () => {
      const shop = await openTestShop()
      const body = JSON.stringify({ ...ada, name: 'x'.repeat(65_536) })
      expect(await codeOf(shop, 'POST', '/customers', body)).toEqual([413, 'BODY_TOO_LARGE'])
      // It never ends, so an answer at all shows that nobody waits for its end.
      const endless = new ReadableStream<Uint8Array>({
        pull: (controller) => controller.enqueue(new Uint8Array(8192).fill(32)),
      })
      const headers = { 'content-type': 'application/json' }
      const answer = await shop.send({ method: 'POST', path: '/customers', headers, body: endless })
      expect([answer.status, JSON.parse(answer.text)]).toMatchObject([413, { code: 'BODY_TOO_LARGE' }])
    })

    test.each([
      ['another content type', 'text/plain', '{"name":"secret"}', 415, 'CONTENT_TYPE_REFUSED'],
      ['a form', 'application/x-www-form-urlencoded', 'name=secret', 415, 'CONTENT_TYPE_REFUSED'],
      ['broken JSON', 'application/json', '{"name":"secret', 400, 'BODY_NOT_JSON'],
      ['no JSON at all', 'application/json', '', 400, 'BODY_NOT_JSON'],
    ])('with %s is refused', async (_, type, body, wanted, code) => {
      const shop = await openTestShop()
      const { status, text, json } = await shop.ask('POST', '/customers', body, { 'content-type': type })
      expect([status, json.code]).toEqual([wanted, code])
      expect(text).not.toContain('secret')
    })

    test('for another host is refused', async () => {
      const shop = await openTestShop()
      expect(await codeOf(shop, 'GET', '/customers', undefined, { host: 'evil.example' })).toEqual([
        400,
        'HOST_REFUSED',
      ])
      expect((await shop.ask('GET', '/customers', undefined, { host: '127.0.0.1:3000' })).status).toBe(200)
    })

    test('that meets an error of the program is a bare 500', async () => {
      const shop = await openTestShop()
      shop.sql('drop table customers')
      const logged = vi.spyOn(console, 'error').mockImplementation(() => undefined)
      onTestFinished(() => logged.mockRestore())
      const { status, text } = await shop.ask('GET', '/customers')
      expect([status, JSON.parse(text)]).toEqual([
        500,
        { type: 'about:blank', title: 'Internal Server Error', status: 500 },
      ])
      // Its class and where it happened; a message may quote data.
      await shop.ask('GET', '/receipts/x')
      await shop.ask('GET', '/admin/keys')
      expect(logged.mock.calls.length).toBe(1)
      expect(logged.mock.calls[0]?.[0]).toMatch(/^unexpected SqliteError\n {4}at /)
      expect(logged.mock.calls[0]?.[0]).not.toContain('no such table')
    })
  })
})

test('an e-mail address belongs to one customer while the index key rotates, when it has two tokens', async () => {
  const shop = await openTestShop('hono', { refresh: '1s' })
  const { id } = await create(shop)
  const headers = { 'x-admin-token': adminToken }
  expect((await shop.ask('POST', '/admin/rotate', { purpose: 'index' }, headers)).status).toBe(202)
  await until('index key 2 is active', async () =>
    (await shop.shop.keys.use()).some((key) => key.purpose === 'index' && key.version === 2 && key.state === 'active'),
  )
  expect(await codeOf(shop, 'POST', '/customers', ada)).toEqual([409, 'EMAIL_TAKEN'])
  await create(shop, { ...ada, email: 'new@example.com' })
  const tokens = shop.sql<CustomerRow>('select * from customers order by id').map((row) => row.email_index.slice(0, 2))
  expect(tokens).toEqual(['1.', '2.'])
  const { json } = await shop.ask<{ items: Customer[] }>('POST', '/customers/search', { email: ada.email })
  expect(json.items.map((item) => item.id)).toEqual([id])
})
