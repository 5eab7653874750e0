import { checkOptions } from '@mosaajii/core'
import { type CursorStore, maxCursorLength, memoryCursor } from './cursors.ts'
import type { ColumnSpecs } from './columns.ts'
import { cryptoError } from './errors.ts'
import { coreOfKeyring } from './keyring-core.ts'
import type { Keyring } from './keyring.ts'
import { maxPasses, nameOf, type Position, readPosition, writePosition } from './reencrypt-position.ts'
import { planRow, type RowChange, type RowOutcome } from './rewrite-row.ts'
import type { RowKey, SealedSource, SourceRow } from './sealed-source.ts'
import { type AnySealedTable, FieldTable } from './table.ts'

/** What re-encryption needs. */
export interface ReencryptOptions {
  readonly keyring: Keyring
  /** The table's fields, made by `keyring.table()`. */
  readonly table: AnySealedTable
  /** The table's rows, for example `kyselySource(db, { table: 'customers', row: 'id' })`. */
  readonly source: SealedSource
  /**
   * Where it remembers how far it came. Default: in memory, so an interrupted run begins anew. A run that goes on from a cursor still ends
   * with one pass over the whole table, so that an old or forged cursor hides nothing.
   */
  readonly cursor?: CursorStore
  /** Rows a page, 1 to 10,000. Default 200. The cursor is saved after each. */
  readonly batch?: number
  /** Stops between two rows; the cursor is saved after each batch, so the next run goes on. */
  readonly signal?: AbortSignal
}

/** A position in a pass of this run. */
interface Place extends Position {
  /** Whether this run saw the pass from its beginning and has found nothing stale. */
  readonly clean: boolean
  /** The key versions that the rows were compared with; another target means another pass. */
  readonly target: string
}

/** How far re-encryption came, after each batch and at the end. The numbers are of this run. */
export interface ReencryptProgress {
  /** 1 for the first pass over the table. Passes repeat until one finds nothing stale. */
  readonly pass: number
  readonly scanned: number
  readonly rewritten: number
  /** Rows that someone else changed again and again, or deleted meanwhile; the next pass takes what there is then. */
  readonly conflicts: number
  /** Rows with a value that does not open; they are left as they are. At most 1000 are listed. */
  readonly unreadable: readonly { readonly row: RowKey; readonly column: string }[]
  /** How many rows have such a value, those included that are not listed. */
  readonly unreadableCount: number
  readonly done: boolean
}

const maxListed = 1000
const rereads = 3
const rewritten: RowOutcome = { kind: 'rewritten' }
/** How long rows are rewritten without a turn for anyone else. */
const breathMs = 10

/**
 * Seals a table's stale rows again under the active key, while the application goes on working. One UPDATE a row carries all its sealed
 * fields and index tokens, and names every old ciphertext in its WHERE, so that a change that happens meanwhile is never overwritten.
 * It may be killed at any moment, and run by several instances at once (each with a cursor of its own).
 *
 * @throws {TypeError | RangeError} for options that are none.
 * @throws {CryptoError} `REENCRYPTION_STOPPED` when a hundred passes still find stale rows, or when the source or the cursor fails.
 * @example
 * for await (const { scanned, rewritten } of reencrypt({ keyring, table: customers, source, cursor })) {
 *   console.log(`${rewritten} of ${scanned}`)
 * }
 */
export function reencrypt(options: ReencryptOptions): AsyncGenerator<ReencryptProgress, void, undefined> {
  checkOptions(options, 'reencrypt', ['keyring', 'table', 'source', 'cursor', 'batch', 'signal'])
  const { keyring, table, source, cursor = memoryCursor(), batch = 200, signal } = options
  if (!(table instanceof FieldTable)) throw new TypeError('reencrypt: table is made by keyring.table()')
  if (FieldTable.coreOf(table as FieldTable<string, ColumnSpecs>) !== coreOfKeyring.get(keyring ?? {}))
    throw new TypeError('reencrypt: the table is of another keyring')
  checkMethods(source, ['page', 'update'], 'source reads and updates the rows; kyselySource() makes one')
  checkMethods(cursor, ['load', 'save', 'clear'], 'cursor is a store; memoryCursor() and fileCursor() make one')
  if (signal !== undefined) checkMethods(signal, ['throwIfAborted'], 'signal is an AbortSignal')
  if (!Number.isInteger(batch) || batch < 1 || batch > 10_000)
    throw new RangeError('reencrypt: batch is 1 to 10000 rows')
  return run(new Run(table, source, batch, signal), cursor)
}

function checkMethods(value: object, names: readonly string[], what: string): void {
  const methods = (value ?? {}) as Readonly<Record<string, unknown>>
  if (!names.every((name) => typeof methods[name] === 'function')) throw new TypeError(`reencrypt: ${what}`)
}

async function* run(work: Run, cursor: CursorStore): AsyncGenerator<ReencryptProgress, void, undefined> {
  const name = await work.name()
  let place = work.start(await cursor.load(), name)
  while (place.pass <= maxPasses) {
    const page = await work.page(place)
    if (page.length > 0) {
      place = await work.rewrite(place, page)
      const position = writePosition(place, name)
      // A row key that is too long for a cursor costs the next run some time.
      if (position.length <= maxCursorLength) await cursor.save(position)
      yield work.progress(place.pass, false)
    } else if (work.isClean(place)) {
      await cursor.clear()
      yield work.progress(place.pass, true)
      return
    } else {
      place = work.nextPass(place)
    }
  }
  // So that the next run makes passes of its own.
  await cursor.clear()
  throw cryptoError(
    'REENCRYPTION_STOPPED',
    `reencrypt: ${maxPasses} passes over '${work.table.name}' still found stale rows`,
    { status: 503 },
  )
}

/** One run over a table and what it counted. */
class Run {
  readonly table: FieldTable<string, ColumnSpecs>
  readonly #source: SealedSource
  readonly #batch: number
  readonly #signal: AbortSignal | undefined
  readonly #columns: readonly string[]
  #breathedAt = performance.now()
  #scanned = 0
  #rewritten = 0
  #conflicts = 0
  #unreadable: { row: RowKey; column: string }[] = []
  #unreadableCount = 0

  constructor(table: object, source: SealedSource, batch: number, signal: AbortSignal | undefined) {
    this.table = table as FieldTable<string, ColumnSpecs>
    this.#source = source
    this.#batch = batch
    this.#signal = signal
    this.#columns = this.table.columns.flatMap(({ name, index }) => (index ? [name, index.column] : [name]))
  }

  /** What a cursor of this work is called. */
  async name(): Promise<string> {
    const place = this.table.columns[0]?.field.checked.place
    return nameOf(FieldTable.coreOf(this.table).id, place?.tenant, place?.schema, this.table.name)
  }

  /** The beginning, or where an earlier run was; whether that one had found nothing stale is not asked. */
  start(cursor: string | undefined, name: string): Place {
    const target = this.#target()
    if (cursor === undefined) return { pass: 1, after: undefined, clean: true, target }
    return { ...readPosition(cursor, name, this.table.name), clean: false, target }
  }

  /** What could not be read is listed once for each pass. */
  nextPass({ pass }: Place): Place {
    this.#unreadable = []
    this.#unreadableCount = 0
    return { pass: pass + 1, after: undefined, clean: true, target: this.#target() }
  }

  /** A pass that saw every row, under one target, and found nothing stale. */
  isClean({ clean, target }: Place): boolean {
    return clean && target === this.#target()
  }

  async page({ after }: Place): Promise<readonly SourceRow[]> {
    this.#signal?.throwIfAborted()
    return this.#source.page(after, this.#batch, this.#columns)
  }

  /** Rewrites the stale rows of a page. */
  async rewrite({ pass, after, clean, target }: Place, page: readonly SourceRow[]): Promise<Place> {
    const now = this.#target()
    let stillClean = clean && target === now
    let before = after
    for (const row of page) {
      this.#signal?.throwIfAborted()
      const plan = planRow(this.table, row)
      const outcome = plan.kind === 'change' ? await this.#apply(plan, row, before) : plan
      this.#count(outcome, row.key)
      if (outcome.kind === 'rewritten' || outcome.kind === 'conflict') stillClean = false
      before = row.key
    }
    return { pass, after: before, clean: stillClean, target: now }
  }

  /** With a driver that answers at once, a page would keep timers waiting, the keyring's own refresh among them. */
  async #breathe(): Promise<void> {
    await new Promise<void>((resolve) => {
      // A timer alone may keep Node among its timers; an immediate lets it look at everything once.
      if (typeof setImmediate === 'function') setImmediate(resolve)
      else setTimeout(resolve, 0)
    })
    this.#breathedAt = performance.now()
  }

  progress(pass: number, done: boolean): ReencryptProgress {
    return {
      pass,
      scanned: this.#scanned,
      rewritten: this.#rewritten,
      conflicts: this.#conflicts,
      unreadable: [...this.#unreadable],
      unreadableCount: this.#unreadableCount,
      done,
    }
  }

  /**
   * The key versions that rows are rewritten to.
   *
   * @throws {CryptoError} `KEYRING_STALE`: an instance that may have missed a rotation must not say that all rows are on the newest key.
   */
  #target(): string {
    const core = FieldTable.coreOf(this.table)
    return `${core.sealingKey().version}/${core.activeIndexRoot().version}`
  }

  /** Zero rows updated means that the row has changed: it is read again, and what stands there now is looked at anew. */
  async #apply(change: RowChange, row: SourceRow, before: RowKey | undefined): Promise<RowOutcome> {
    if (performance.now() - this.#breathedAt > breathMs) await this.#breathe()
    let next = change
    for (let attempt = 0; ; attempt++) {
      if (await this.#source.update(row.key, next.expected, next.set)) return rewritten
      const [reread]: readonly SourceRow[] = await this.#source.page(before, 1, this.#columns)
      if (attempt === rereads || reread?.key !== row.key) return { kind: 'conflict' }
      const plan = planRow(this.table, reread)
      if (plan.kind !== 'change') return plan
      next = plan
    }
  }

  #count(outcome: RowOutcome, row: RowKey): void {
    this.#scanned++
    if (outcome.kind === 'rewritten') this.#rewritten++
    if (outcome.kind === 'conflict') this.#conflicts++
    if (outcome.kind !== 'unreadable') return
    this.#unreadableCount++
    if (this.#unreadable.length < maxListed) this.#unreadable.push({ row, column: outcome.column })
  }
}
