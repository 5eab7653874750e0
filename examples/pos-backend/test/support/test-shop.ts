import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Clock, Duration, Problem } from '@mosaajii/core'
import { type RecordingSink, recordingSink } from '@mosaajii/core/testing'
import { localKeyProvider, memoryKeyStore } from '@mosaajii/crypto'
import Libsql from 'libsql'
import { describe, onTestFinished } from 'vitest'
import type { Acquirer } from '../../src/domain/acquirer.ts'
import { openShop, type Shop } from '../../src/domain/shop.ts'
import { type FrameworkName, frameworkNames, httpApp } from '../../src/http/framework.ts'
import { shopRoutes } from '../../src/http/routes.ts'
import { type Limits, openLimits } from '../../src/limits.ts'
import { closeServer, listen, portOf, type Tls } from '../../src/listen.ts'
import { allOf, recentReports } from '../../src/recent-reports.ts'
import { refusalCount } from '../../src/refusal-count.ts'
import type { Settings } from '../../src/settings.ts'
import { clientOf, type RawAnswer, type RawRequest } from './client.ts'

/** The admin token of every test shop. */
export const adminToken = 'test-admin-token'

/** A shop over a database file of its own, on a port of its own. */
export interface TestShop {
  readonly shop: Shop
  readonly port: number
  readonly events: RecordingSink
  readonly limits: Limits
  /** Sends a request with a JSON body and reads the JSON answer. */
  ask<T = Problem>(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer<T>>
  /** Sends a request as it is. */
  send(request: RawRequest): Promise<RawAnswer>
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

/** What a test may want otherwise. */
export interface TestShopOptions {
  readonly refresh?: Duration
  readonly clock?: Clock
  readonly acquirer?: Acquirer
  readonly tls?: Tls
  /** Default: more than a test sends. */
  readonly limits?: Settings['limits']
  readonly redis?: Settings['redis']
}

const wide: Settings['limits'] = { global: 100_000, api: 100_000 }

/** Opens a shop on one framework. */
export type OpenTestShop = (options?: TestShopOptions) => Promise<TestShop>

/** Runs tests on each framework, and hands them what opens the shop there. */
export function onEachFramework(tests: (open: OpenTestShop, framework: FrameworkName) => void): void {
  describe.each(frameworkNames)('on %s', (framework) => {
    tests((options) => openTestShop(framework, options), framework)
  })
}

/** Opens a shop that is closed and deleted after the test. A rotated key becomes active after two refresh intervals. */
export async function openTestShop(framework: FrameworkName, options: TestShopOptions = {}): Promise<TestShop> {
  const { tls, limits: most = wide, redis, ...rest } = options
  const folder = await mkdtemp(join(tmpdir(), 'pos-test-'))
  // Before anything can fail. What is to be done after a test is done in the reverse order, each also when another one failed.
  onTestFinished(() => rm(folder, { recursive: true, force: true, maxRetries: 3 }))
  const database = join(folder, 'shop.db')
  const events = recordingSink()
  const provider = localKeyProvider({ secret: globalThis.crypto.getRandomValues(new Uint8Array(32)) })
  const store = memoryKeyStore()
  const shop = await openShop({ database, provider, store, events, refresh: '1m', batch: 20, pause: 0, ...rest })
  onTestFinished(() => shop.close())
  const reports = recentReports()
  const refusals = refusalCount()
  const limits = await openLimits({ limits: most, ...(redis && { redis }), events })
  onTestFinished(() => limits.close())
  const routes = shopRoutes({ shop, adminToken, secure: tls !== undefined, reports, limits, refusals })
  const app = await httpApp(framework, { routes, events: allOf(events, reports), limits, refusals })
  onTestFinished(() => app.close())
  const server = await listen(app.listener, 0, tls)
  onTestFinished(() => closeServer(server))
  const port = portOf(server)
  const send = clientOf(port, tls?.cert)
  return { shop, port, events, limits, send, ask: asker(send), sql: sqlOn(database) }
}

function asker(send: TestShop['send']): TestShop['ask'] {
  return async <T>(method: string, path: string, body?: unknown, headers: Record<string, string> = {}) => {
    const answer = await send({
      method,
      path: path.replaceAll(' ', '%20'),
      headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
    const { status, text } = answer
    const type = answer.headers['content-type'] ?? ''
    return { status, type, text, json: (type.includes('json') ? JSON.parse(text) : undefined) as T }
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
