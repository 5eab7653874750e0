import { randomUUID } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Libsql from 'libsql'
import type { FrameworkName } from '../http/framework.ts'
import type { Seeded } from '../seed.ts'
import { must } from './client.ts'
import { type ServerChild, startChild } from './server-child.ts'

/** What a customer must open as. */
export interface Expected {
  readonly name: string
  readonly email: string
  readonly phone: string | null
}

/** A row of sealed values as the database file holds it. */
export interface StoredRow {
  readonly id: string
  readonly name: string
  readonly email: string
  readonly email_index: string
  readonly phone: string | null
}

/** How much a shop is filled with. */
export interface SeedSize {
  readonly customers: number
  readonly payments: number
}

/** The tour sends more at once than any till. Two of its steps look at the limits, in a shop that has those of the manual. */
const wideLimits = { POS_GLOBAL_LIMIT: '1000000', POS_API_LIMIT: '1000000' }

/** What the steps of the tour share: a data folder, the server over it, and what the server must know. */
export class World {
  readonly folder: string
  readonly framework: FrameworkName
  readonly size: SeedSize
  /** Every customer that was created, as they must open now. */
  readonly expected: Map<string, Expected> = new Map()
  seeded: Seeded = { customers: [], payments: [] }
  #child: ServerChild | undefined
  #printed = ''

  readonly #redis: string

  /** @param redis the address of a Redis that counts for the limits; empty: they are counted in memory. */
  constructor(folder: string, framework: FrameworkName, size: SeedSize, redis = '') {
    this.folder = folder
    this.framework = framework
    this.size = size
    this.#redis = redis
  }

  get child(): ServerChild {
    if (!this.#child) throw new Error('the server has not been started')
    return this.#child
  }

  /** Starts the server over the same data folder, as after a crash or a deployment. */
  async start(env: Readonly<Record<string, string>> = {}): Promise<ServerChild> {
    this.#child = await this.#startIn(this.folder, { ...wideLimits, ...env })
    return this.#child
  }

  /** Runs another shop with the limits that `npm start` has, over a folder of its own, and ends it after the work. */
  async aside<T>(work: (child: ServerChild) => Promise<T>): Promise<T> {
    const folder = await mkdtemp(join(tmpdir(), 'pos-tour-aside-'))
    let child: ServerChild | undefined
    try {
      child = await this.#startIn(folder, {})
      return await work(child)
    } finally {
      await child?.kill()
      await rm(folder, { recursive: true, force: true, maxRetries: 3 })
    }
  }

  #startIn(folder: string, env: Readonly<Record<string, string>>): Promise<ServerChild> {
    // A rotated key becomes active after two refresh intervals. Each start has counters of its own, also on Redis.
    const settings = {
      PORT: '0',
      POS_DATA: folder,
      POS_SEED: '0',
      POS_REFRESH_MS: '2000',
      POS_REDIS: this.#redis,
      POS_REDIS_PREFIX: `tour-${randomUUID()}`,
    }
    return startChild([`--framework=${this.framework}`], { ...settings, ...env })
  }

  /** Ends the server at once: SIGKILL. */
  async kill(): Promise<void> {
    const child = this.#child
    if (!child) return
    this.#child = undefined
    await child.kill()
    this.#printed += child.printed()
  }

  /** Everything that any of the servers has printed. */
  printed(): string {
    return this.#printed + (this.#child?.printed() ?? '')
  }

  /** Creates a customer through the API and remembers how it must open. */
  async create(customer: Expected): Promise<string> {
    const { id } = await must<{ id: string }>(201, this.child.origin, 'POST', '/customers', customer)
    this.expected.set(id, customer)
    return id
  }

  /** Runs SQL on the database file, past the server: what a thief or a careless administrator could do. */
  sql<Row>(statement: string, ...values: readonly (string | null)[]): Row[] {
    const db = new Libsql(join(this.folder, 'shop.db'), { timeout: 5000 })
    try {
      const prepared = db.prepare(statement)
      if (prepared.reader) return prepared.all([...values]) as Row[]
      prepared.run([...values])
      return []
    } finally {
      db.close()
    }
  }

  /** The sealed columns of every customer. */
  storedRows(): StoredRow[] {
    return this.sql('select id, name, email, email_index, phone from customers order by id')
  }

  /** The bytes of every file in the data folder except the local provider's secret, by name. */
  files(): Map<string, Buffer> {
    const names = readdirSync(this.folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
    const paths = names.map((entry) => join(entry.parentPath, entry.name)).filter((path) => !path.endsWith('/secret'))
    return new Map(paths.map((path) => [path.slice(this.folder.length + 1), readFileSync(path)]))
  }
}

/** The key versions that the sealed values of a row name in their public headers: bytes 2 to 5. */
export function versionsIn({ name, email, phone }: StoredRow): number[] {
  const sealed = [name, email, phone].filter((value) => value !== null)
  return sealed.map((value) => Buffer.from(value.slice(0, 8), 'base64url').readUInt32BE(2))
}
