import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { type Keyring, reencrypt } from '@mosaajii/crypto'
import { Kysely, PostgresDialect, sql } from 'kysely'
import pg from 'pg'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { postgresUrl } from '../../../test/services.ts'
import { type KillPlace, type KillShop, openShop } from './support/kill-shop.ts'
import { createShop, customer, finish, type Shop } from './support/shop.ts'

const workerFile = fileURLToPath(new URL('support/kill-worker.ts', import.meta.url))
const rows = 200
const kills = 20

/** The same numbers for the same seed, so that a run can be repeated as far as the machine allows: `KILL_SEED=… npx vitest run …`. */
function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

interface Worker {
  readonly child: ChildProcess
  readonly lines: string[]
  readonly ended: Promise<{ code: number | null; signal: string | null }>
}

let workers: Worker[] = []

function start(place: KillPlace, name: string): Worker {
  const args = ['--import', 'tsx', '--conditions=@mosaajii/source', workerFile, JSON.stringify(place), name]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const lines: string[] = []
  let rest = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    const parts = (rest + text).split('\n')
    rest = parts.pop() ?? ''
    lines.push(...parts)
  })
  const ended = new Promise<{ code: number | null; signal: string | null }>((resolve) => {
    child.on('close', (code, signal) => resolve({ code, signal }))
  })
  const worker = { child, lines, ended }
  workers.push(worker)
  return worker
}

/** What a worker must have told before its random moment comes: nothing (it dies while it starts), that it opened, moved or rotated. */
const moments = ['', 'open', 'open', 'rewrote', 'rewrote', 'rewrote', 'rotated', 'rotated', 'rotated', 'rotated']

/** One worker after the other under one name, each killed at a random moment. Returns how often it was in the middle of its work. */
async function startAndKill(place: KillPlace, shop: KillShop, name: string, random: () => number): Promise<number> {
  let interrupted = 0
  const order = moments.map((moment) => ({ moment, at: random() })).toSorted((a, b) => a.at - b.at)
  for (const { moment } of order) {
    const worker = start(place, name)
    let gone = false
    void worker.ended.then(() => (gone = true))
    while (moment !== '' && !gone && !worker.lines.some((line) => line.startsWith(moment))) await sleep(2)
    await sleep(random() * (moment === '' ? 800 : 300))
    worker.child.kill('SIGKILL')
    expect(await worker.ended, worker.lines.slice(-3).join(', ')).toEqual({ code: null, signal: 'SIGKILL' })
    if ((await shop.cursor(name).load()) !== undefined) interrupted++
  }
  return interrupted
}

/** Every row is there and opens to what it was, under whichever version it is now; nothing opens to something sealed. */
async function expectOriginals({ db, customers, keyring }: KillShop): Promise<void> {
  // Read before the keys, so that the keys are at least as new as the rows.
  const found = await db.selectFrom('customers').selectAll().orderBy('id').execute()
  await keyring.refresh()
  const opened = await Promise.all(found.map((row) => customers.openAsync(row)))
  expect(opened).toEqual(Array.from({ length: rows }, (_, i) => ({ ...customer(i), visits: 0 })))
}

/** Every row is sealed under the last versions, and is found by its email. */
async function expectNewest({ db, customers, keyring }: KillShop): Promise<void> {
  const last = (purpose: 'data' | 'index') => keyring.versions(purpose).at(-1)?.version ?? 0
  const name = keyring.field({ table: 'customers', column: 'name' })
  const found = await db.selectFrom('customers').selectAll().orderBy('id').execute()
  const values = found.flatMap((row) => [row.name, row.email, row.phone, row.photo]).filter((value) => value !== null)
  expect(new Set(values.map((value) => name.keyVersionOf(value)))).toEqual(new Set([last('data')]))
  const tokens = found.flatMap((row) => [row.email_index, row.phone_token]).filter((token) => token !== null)
  expect(new Set(tokens.map((token) => token.split('.')[0]))).toEqual(new Set([String(last('index'))]))
  for (const i of [0, 1, 17, rows - 1]) {
    const match = customers.where('email', customer(i).email.toUpperCase())
    expect(match.open(await db.selectFrom('customers').selectAll().where(match).execute())).toEqual([
      { ...customer(i), visits: 0 },
    ])
  }
}

/** No version that a worker told of was lost, and no number was given out twice. */
function expectVersions(keyring: Keyring): number {
  const told = workers.flatMap(({ lines }) => lines.filter((line) => line.startsWith('rotated')))
  expect(new Set(told.map((line) => line.split(' ').slice(1, 3).join(' '))).size).toBe(told.length)
  for (const line of told) {
    const [, purpose, version, createdAt] = line.split(' ')
    const kept = keyring.versions(purpose === 'data' ? 'data' : 'index')[Number(version) - 1]
    expect(kept).toMatchObject({ version: Number(version), createdAt: Number(createdAt) })
  }
  for (const purpose of ['data', 'index'] as const) {
    const versions = keyring.versions(purpose).map(({ version }) => version)
    expect(versions).toEqual(Array.from({ length: versions.length }, (_, i) => i + 1))
  }
  // Each killed worker may have published one more that it could not tell of.
  const all = keyring.versions('data').length + keyring.versions('index').length
  expect(all).toBeLessThanOrEqual(told.length + 2 + kills)
  return told.length
}

async function seed(place: KillPlace): Promise<void> {
  const shop = await openShop(place)
  await createShop(shop.db)
  for (let i = 0; i < rows; i += 50) {
    // On a busy machine 100 ms are soon over.
    await shop.keyring.refresh()
    const some = Array.from({ length: 50 }, (_, j) => shop.customers.seal(customer(i + j)))
    await shop.db.insertInto('customers').values(some).execute()
  }
  await shop.close()
}

async function killAndResume(place: KillPlace): Promise<void> {
  const number = Number(process.env['KILL_SEED'] ?? Math.floor(Math.random() * 2 ** 31))
  console.log(`KILL_SEED=${number} (${place.postgres ? 'Postgres' : 'libsql'})`)
  const random = seeded(number)
  await seed(place)
  const watching = await openShop(place)
  let [killing, looks] = [true, 0]
  const watch = async () => {
    for (; killing; looks++) {
      await expectOriginals(watching)
      await sleep(100)
    }
  }
  // Two at a time, on the same rows and the same keys.
  const lanes = Promise.all(['one', 'two'].map((name) => startAndKill(place, watching, name, random)))
  const [interrupted] = await Promise.all([lanes.finally(() => (killing = false)), watch()])
  await watching.close()

  expect(workers.length).toBe(kills)
  expect(looks).toBeGreaterThan(5)
  for (const times of interrupted) expect(times, 'killed in the middle of the work').toBeGreaterThan(2)
  const shop = await openShop(place)
  await expectOriginals(shop)
  expect(expectVersions(shop.keyring)).toBeGreaterThanOrEqual(8)

  // The last key is active at the latest two intervals after the last kill; then what the killed ones left is brought to its end.
  await sleep(250)
  await shop.keyring.refresh()
  for (const worker of ['one', 'two']) await finishWork(shop, worker)
  await expectOriginals(shop)
  await expectNewest(shop)
  await shop.close()
}

async function finishWork(shop: KillShop, worker: string): Promise<void> {
  const { keyring, customers: table, source } = shop
  for (;;) {
    try {
      const progress = await finish(reencrypt({ keyring, table, source, cursor: shop.cursor(worker) }))
      expect(progress.at(-1)).toMatchObject({ done: true, unreadable: [], conflicts: 0 })
      expect(await shop.cursor(worker).load()).toBeUndefined()
      return
    } catch (error) {
      // On a busy machine the 100 ms of the refresh interval are soon over.
      if ((error as { code?: string }).code !== 'KEYRING_STALE') throw error
      await keyring.refresh()
    }
  }
}

describe(`killed ${kills} times at random moments, rotation and re-encryption lose nothing and seal nothing twice`, () => {
  let folder = ''
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'mosaajii-'))
    workers = []
  })
  afterEach(async () => {
    for (const { child } of workers) child.kill('SIGKILL')
    await Promise.all(workers.map(({ ended }) => ended))
    await rm(folder, { recursive: true })
  })

  test('on libsql, with key files and cursor files', () => killAndResume({ folder }), 240_000)

  test.skipIf(!postgresUrl())(
    'on Postgres, with keys and cursors in it',
    async () => {
      const url = postgresUrl() ?? ''
      const schema = `kill_${randomUUID().replaceAll('-', '')}`
      const admin = new Kysely<Shop>({
        dialect: new PostgresDialect({ pool: new pg.Pool({ connectionString: url, max: 1 }) }),
      })
      await admin.schema.createSchema(schema).execute()
      try {
        await killAndResume({ folder, postgres: { url, schema } })
      } finally {
        await sql`drop schema ${sql.id(schema)} cascade`.execute(admin)
        await admin.destroy()
      }
    },
    240_000,
  )
})
