import type { Customer } from '../domain/customers.ts'
import type { Payment } from '../domain/payments.ts'
import type { Receipt } from '../domain/receipts.ts'
import { people } from '../people.ts'
import { seed } from '../seed.ts'
import { ask, must, mustRefuse } from './client.ts'
import { httpTarget } from './http-target.ts'
import { formsOf, textsIn } from './raw-bytes.ts'
import { expect, type Step, seconds } from './report.ts'
import type { World } from './world.ts'

const ada = { name: 'Ada Lovelace-Tester', email: 'Ada.Lovelace@example.com', phone: '+999100200300' }

/** The steps that use the shop as its clients do, and then look at what was written. */
export function basicSteps(world: World): readonly Step[] {
  return [
    { name: 'start', prove: () => start(world) },
    { name: 'seed', prove: () => seedShop(world) },
    { name: 'create and search', prove: () => createAndSearch(world) },
    { name: 'pay', prove: () => pay(world) },
    { name: 'CVV refused', prove: () => refuseCvv(world) },
    { name: 'raw bytes', prove: () => searchBytes(world) },
    { name: 'moved ciphertext', prove: () => moveCiphertext(world) },
  ]
}

async function start(world: World): Promise<string> {
  // The re-encryption works in small batches with rests, so that there is a middle in which to kill it.
  const child = await world.start({ POS_REENCRYPT_BATCH: '50', POS_REENCRYPT_PAUSE_MS: '20' })
  const { origin, pid } = child
  expect(
    child.printed().includes(`it runs on ${world.framework})`),
    'the server to say what it runs on',
    child.printed(),
  )
  const { items } = await must<{ items: Customer[] }>(200, origin, 'GET', '/customers')
  expect(items.length === 0, 'an empty shop', items.length)
  return `process ${pid} serves an empty shop on ${origin} with ${world.framework}`
}

async function seedShop(world: World): Promise<string> {
  const started = performance.now()
  world.seeded = await seed({ target: httpTarget(world.child.origin), ...world.size })
  for (const { id, name, email, phone } of world.seeded.customers) world.expected.set(id, { name, email, phone })
  const stored = world.storedRows().length
  const { customers } = world.size
  expect(stored === customers && world.expected.size === stored, `${customers} rows`, stored)
  return `${stored} customers and ${world.seeded.payments.length} payments came in through HTTP in ${seconds(started)}`
}

async function createAndSearch(world: World): Promise<string> {
  const { origin } = world.child
  const id = await world.create(ada)
  const fetched = await must<Customer>(200, origin, 'GET', `/customers/${id}`)
  expect(fetched.email === ada.email && fetched.phone === ada.phone, 'the customer as it was created', fetched)
  const search = { email: ada.email.toUpperCase() }
  const { items } = await must<{ items: Customer[] }>(200, origin, 'POST', '/customers/search', search)
  expect(items.length === 1 && items[0]?.id === id, 'the blind index to find exactly this customer', items)
  const patched = await must<Customer>(200, origin, 'PATCH', `/customers/${id}`, { phone: null })
  expect(patched.phone === null && patched.name === ada.name, 'only the phone to change', patched)
  world.expected.set(id, { ...ada, phone: null })
  await mustRefuse('EMAIL_TAKEN', origin, 'POST', '/customers', { ...ada, email: ada.email.toLowerCase() })
  return 'created, fetched, patched; found in other capitals through the blind index; a second one with the same address refused'
}

async function pay(world: World): Promise<string> {
  const { origin } = world.child
  const [customer] = world.seeded.customers
  const card = { number: '4000 0000 0000 0010', expiry: '2099-12', cvv: '123' }
  const order = { customerId: customer?.id, amount: 1250, currency: 'EUR', card }
  const payment = await must<Payment>(201, origin, 'POST', '/payments', order)
  expect(payment.card === '400000******0010', 'the card number masked', payment.card)
  const receipt = await must<Receipt>(200, origin, 'GET', `/payments/${payment.id}/receipt`)
  expect(receipt.lastFour === '0010', 'a receipt with the last four digits', receipt)
  expect(!JSON.stringify(receipt).includes('400000'), 'no more of the card number than that', receipt)
  await mustRefuse('INPUT_INVALID', origin, 'POST', '/payments', {
    ...order,
    card: { ...card, number: '4000000000000011' },
  })
  return 'authorised by the local stand-in acquirer; the receipt has the last four digits only; a wrong check digit refused'
}

async function refuseCvv(world: World): Promise<string> {
  const [customer] = world.seeded.customers
  const card = { number: '4000000000000010', expiry: '2099-12', cvv: '123' }
  const order = { customerId: customer?.id, amount: 1250, currency: 'EUR', card, keepCvv: true }
  const { text } = await mustRefuse('CVV_NOT_KEPT', world.child.origin, 'POST', '/payments', order)
  const { facts } = JSON.parse(text) as { facts?: { refusedBy?: string } }
  expect(facts?.refusedBy === 'FIELD_REFUSED', 'the SDK itself to refuse the field', text)
  const columns = world.sql<{ name: string }>(
    `select m.name || '.' || c.name name from sqlite_master m, pragma_table_info(m.name) c where m.type = 'table'`,
  )
  const kept = columns.filter(({ name }) => /cv[vc]|cid|verification/i.test(name))
  expect(columns.length > 10 && kept.length === 0, 'no column for a card verification value', kept)
  return 'asked to keep a CVV, the SDK refuses the field by its name (PCI DSS 3.3.1), and no table has a column for one'
}

async function searchBytes(world: World): Promise<string> {
  const secrets = secretsOf(world)
  const ids = world.seeded.customers.map(({ id }) => id)
  const files = world.files()
  const database = Buffer.concat([...files].filter(([name]) => name.startsWith('shop.db')).map(([, bytes]) => bytes))
  const seen = textsIn(database, ids).size
  expect(seen === ids.length, `the search to find all ${ids.length} ids, which are not secret`, seen)
  const everything = Buffer.concat([...files.values(), Buffer.from(world.printed())])
  const leaked = textsIn(everything, secrets)
  expect(leaked.size === 0, 'no plaintext in the files and the log', [...leaked].slice(0, 3))
  const [planted = ''] = secrets
  const control = textsIn(Buffer.concat([everything.subarray(-65_536), Buffer.from(planted)]), secrets)
  expect(control.size === 1, 'a planted plaintext to be found', control.size)
  const megabytes = (everything.length / 1e6).toFixed(1)
  return `none of ${secrets.length} plaintexts is in ${megabytes} MB of database, log, keys and events; the search finds all ${ids.length} ids, and a planted one`
}

/** What must be nowhere: names, addresses, phones, card numbers, whole and in the parts that tell most, in several notations. */
function secretsOf({ expected, seeded }: World): string[] {
  const customers = [...expected.values()].flatMap(({ name, email, phone }) => {
    const local = email.slice(0, email.indexOf('@'))
    return [name, email, email.toLowerCase(), local, ...(phone === null ? [] : [phone, phone.slice(4)])]
  })
  const cards = seeded.payments.flatMap(({ pan }) => [pan, pan.slice(0, 12), pan.slice(2)])
  return [...new Set([...customers, ...cards].flatMap(formsOf))]
}

async function moveCiphertext(world: World): Promise<string> {
  const { origin } = world.child
  const [from, to] = world.storedRows()
  expect(from !== undefined && to !== undefined, 'two rows', [from, to])
  const refusals = [
    { column: 'email', value: from.email, what: 'of another row' },
    { column: 'phone', value: to.email, what: 'of another column' },
    { column: 'email', value: changed(to.email), what: 'with one changed bit' },
  ]
  for (const { column, value, what } of refusals) {
    world.sql(`update customers set ${column} = ? where id = ?`, value, to.id)
    const { status, text } = await mustRefuse('DECRYPT_FAILED', origin, 'GET', `/customers/${to.id}`)
    expect(
      status === 500 && text.length < 200 && !text.includes(value.slice(-20)),
      `an answer that tells nothing ${what}`,
      text,
    )
    world.sql('update customers set email = ?, phone = ? where id = ?', to.email, to.phone, to.id)
  }
  const healed = await ask(origin, 'GET', `/customers/${to.id}`)
  expect(healed.status === 200, 'the row to open again with its own values', healed.text)
  return 'a ciphertext from another row, from another column, and with one changed bit: each refused with the same problem+json'
}

function changed(sealed: string): string {
  const at = sealed.length >> 1
  return sealed.slice(0, at) + (sealed[at] === 'A' ? 'B' : 'A') + sealed.slice(at + 1)
}

/** A customer that the tour has not created yet. */
export function newcomer(i: number): { name: string; email: string; phone: string } {
  const [person = ada] = people(1)
  return { ...person, email: `newcomer.${i}@example.com` }
}
