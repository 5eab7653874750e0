import { isSecurityError } from '@mosaajii/core'
import { type Keyring, reencrypt, type SealedSource } from '@mosaajii/crypto'
import { kyselySource, sqlCursor } from '@mosaajii/crypto/sql'
import { countRows, type ShopDatabase } from './database.ts'
import { codeOf, ShopError } from './errors.ts'
import type { SealedTables } from './sealed-tables.ts'
import { rest, turn } from './turn.ts'

/** The tables that hold sealed values, in the order in which they are re-encrypted. */
export const sealedTableNames = ['customers', 'payments'] as const

/** The name of a table with sealed values. */
export type SealedTableName = (typeof sealedTableNames)[number]

/** How far the work in one table is. The numbers are of this run: one that goes on from a cursor scans less. */
export interface TableProgress {
  /** How many rows the table had when the run began. */
  readonly rows: number
  readonly pass: number
  readonly scanned: number
  readonly rewritten: number
  readonly conflicts: number
  readonly unreadable: number
  readonly done: boolean
}

/** How far the whole work is. */
export interface ReencryptionStatus {
  readonly state: 'idle' | 'running' | 'done' | 'stopped' | 'failed'
  /** Whether it went on from a saved cursor. */
  readonly resumed: boolean
  /** The code of the error that ended it, when it failed. */
  readonly code?: string
  readonly tables: Readonly<Partial<Record<SealedTableName, TableProgress>>>
}

/** Moves every row to the newest keys, in the background, while the shop works. */
export interface Reencryption {
  /** @throws {ShopError} `REENCRYPTION_RUNNING`. */
  start(): Promise<ReencryptionStatus>
  status(): ReencryptionStatus
  /** Whether a process ended in the middle: a cursor is still there. */
  interrupted(): Promise<boolean>
  /** Ends the work; the next start goes on after the last whole batch. */
  stop(): Promise<void>
}

/** What {@link reencryption} is made of. */
export interface ReencryptionOptions {
  readonly db: ShopDatabase
  readonly keyring: Keyring
  readonly tables: SealedTables
  /** Rows that are read at once. */
  readonly batch: number
  /** Milliseconds of rest after each batch, so that the shop's requests come first. */
  readonly pause: number
}

/** Makes the shop's re-encryption; the places to which it comes are kept in the database, one cursor a table. */
export async function reencryption(options: ReencryptionOptions): Promise<Reencryption> {
  const { db } = options
  const cursors = { customers: sqlCursor({ db, name: 'customers' }), payments: sqlCursor({ db, name: 'payments' }) }
  await cursors.customers.migrate()
  let status: ReencryptionStatus = { state: 'idle', resumed: false, tables: {} }
  let running: Promise<void> | undefined
  let stopping = new AbortController()

  const interrupted = async (): Promise<boolean> => {
    const saved = await Promise.all(sealedTableNames.map((name) => cursors[name].load()))
    return saved.some((cursor) => cursor !== undefined)
  }

  const report = (name: SealedTableName, progress: TableProgress): void => {
    status = { ...status, tables: { ...status.tables, [name]: progress } }
  }

  const work = async (name: SealedTableName, signal: AbortSignal): Promise<void> => {
    const { keyring, tables, batch, pause } = options
    const source = yielding(kyselySource(db, { table: name, row: 'id' }))
    const rows = await countRows(db, name)
    const progress = reencrypt({ keyring, table: tables[name], source, cursor: cursors[name], batch, signal })
    for await (const { pass, scanned, rewritten, conflicts, unreadableCount: unreadable, done } of progress) {
      report(name, { rows, pass, scanned, rewritten, conflicts, unreadable, done })
      if (pause > 0) await rest(pause)
    }
  }

  const workAll = async (signal: AbortSignal): Promise<void> => {
    try {
      for (const name of sealedTableNames) await patiently(() => work(name, signal), signal)
      status = { ...status, state: 'done' }
    } catch (error) {
      status = signal.aborted ? { ...status, state: 'stopped' } : { ...status, state: 'failed', code: codeOf(error) }
    }
  }

  return {
    start: async () => {
      if (status.state === 'running') throw new ShopError('REENCRYPTION_RUNNING', 'the re-encryption is running')
      status = { state: 'running', resumed: false, tables: {} }
      stopping = new AbortController()
      status = { ...status, resumed: await interrupted() }
      running = workAll(stopping.signal)
      return status
    },
    status: () => status,
    interrupted,
    stop: async () => {
      stopping.abort()
      await running
    },
  }
}

const attempts = 10

/** 503 is "not now", such as a key store that did not answer in time: the work goes on from its cursor a moment later. */
async function patiently(work: () => Promise<void>, signal: AbortSignal): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work()
    } catch (error) {
      const later = isSecurityError(error) && error.status === 503 && attempt < attempts && !signal.aborted
      if (!later) throw error
      await rest(500)
    }
  }
}

/** A source that lets everything else have its turn after each row that it writes. */
function yielding(source: SealedSource): SealedSource {
  return {
    page: (after, limit, columns) => source.page(after, limit, columns),
    update: async (key, expected, set) => {
      await turn()
      return source.update(key, expected, set)
    },
  }
}
