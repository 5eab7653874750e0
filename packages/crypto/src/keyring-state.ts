import { type Clock, emit, type EventSink, isSecurityError } from '@mosaajii/core'
import { fromBase64url } from './base64url.ts'
import type { Engine } from './engines/engine.ts'
import { cryptoError } from './errors.ts'
import type { KeyPurpose } from './key-provider.ts'
import { maxDocumentLength } from './key-store.ts'
import type { KeyringCore } from './keyring-core.ts'
import {
  type FieldEntry,
  fieldKey,
  hasField,
  type KeyEntry,
  type KeyringDocument,
  type KeyVersion,
  maxEntries,
  mergedField,
  versionsAt,
  withFields,
} from './keyring-document.ts'
import type { Settings } from './keyring-settings.ts'
import { type DataKey, type IndexRoot, OpenedKeys } from './opened-keys.ts'
import { createKeyring } from './rotation.ts'
import { type DocumentChange, pause, StoredDocument } from './stored-document.ts'
import { type HeldKey, holdKey } from './unwrap-cache.ts'

const soonMs = 1000
const unwrapsAtOnce = 16
/** How much of the document fields may take, in characters; the rest is for keys. */
const maxFieldsLength: number = maxDocumentLength / 2

interface ActiveKeys {
  readonly data: DataKey
  readonly index: IndexRoot
  /** Milliseconds since 1970: when they must be chosen again. */
  readonly until: number
}

/** The living part of a keyring: its document, its open keys, and the clockwork that keeps them fresh. */
export class KeyringState implements KeyringCore {
  readonly settings: Settings
  /** Fields that are defined here and not in the document yet. */
  readonly #fields = new Map<string, FieldEntry>()
  /** Their length as text. */
  #fieldsLength = 0
  readonly #stored: StoredDocument
  #keys: OpenedKeys | undefined
  #generation = 0
  #refreshedAt = Number.NEGATIVE_INFINITY
  #ticksSinceRefresh = 0
  #timer: ReturnType<typeof setInterval> | undefined
  #refreshing: Promise<void> | undefined
  #queued: Promise<void> | undefined
  #soon: Promise<void> | undefined
  #soonAllowedAt = 0
  #recording: Promise<void> | undefined
  #closed = false
  #active: ActiveKeys | undefined

  constructor(settings: Settings) {
    this.settings = settings
    this.#stored = new StoredDocument(settings, () => ({
      generation: this.#generation,
      document: this.#keys?.document,
    }))
  }

  get id(): string {
    return this.settings.id
  }

  get engine(): Engine {
    return this.settings.engine
  }

  get clock(): Clock {
    return this.settings.clock
  }

  get events(): EventSink {
    return this.settings.events
  }

  get document(): KeyringDocument {
    return this.#opened().document
  }

  /** Reads or makes the document, opens its keys, and starts the timer. */
  async start(): Promise<void> {
    if (await this.#stored.exists()) await this.refresh()
    else await this.#create()
    this.#timer = setInterval(() => this.#tick(), this.settings.refresh)
    unref(this.#timer)
  }

  /** Reads the store, beginning now or later: a reading under way may have missed what the caller just wrote. */
  async refresh(): Promise<void> {
    if (this.#queued) return this.#queued
    if (!this.#refreshing) return this.#startRefresh()
    this.#queued = this.#refreshing
      .catch(() => undefined)
      .then(async () => {
        this.#queued = undefined
        return this.#startRefresh()
      })
    return this.#queued
  }

  async refreshSoon(): Promise<void> {
    this.#soon ??= this.#refreshWhenAllowed().finally(() => {
      this.#soon = undefined
    })
    return this.#soon
  }

  sealingKey(): DataKey {
    return this.#activeKeys().data
  }

  dataKey(version: number): DataKey | 'destroyed' | undefined {
    return this.#opened().data(version)
  }

  activeDataVersion(): number {
    return this.#opened().activeAt('data', this.#now()).version
  }

  indexRoots(): readonly IndexRoot[] {
    return this.#opened().indexRoots
  }

  activeIndexRoot(): IndexRoot {
    return this.#activeKeys().index
  }

  activeIndexVersion(): number {
    return this.#opened().activeAt('index', this.#now()).version
  }

  versions(purpose: KeyPurpose): readonly KeyVersion[] {
    return versionsAt(this.document, purpose, this.#now())
  }

  register(entry: FieldEntry): void {
    const { document } = this
    if (hasField(document, entry)) return
    const waiting = this.#fields.get(fieldKey(entry))
    const length = JSON.stringify(entry).length + 1
    const full = !waiting && document.fields.length + this.#fields.size >= maxEntries
    if (full || lengthOf(document.fields) + this.#fieldsLength + length > maxFieldsLength)
      throw new RangeError(`keyring: '${this.id}' has no room for more fields; keep them in another keyring`)
    this.#fields.set(fieldKey(entry), mergedField(entry, waiting))
    this.#fieldsLength += length
    // Best effort now; every refresh tries again, and sealing stops when refreshing fails for two intervals.
    this.#recording ??= Promise.resolve()
      .then(async () => this.#recordFields())
      .finally(() => {
        this.#recording = undefined
      })
    this.#recording.catch(() => undefined)
  }

  async recorded(): Promise<void> {
    await this.#recording?.catch(() => undefined)
    await this.#recordFields()
  }

  /** Changes the document by compare-and-swap; see {@link StoredDocument.change}. */
  async change(change: DocumentChange): Promise<{ document: KeyringDocument; changed: boolean }> {
    return this.#stored.change(change)
  }

  close(): void {
    this.#closed = true
    clearInterval(this.#timer)
    this.#keys?.close()
    this.#active = undefined
  }

  async #create(): Promise<void> {
    const held = await createKeyring(this.settings, async (document) => this.#stored.write(document, 0))
    try {
      // Opened while the keys are held, so that the provider is not asked a second time.
      await this.refresh()
    } finally {
      for (const key of held) key.release()
    }
  }

  async #startRefresh(): Promise<void> {
    this.#refreshing = this.#refresh().finally(() => {
      this.#refreshing = undefined
    })
    return this.#refreshing
  }

  async #refresh(): Promise<void> {
    // Taken before the reading: what another instance publishes meanwhile may be missed.
    const startedAt = this.#now()
    const ticksBefore = this.#ticksSinceRefresh
    this.#checkOpen()
    let { document, generation } = await this.#stored.read()
    if (document.refresh < this.settings.refresh || this.#unrecorded(document).length > 0) {
      await this.change((current) => this.#withFields(current))
      ;({ document, generation } = await this.#stored.read())
    }
    await this.#adopt(document, generation)
    this.#refreshedAt = startedAt
    this.#ticksSinceRefresh -= ticksBefore
    this.#active = undefined
  }

  async #adopt(document: KeyringDocument, generation: number): Promise<void> {
    this.#keys ??= new OpenedKeys(this.engine, document)
    const held = new Map<KeyEntry, HeldKey>()
    try {
      await this.#holdAll(this.#keys.missing(document), held)
      this.#checkOpen()
    } catch (error) {
      for (const key of held.values()) key.release()
      throw error
    }
    if (generation < this.#generation) {
      for (const key of held.values()) key.release()
      return
    }
    this.#generation = generation
    // Before the keys change: what is chosen from here on is chosen from the new ones, and nothing seals with a key that is being closed.
    this.#active = undefined
    this.#keys.adopt(document, held)
    for (const [key, entry] of this.#fields) if (hasField(document, entry)) this.#fields.delete(key)
    this.#fieldsLength = this.#fields.size > 0 ? JSON.stringify([...this.#fields.values()]).length : 0
  }

  /** Some at a time, so that their times do not add up, and none after the first that fails: a damaged document must not keep the provider busy. */
  async #holdAll(entries: readonly KeyEntry[], held: Map<KeyEntry, HeldKey>): Promise<void> {
    const waiting = [...entries]
    let failed = false
    const worker = async () => {
      for (let entry = waiting.shift(); entry && !failed && !this.#closed; entry = waiting.shift())
        held.set(entry, await this.#hold(entry))
    }
    const workers = Array.from({ length: unwrapsAtOnce }, async () =>
      worker().catch((error: unknown) => {
        failed = true
        throw error
      }),
    )
    const failure = (await Promise.allSettled(workers)).find(({ status }) => status === 'rejected')
    if (failure?.status === 'rejected') throw failure.reason
  }

  async #hold(entry: KeyEntry): Promise<HeldKey> {
    const { provider, deadline, events, clock, id } = this.settings
    const context = { keyring: id, purpose: entry.purpose, version: entry.version }
    const wrapped = fromBase64url(entry.wrapped ?? '')
    if (!wrapped) throw cryptoError('KEY_STORE_FAILED', `a wrapped key of keyring '${id}' is damaged`, { status: 503 })
    return holdKey({ provider, context, wrapped, deadline, events, clock })
  }

  /** The keys that seal now: one comparison with the time until which the last choice holds. */
  #activeKeys(): ActiveKeys {
    const now = this.#now()
    const active = this.#active
    if (active && now < active.until && now >= this.#refreshedAt && this.#ticksSinceRefresh <= 2) return active
    return this.#chooseActiveKeys(now)
  }

  #chooseActiveKeys(now: number): ActiveKeys {
    const keys = this.#opened()
    const freshUntil = this.#refreshedAt + 2 * this.settings.refresh
    if (now >= freshUntil || this.#ticksSinceRefresh > 2) {
      this.refreshSoon().catch(() => undefined)
      const message = `the keyring '${this.id}' was not refreshed for two intervals, so it seals no more: its store did not answer, or the event loop was never free (give it a turn in loops over a synchronous driver)`
      throw cryptoError('KEYRING_STALE', message, { status: 503 })
    }
    const [forData, forIndex] = [keys.activeAt('data', now), keys.activeAt('index', now)]
    const data = keys.data(forData.version)
    const index = keys.indexRoot(forIndex.version)
    if (typeof data !== 'object') throw this.#clockBehind('data')
    if (!index) throw this.#clockBehind('index')
    this.#active = { data, index, until: Math.min(forData.until, forIndex.until, freshUntil) }
    return this.#active
  }

  /** No version is active: the clock was set back behind the start of the oldest one that was not destroyed. */
  #clockBehind(purpose: KeyPurpose): Error {
    return cryptoError(
      'KEYRING_STALE',
      `no ${purpose} key of '${this.id}' is active at this time; set the clock right`,
      { status: 503 },
    )
  }

  #tick(): void {
    this.#ticksSinceRefresh++
    this.refresh().catch((error: unknown) => {
      if (this.#closed) return
      const code = isSecurityError(error) ? error.code : 'UNKNOWN'
      emit(this.events, 'keyring.refreshFailed', { keyring: this.id, code }, this.clock)
    })
  }

  /** At most one reading a second, however many unknown versions an attacker sends. */
  async #refreshWhenAllowed(): Promise<void> {
    const wait = this.#soonAllowedAt - performance.now()
    if (wait > 0) await pause(wait)
    this.#soonAllowedAt = performance.now() + soonMs
    await this.refresh()
  }

  async #recordFields(): Promise<void> {
    this.#checkOpen()
    if (this.#unrecorded(this.document).length === 0) return
    await this.change((document) => this.#withFields(document))
    await this.refresh()
  }

  #unrecorded(document: KeyringDocument): readonly FieldEntry[] {
    return [...this.#fields.values()].filter((entry) => !hasField(document, entry))
  }

  #withFields(document: KeyringDocument): KeyringDocument | undefined {
    const added = this.#unrecorded(document)
    const refresh = Math.max(document.refresh, this.settings.refresh)
    if (added.length === 0 && refresh === document.refresh) return undefined
    return { ...withFields(document, added), refresh }
  }

  /** Without a time there is no telling which key is active. */
  #now(): number {
    const now: unknown = this.settings.clock.now()
    if (typeof now === 'number' && Number.isFinite(now)) return now
    throw cryptoError('KEYRING_STALE', `the clock of keyring '${this.id}' gives no time in milliseconds`, {
      status: 503,
    })
  }

  #opened(): OpenedKeys {
    this.#checkOpen()
    if (!this.#keys) throw cryptoError('KEYRING_CLOSED', `the keyring '${this.id}' is not open yet`)
    return this.#keys
  }

  #checkOpen(): void {
    if (this.#closed) throw cryptoError('KEYRING_CLOSED', `the keyring '${this.id}' was closed`)
  }
}

const lengths = new WeakMap<readonly FieldEntry[], number>()

/** The length of fields as text; of a document's list it is counted once. */
function lengthOf(fields: readonly FieldEntry[]): number {
  const length = lengths.get(fields) ?? JSON.stringify(fields).length
  lengths.set(fields, length)
  return length
}

/** On Node, Bun and Deno a running timer would keep the process alive. */
function unref(timer: unknown): void {
  ;(timer as { unref?: () => void }).unref?.()
}
