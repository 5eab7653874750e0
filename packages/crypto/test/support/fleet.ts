import {
  type Keyring,
  type KeyringOptions,
  type KeyStore,
  memoryKeyStore,
  openKeyring,
  type SealedSource,
  type SourceColumns,
  type SourceRow,
  type StoredKeyring,
} from '@mosaajii/crypto'
import { type RecordingSink, recordingSink, type SettableClock, settableClock } from '@mosaajii/core/testing'
import { gate, type WatchedProvider, watchedProvider } from './providers.ts'

/** The keyring's document as the tests take it apart. */
export interface PlainDocument {
  format: number
  keyring: string
  refresh: number
  keys: {
    purpose: string
    version: number
    createdAt: number
    activeAt: number
    destroyedAt?: number
    provider: string
    wrapped?: string
  }[]
  fields: {
    use: string
    tenant?: string
    table: string
    column: string
    schema?: string
    ttl?: number
    indexes?: string[]
  }[]
}

/** A store whose calls a test can count, stop and falsify. */
export interface WatchedStore extends KeyStore {
  readonly reads: number
  /** The documents that were written. */
  readonly written: readonly string[]
  /** While set, every call rejects with this error. */
  failWith(error: Error | undefined): void
  /** Reads return what this makes of the truth. */
  falsify(change: ((stored: StoredKeyring | undefined) => unknown) | undefined): void
  /** Before each write; it may wait, throw, or let another writer be first. */
  beforeWrite(hook: (() => Promise<void> | void) | undefined): void
  document(keyring?: string): Promise<PlainDocument>
}

export function watchedStore(inner: KeyStore = memoryKeyStore()): WatchedStore {
  let reads = 0
  const written: string[] = []
  let failure: Error | undefined
  let lie: ((stored: StoredKeyring | undefined) => unknown) | undefined
  let before: (() => Promise<void> | void) | undefined
  return {
    get reads() {
      return reads
    },
    written,
    failWith: (error) => {
      failure = error
    },
    falsify: (change) => {
      lie = change
    },
    beforeWrite: (hook) => {
      before = hook
    },
    async document(keyring = 'main') {
      return JSON.parse((await inner.read(keyring))?.document ?? 'null') as PlainDocument
    },
    async read(keyring) {
      reads++
      if (failure) throw failure
      const stored = await inner.read(keyring)
      return lie ? (lie(stored) as StoredKeyring | undefined) : stored
    },
    async write(keyring, document, after) {
      await before?.()
      if (failure) throw failure
      const won = await inner.write(keyring, document, after)
      if (won) written.push(document)
      return won
    },
  }
}

/** Several instances of one application: they share the store, the provider and the clock, and each has its own keyring. */
export interface Fleet {
  readonly clock: SettableClock
  readonly store: WatchedStore
  readonly provider: WatchedProvider
  readonly events: RecordingSink
  /** Opens one more instance. */
  open(options?: Partial<KeyringOptions>): Promise<Keyring>
  /** Waits until the new version of a rotation is active in each of these instances, refreshing them on the way. */
  pass(ms: number, ...instances: readonly Keyring[]): Promise<void>
  closeAll(): void
}

export function fleet(shared: Partial<KeyringOptions> & { store?: KeyStore } = {}): Fleet {
  const clock = settableClock()
  const store = watchedStore(shared.store)
  const provider = watchedProvider()
  const events = recordingSink()
  const instances: Keyring[] = []
  return {
    clock,
    store,
    provider,
    events,
    async open(options = {}) {
      const keyring = await openKeyring({ provider, events, clock, ...shared, store, ...options })
      instances.push(keyring)
      return keyring
    },
    async pass(ms, ...some) {
      clock.advance(ms)
      for (const keyring of some) await keyring.refresh()
    },
    closeAll: () => {
      for (const keyring of instances) keyring.close()
    },
  }
}

export const minute = 60_000

/** The error that a promise rejected with; fails the test when it did not. */
export async function rejection(work: Promise<unknown>): Promise<Error & { code?: string; status?: number }> {
  const outcome = await work.then(
    () => undefined,
    (error: unknown) => ({ error }),
  )
  if (!outcome) throw new Error('it did not fail')
  return outcome.error as Error & { code?: string; status?: number }
}

/** A table in memory. Its rows are what a test puts there. */
export interface RowsSource extends SealedSource {
  readonly rows: { key: string | number; columns: Record<string, string | null> }[]
  /** Called before each page. */
  beforePage(hook: (() => Promise<void> | void) | undefined): void
}

export function rowsSource(rows: RowsSource['rows'] = []): RowsSource {
  let before: (() => Promise<void> | void) | undefined
  return {
    rows,
    beforePage: (hook) => {
      before = hook
    },
    async page(after, limit, columns): Promise<readonly SourceRow[]> {
      await before?.()
      const start = after === undefined ? 0 : rows.findIndex(({ key }) => key === after) + 1
      return rows.slice(start, start + limit).map((row) => ({
        key: row.key,
        columns: Object.fromEntries(columns.map((name) => [name, row.columns[name]])) as SourceColumns,
      }))
    },
    update: async () => false,
  }
}

export { gate }
