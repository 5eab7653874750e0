import { join } from 'node:path'
import { readFileSync } from 'node:fs'
import type { Customer } from '../domain/customers.ts'
import type { KeyUse } from '../domain/keys.ts'
import type { Payment } from '../domain/payments.ts'
import type { ReencryptionStatus } from '../domain/reencryption.ts'
import { allCustomers, ask, keysOf, must, mustRefuse, until } from './client.ts'
import { expect, progressBar, type Step } from './report.ts'
import { newcomer } from './steps-basics.ts'
import { type StoredRow, versionsIn, type World } from './world.ts'

/** What a step leaves for a later one. */
interface Kept {
  /** The rows before the rotation. */
  before: StoredRow[]
  /** The rows at the moment of the kill. */
  atKill: StoredRow[]
  /** The first key in its wrapped form. */
  wrapped: string
}

/** The steps that change keys while the shop works. */
export function keySteps(world: World): readonly Step[] {
  const kept: Kept = { before: [], atKill: [], wrapped: '' }
  return [
    { name: 'rotate', prove: () => rotate(world, kept) },
    { name: 'old key in use', prove: () => keepUsedKey(world) },
    { name: 're-encrypt, kill', prove: () => reencryptAndKill(world, kept) },
    { name: 'resume', prove: () => resume(world, kept) },
    { name: 'every value opens', prove: () => openAll(world) },
    { name: 'destroy old key', prove: () => destroy(world, kept) },
    { name: 'events', prove: () => readEvents(world) },
  ]
}

async function rotate(world: World, kept: Kept): Promise<string> {
  const { origin, adminToken } = world.child
  kept.before = world.storedRows()
  await mustRefuse('ADMIN_TOKEN_WRONG', origin, 'POST', '/admin/rotate', {}, 'a wrong token')
  const traffic = startTraffic(world)
  try {
    const made = await must<KeyUse>(202, origin, 'POST', '/admin/rotate', {}, adminToken)
    expect(made.version === 2 && made.state === 'pending', 'a pending version 2', made)
    await until('version 2 to become active', 20_000, async () => {
      const { keys } = await keysOf(world.child)
      return keys.find(({ purpose, version, state }) => purpose === 'data' && version === 2 && state === 'active')
    })
    const atSwitch = traffic.count()
    await until(
      'requests after the switch',
      20_000,
      async () => traffic.failed() || traffic.count() > atSwitch + 200 || undefined,
    )
  } finally {
    await traffic.stop()
  }
  const { requests, failures, created } = await traffic.stop()
  expect(failures.length === 0, 'no request to fail', failures.slice(0, 3))
  const versions = new Map(world.storedRows().map((row) => [row.id, versionsIn(row)[0]]))
  const sealedWith = (version: number) => created.filter((id) => versions.get(id) === version).length
  expect(sealedWith(1) > 0 && sealedWith(2) > 0, 'new customers under both keys', [sealedWith(1), sealedWith(2)])
  return `${requests} requests ran meanwhile and none failed; ${sealedWith(1)} new customers sealed before the switch, ${sealedWith(2)} after`
}

interface Traffic {
  count(): number
  failed(): boolean
  stop(): Promise<{ requests: number; failures: string[]; created: string[] }>
}

/** Four clients that create, change, fetch and search, until they are stopped. */
function startTraffic(world: World): Traffic {
  const { origin } = world.child
  const created: string[] = []
  const failures: string[] = []
  let [requests, next, stopping] = [0, 0, false]
  const once = async (): Promise<void> => {
    const customer = newcomer(next++)
    const id = await world.create(customer)
    created.push(id)
    const phone = `+9990000${String(next).padStart(5, '0')}`
    await must(200, origin, 'PATCH', `/customers/${id}`, { phone })
    world.expected.set(id, { ...customer, phone })
    const old = world.seeded.customers[(next * 37) % world.seeded.customers.length]
    const { items } = await must<{ items: Customer[] }>(200, origin, 'POST', '/customers/search', { email: old?.email })
    expect(items[0]?.id === old?.id, 'the customer who was searched', items)
    await must(200, origin, 'GET', `/customers/${id}`)
    requests += 4
  }
  const client = async (): Promise<void> => {
    while (!stopping && failures.length === 0) await once().catch((error: unknown) => failures.push(String(error)))
  }
  const clients = Promise.all([client(), client(), client(), client()])
  return {
    count: () => requests,
    failed: () => failures.length > 0,
    stop: async () => {
      stopping = true
      await clients
      return { requests, failures, created }
    },
  }
}

async function keepUsedKey(world: World): Promise<string> {
  const { origin, adminToken } = world.child
  const answer = await mustRefuse('KEY_IN_USE', origin, 'POST', '/admin/destroy', { version: 1 }, adminToken)
  const { facts } = JSON.parse(answer.text) as { facts: { rows: number } }
  expect(facts.rows >= world.seeded.customers.length, 'every seeded row to need key 1', facts)
  return `key 1 is not destroyed while ${facts.rows} rows need it`
}

async function reencryptAndKill(world: World, kept: Kept): Promise<string> {
  const { origin, adminToken } = world.child
  const atStart = world.storedRows()
  await must(202, origin, 'POST', '/admin/reencrypt', {}, adminToken)
  const bar = progressBar('re-encrypting')
  const share = await until(
    'the middle of the re-encryption',
    20_000,
    async () => {
      const done = shareOf(
        await must<ReencryptionStatus>(200, origin, 'GET', '/admin/reencrypt', undefined, adminToken),
      )
      bar.show(done)
      return done > 0.4 ? done : undefined
    },
    10,
  )
  const { pid } = world.child
  await world.kill()
  bar.end()
  kept.atKill = world.storedRows()
  const started = new Map(atStart.map((row) => [row.id, row]))
  const [done, left] = split(kept.atKill, isUnder(2))
  expect(share < 1 && done.length > 0 && left.length > 0, 'both keys in use when it was killed', [
    done.length,
    left.length,
  ])
  // A row whose phone alone was changed after the switch is under both keys by right: then it is as it was at the start.
  const torn = left.filter((row) => !isSame(row, started.get(row.id)))
  expect(torn.length === 0, 'every row either untouched or wholly under key 2', torn.length)
  return `process ${pid} ended by SIGKILL: ${done.length} rows wholly under key 2, ${left.length} untouched, none in between`
}

function split<T>(items: readonly T[], test: (item: T) => boolean): [yes: T[], no: T[]] {
  return [items.filter(test), items.filter((item) => !test(item))]
}

/** How much of the customers' first pass is done. */
function shareOf({ tables: { customers, payments }, state }: ReencryptionStatus): number {
  if (state === 'done' || payments || (customers?.pass ?? 1) > 1) return 1
  return customers && customers.rows > 0 ? customers.scanned / customers.rows : 0
}

function isUnder(version: number): (row: StoredRow) => boolean {
  return (row) => versionsIn(row).every((each) => each === version)
}

async function resume(world: World, kept: Kept): Promise<string> {
  const cursors = world.sql<{ name: string }>('select name from mosaajii_cursors')
  expect(cursors[0]?.name === 'customers', 'a saved cursor', cursors)
  const done = kept.atKill.filter(isUnder(2))
  const { origin, adminToken } = await world.start()
  const bar = progressBar('going on     ')
  const ended = await until('the re-encryption to end', 25_000, async () => {
    const status = await must<ReencryptionStatus>(200, origin, 'GET', '/admin/reencrypt', undefined, adminToken)
    bar.show(done.length / kept.atKill.length + shareOf(status))
    return status.state === 'running' ? undefined : status
  })
  bar.end()
  expect(ended.state === 'done' && ended.resumed, 'it to go on by itself and to end', ended)
  const now = new Map(world.storedRows().map((row) => [row.id, row]))
  const left = [...now.values()].filter((row) => !isUnder(2)(row)).length
  expect(left === 0 && now.size === kept.atKill.length, 'every row under key 2', { left, rows: now.size })
  const again = done.filter((row) => !isSame(row, now.get(row.id)))
  expect(again.length === 0, 'no row sealed a second time', again.length)
  const { scanned = 0, pass = 0 } = ended.tables.customers ?? {}
  // Each whole pass looks at every row; what this run did not look at is what lay before the cursor.
  const skipped = pass * now.size - scanned
  expect(skipped > 0, 'it to go on from the cursor', { pass, scanned, rows: now.size })
  const rest = kept.atKill.length - done.length
  return `a new process went on after ${skipped} rows; the ${rest} that were left are under key 2 too, and none was sealed twice`
}

function isSame(a: StoredRow, b: StoredRow | undefined): boolean {
  return (
    b !== undefined &&
    a.name === b.name &&
    a.email === b.email &&
    a.phone === b.phone &&
    a.email_index === b.email_index
  )
}

async function openAll(world: World): Promise<string> {
  const { origin } = world.child
  const all = await allCustomers(origin)
  expect(all.size === world.expected.size, `${world.expected.size} customers`, all.size)
  for (const [id, { name, email, phone }] of world.expected) {
    const seen = all.get(id)
    expect(seen?.name === name && seen.email === email && seen.phone === phone, `customer ${id} as created`, seen)
  }
  for (const { id, pan } of world.seeded.payments) {
    const payment = await must<Payment>(200, origin, 'GET', `/payments/${id}`)
    expect(payment.card === `${pan.slice(0, 6)}******${pan.slice(-4)}`, `the card of payment ${id}`, payment.card)
  }
  return `${all.size} customers and ${world.seeded.payments.length} card numbers open to exactly what was sent`
}

async function destroy(world: World, kept: Kept): Promise<string> {
  const { origin, adminToken } = world.child
  const wrapped = wrappedKey(world, 1)
  expect(isInFiles(world, wrapped), 'the wrapped key 1 in the key files', 'nothing')
  await until('key 1 to be old enough to go', 15_000, async () => {
    const { status, text } = await ask(origin, 'POST', '/admin/destroy', { version: 1 }, adminToken)
    const { code } = JSON.parse(text) as { code?: string }
    expect(status === 202 || code === 'KEY_DESTRUCTION_REFUSED', 'destruction, or a refusal because of the time', text)
    return status === 202 || undefined
  })
  const { keys } = await keysOf(world.child)
  const old = keys.find(({ purpose, version }) => purpose === 'data' && version === 1)
  expect(old?.state === 'destroyed' && old.rows === 0, 'key 1 destroyed and no row under it', old)
  expect(!isInFiles(world, wrapped), 'the wrapped key 1 to be gone from every file', 'it is there')
  const [before] = kept.before
  expect(before !== undefined, 'a row from before the rotation', kept.before.length)
  const [current] = world.sql<StoredRow>('select * from customers where id = ?', before.id)
  world.sql('update customers set email = ? where id = ?', before.email, before.id)
  await mustRefuse('DECRYPT_FAILED', origin, 'GET', `/customers/${before.id}`)
  world.sql('update customers set email = ? where id = ?', current?.email ?? '', before.id)
  await must(200, origin, 'GET', `/customers/${before.id}`)
  return 'no row is under key 1, its wrapped form is gone from the key files, and a ciphertext from an old backup opens no more'
}

function wrappedKey(world: World, version: number): string {
  const newest = [...world.files()]
    .filter(([name]) => name.startsWith(join('keys', 'main.')))
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .at(-1)
  const { keys } = JSON.parse(newest?.[1].toString('utf8') ?? '{}') as {
    keys: { purpose: string; version: number; wrapped?: string }[]
  }
  return keys.find((key) => key.purpose === 'data' && key.version === version)?.wrapped ?? ''
}

function isInFiles(world: World, text: string): boolean {
  return text.length > 40 && [...world.files().values()].some((bytes) => bytes.includes(text))
}

async function readEvents(world: World): Promise<string> {
  const lines = readFileSync(join(world.folder, 'events.jsonl'), 'utf8').trimEnd().split('\n')
  const events = lines.map((line) => JSON.parse(line) as { name: string; phase?: string; action?: string })
  for (const name of ['keyring.create', 'keyring.unwrap', 'keyring.rotate', 'keyring.destroy']) {
    const intents = events.filter((event) => event.name === name && event.phase === 'intent')
    const done = events.filter((event) => event.name === name && event.phase === 'done')
    expect(intents.length > 0 && done.length > 0, `${name} as an intent and as done`, [intents.length, done.length])
    const late = done.filter(
      (event) => events.indexOf(event) < events.findIndex(({ action }) => action === event.action),
    )
    expect(late.length === 0, `the intent of ${name} before its outcome`, late)
  }
  const refusals = events.filter(({ name }) => name === 'field.openFailed').length
  expect(refusals >= 4, 'the refused ciphertexts among the events', refusals)
  return `${events.length} events: each unwrapping, rotation and destruction recorded before it was done, and ${refusals} refused ciphertexts`
}
