import { expect, test } from 'vitest'
import type { CustomerRow } from '../src/domain/database.ts'
import { adminToken, onEachFramework, type TestShop } from './support/test-shop.ts'

async function page(shop: TestShop, path = '/'): Promise<string> {
  const { status, type, text } = await shop.ask('GET', path)
  expect([status, type]).toEqual([200, 'text/html; charset=utf-8'])
  return text
}

onEachFramework((openTestShop) => {
  test('the page escapes what customers are called', async () => {
    const shop = await openTestShop()
    await shop.ask('POST', '/customers', { name: `<script>alert('x')</script>`, email: `"><img.src=x@example.com` })
    await shop.ask('POST', '/customers', { name: `<b onload="x">&amp;`, email: `o'hara&co@example.com` })
    const text = await page(shop)
    expect(text).not.toMatch(/<script>|<img|<b /)
    expect(text).toContain('&lt;b onload=&quot;x&quot;&gt;&amp;amp;')
    expect(text).toContain('o&#39;hara&amp;co@example.com')
  })

  test('the page shows the rows under each key and the forms with the token', async () => {
    const shop = await openTestShop()
    await shop.ask('POST', '/customers', { name: 'Ada', email: 'ada@example.com' })
    await shop.shop.keys.rotate({})
    const text = await page(shop)
    expect(text).toContain('aria-label="key 1: 1 rows, key 2: 0 rows"')
    expect(text).toMatch(/<rect class="c0" x="0" y="0" width="100"/)
    expect(text).toContain('<span class="chip pending">pending</span>')
    const forms = text.match(/<form method="post" action="\/admin\/[^<]*<\/?[^]*?<\/form>/g) ?? []
    expect(forms.length).toBe(3)
    for (const form of forms) expect(form).toMatch(/<input type="hidden" name="token" value="[A-Za-z0-9_-]{43}">/)
    // What JSON clients send is in no page.
    expect(text).not.toContain(adminToken)
  })

  test('the page shows the first row as the database holds it', async () => {
    const shop = await openTestShop()
    await shop.ask('POST', '/customers', { name: 'Ada', email: 'ada@example.com' })
    const [row] = shop.sql<CustomerRow>('select * from customers')
    const text = await page(shop)
    for (const value of [row?.name, row?.email, row?.email_index]) expect(text).toContain(`<dd>${value}</dd>`)
  })

  test('the page has pages, a search, and a row that does not open', async () => {
    const shop = await openTestShop()
    const customers = Array.from({ length: 20 }, (_, i) => ({ name: `Ada ${i}`, email: `ada${i}@example.com` }))
    await shop.ask('POST', '/customers/import', { customers })
    const [, next] = /href="(\/\?after=[^"]+)">Next page/.exec(await page(shop)) ?? []
    expect(await page(shop, next)).toContain('First page')
    const headers = { 'content-type': 'application/x-www-form-urlencoded' }
    const search = async (email: string) =>
      (await shop.ask('POST', '/', new URLSearchParams({ email }).toString(), headers)).text
    const found = await search('ADA7@example.com')
    expect(found).toContain('<td>Ada 7</td>')
    expect(found).not.toContain('<td>Ada 8</td>')
    expect(await search('nobody@example.com')).toContain('No customer has this address.')
    expect(await search('"><b>')).toContain('That is not an e-mail address.')
    shop.sql('update customers set email = name')
    expect(await page(shop)).toContain('does not open: DECRYPT_FAILED')
  })

  test('the page says what was refused, and nothing else that a link wants it to say', async () => {
    const shop = await openTestShop()
    expect(await page(shop, '/?refused=KEY_IN_USE')).toContain('rows need it')
    expect(await page(shop, '/?refused=call%20this%20number')).not.toContain('call')
  })
})
