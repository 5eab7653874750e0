import { type CursorStore, memoryCursor } from './cursors.ts'
import { cryptoError } from './errors.ts'
import type { Keyring } from './keyring.ts'
import { checkOptions } from './options.ts'
import { type Position, readPosition, writePosition } from './reencrypt-position.ts'
import { rewriteRow, type RowOutcome } from './rewrite-row.ts'
import type { RowKey, SealedSource, SourceRow } from './sealed-source.ts'
import { type AnySealedTable, FieldTable } from './table.ts'

/** What re-encryption needs. */
export interface ReencryptOptions {
  readonly keyring: Keyring
  /** The table's fields, made by `keyring.table()`. */
  readonly table: AnySealedTable
  /** The table's rows, for example `kyselySource(db, { table: 'customers', row: 'id' })`. */
  readonly source: SealedSource
  /** Where it remembers how far it came. Default: in memory, so an interrupted run begins anew. */
  readonly cursor?: CursorStore
  /** Rows a page, 1 to 10,000. Default 200. The cursor is saved after each. */
  readonly batch?: number
  /** Stops between two rows; the cursor is saved after each batch, so the next run goes on. */
  readonly signal?: AbortSignal
}

/** How far re-encryption came, after each batch and at the end. The numbers are of this run. */
export interface ReencryptProgress {
  /** 1 for the first pass over the table. Passes repeat until one finds nothing stale. */
  readonly pass: number
  readonly scanned: number
  readonly rewritten: number
  /** Rows that someone else changed again and again; the next pass takes them. */
  readonly conflicts: number
  /** Rows with a value that does not open; they are left as they are. At most 1000 are listed. */
  readonly unreadable: readonly { readonly row: RowKey; readonly column: string }[]
  /** How many values do not open, those included that are not listed. */
  readonly unreadableCount: number
  readonly done: boolean
}

const maxListed = 1000
const maxPasses = 100
const rereads = 3

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
  if (table.core.id !== keyring?.id) throw new TypeError('reencrypt: the table is of another keyring')
  if (typeof source?.page !== 'function')
    throw new TypeError('reencrypt: source reads the rows; kyselySource() makes one')
  if (!Number.isInteger(batch) || batch < 1 || batch > 10_000)
    throw new RangeError('reencrypt: batch is 1 to 10000 rows')
  return run(new Run(table, source, batch, signal), cursor)
}

async function* run(work: Run, cursor: CursorStore): AsyncGenerator<ReencryptProgress, void, undefined> {
  let position = readPosition(await cursor.load(), work.table.name)
  while (position.pass <= maxPasses) {
    const page = await work.page(position)
    if (page.length > 0) {
      position = await work.rewrite(position, page)
      await cursor.save(writePosition(position, work.table.name))
      yield work.progress(position.pass, false)
    } else if (work.isClean(position)) {
      await cursor.clear()
      yield work.progress(position.pass, true)
      return
    } else {
      position = { pass: position.pass + 1, after: undefined, clean: true, target: work.target() }
      work.startPass()
    }
  }
  throw cryptoError(
    'REENCRYPTION_STOPPED',
    `reencrypt: ${maxPasses} passes over '${work.table.name}' still found stale rows`,
    { status: 503 },
  )
}

/** One run over a table and what it counted. */
class Run {
  readonly table: FieldTable<string, Record<string, never>>
  readonly #source: SealedSource
  readonly #batch: number
  readonly #signal: AbortSignal | undefined
  readonly #columns: readonly string[]
  #scanned = 0
  #rewritten = 0
  #conflicts = 0
  #unreadable: { row: RowKey; column: string }[] = []
  #unreadableCount = 0

  constructor(table: object, source: SealedSource, batch: number, signal: AbortSignal | undefined) {
    this.table = table as FieldTable<string, Record<string, never>>
    this.#source = source
    this.#batch = batch
    this.#signal = signal
    this.#columns = this.table.columns.flatMap(({ name, index }) => (index ? [name, index.column] : [name]))
  }

  /** The key versions that rows are rewritten to. */
  target(): string {
    const { core } = this.table
    return `${core.activeDataVersion()}/${core.activeIndexVersion()}`
  }

  /** A pass that saw every row, under one target, and found nothing stale. */
  isClean(position: Position): boolean {
    return position.clean && position.target === this.target()
  }

  /** What could not be read is listed once for each pass. */
  startPass(): void {
    this.#unreadable = []
    this.#unreadableCount = 0
  }

  async page({ after }: Position): Promise<readonly SourceRow[]> {
    this.#signal?.throwIfAborted()
    return this.#source.page(after, this.#batch, this.#columns)
  }

  /** Rewrites the stale rows of a page. */
  async rewrite(position: Position, page: readonly SourceRow[]): Promise<Position> {
    const target = this.target()
    let clean = position.clean && (position.target === undefined || position.target === target)
    let before = position.after
    for (const row of page) {
      this.#signal?.throwIfAborted()
      const outcome = await this.#rewriteRow(row, before)
      this.#count(outcome, row.key)
      if (outcome.kind === 'rewritten' || outcome.kind === 'conflict') clean = false
      before = row.key
    }
    return { pass: position.pass, after: before, clean, target }
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

  /** Zero rows updated means that the row has changed: it is read again, and what stands there now is looked at anew. */
  async #rewriteRow(row: SourceRow, before: RowKey | undefined): Promise<RowOutcome> {
    let current: SourceRow | undefined = row
    for (let attempt = 0; attempt <= rereads && current; attempt++) {
      const outcome = await rewriteRow(this.table, this.#source, current)
      if (outcome.kind !== 'conflict') return outcome
      const [reread]: readonly SourceRow[] = await this.#source.page(before, 1, this.#columns)
      current = reread?.key === row.key ? reread : undefined
    }
    return { kind: 'conflict' }
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
