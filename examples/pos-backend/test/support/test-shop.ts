import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Clock, Duration, Problem } from '@mosaajii/core'
import { type RecordingSink, recordingSink } from '@mosaajii/core/testing'
import { localKeyProvider, memoryKeyStore } from '@mosaajii/crypto'
import type { Hono } from 'hono'
import Libsql from 'libsql'
import { onTestFinished } from 'vitest'
import type { Acquirer } from '../../src/domain/acquirer.ts'
import { openShop, type Shop } from '../../src/domain/shop.ts'
import { shopApp } from '../../src/http/app.ts'

/** The admin token of every test shop. */
export const adminToken = 'test-admin-token'

/** A shop over a database file of its own. */
export interface TestShop {
  readonly app: Hono
  readonly shop: Shop
  readonly events: RecordingSink
  /** Sends a request with a JSON body and reads the JSON answer. */
  ask<T = Problem>(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer<T>>
  /** Runs SQL past the shop. */
  sql<Row>(statement: string, ...values: readonly (string | null)[]): Row[]
}

/** An answer of the shop; what came as JSON is read. */
export interface Answer<T> {
  readonly status: number
  readonly type: string
  readonly text: string
  readonly json: T
}

/** Opens a shop that is closed and deleted after the test. A rotated key becomes active after two refresh intervals. */
export async function openTestShop(
  options: { refresh?: Duration; clock?: Clock; acquirer?: Acquirer } = {},
): Promise<TestShop> {
  const folder = await mkdtemp(join(tmpdir(), 'pos-test-'))
  // Before anything can fail. What is to be done after a test is done in the reverse order, each also when another one failed.
  onTestFinished(() => rm(folder, { recursive: true, force: true, maxRetries: 3 }))
  const database = join(folder, 'shop.db')
  const events = recordingSink()
  const provider = localKeyProvider({ secret: globalThis.crypto.getRandomValues(new Uint8Array(32)) })
  const shop = await openShop({
    database,
    provider,
    store: memoryKeyStore(),
    events,
    refresh: '1m',
    batch: 20,
    pause: 0,
    ...options,
  })
  onTestFinished(() => shop.close())
  const app = shopApp({ shop, adminToken })
  return { app, shop, events, ask: asker(app), sql: sqlOn(database) }
}

function asker(app: Hono): TestShop['ask'] {
  return async <T>(method: string, path: string, body?: unknown, headers: Record<string, string> = {}) => {
    const answer = await app.request(`http://localhost${path}`, {
      method,
      headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
    const text = await answer.text()
    const type = answer.headers.get('content-type') ?? ''
    return { status: answer.status, type, text, json: (type.includes('json') ? JSON.parse(text) : undefined) as T }
  }
}

function sqlOn(database: string): TestShop['sql'] {
  return <Row>(statement: string, ...values: readonly (string | null)[]): Row[] => {
    const db = new Libsql(database, { timeout: 5000 })
    try {
      const prepared = db.prepare(statement)
      if (prepared.reader) return prepared.all([...values]) as Row[]
      prepared.run([...values])
      return []
    } finally {
      db.close()
    }
  }
}

/** Waits until something is so. */
export async function until(what: string, look: () => Promise<boolean> | boolean): Promise<void> {
  for (const end = performance.now() + 10_000; !(await look()); ) {
    if (performance.now() > end) throw new Error(`waited in vain until ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
