import type { Engine } from './engines/engine.ts'
import { formatVersion, headerLength } from './format.ts'
import { maxRowLength } from './row.ts'

/** What kind of value is sealed; one kind never opens as another. */
export type ValueKind = 'text' | 'bytes' | 'transient'

/** Where a value belongs, without its row. */
export interface Place {
  readonly tenant: string | undefined
  readonly table: string
  readonly column: string
  readonly schema: string | undefined
}

/** Begins every context, so that no other use of the same keys can produce it. */
export const contextDomain = 'mosaajii/crypto/field/v1'

const absent = 0xffffffff
const encoder = new TextEncoder()

/**
 * Text items as length-prefixed bytes: a uint32 big-endian length and UTF-8 each; an absent item has the length 0xffffffff and no bytes.
 * No two different lists give the same bytes.
 */
export function lengthPrefixed(items: readonly (string | undefined)[]): Uint8Array {
  const encoded = items.map((item) => (item === undefined ? undefined : encoder.encode(item)))
  const result = new Uint8Array(encoded.reduce((sum, bytes) => sum + 4 + (bytes?.length ?? 0), 0))
  const view = new DataView(result.buffer)
  let at = 0
  for (const bytes of encoded) {
    view.setUint32(at, bytes?.length ?? absent)
    result.set(bytes ?? [], at + 4)
    at += 4 + (bytes?.length ?? 0)
  }
  return result
}

/**
 * The additional authenticated data of one field and kind: header, domain, kind, tenant, table, column, schema, row. All but header and
 * row is compiled once; a call writes those two into the same buffer, because concatenating costs more than the cipher's own set-up.
 */
export class ContextTemplate {
  readonly #engine: Engine
  readonly #buffer: Uint8Array
  readonly #rowAt: number
  #view: Uint8Array

  constructor(engine: Engine, kind: ValueKind, place: Place) {
    const items = lengthPrefixed([contextDomain, kind, place.tenant, place.table, place.column, place.schema])
    this.#engine = engine
    this.#rowAt = headerLength + items.length + 4
    this.#buffer = engine.allocate(this.#rowAt + maxRowLength)
    this.#buffer[0] = formatVersion
    this.#buffer.set(items, headerLength)
    this.#view = this.#buffer
  }

  /** The context for a row. The bytes are valid until the next call. */
  for(algorithmId: number, keyVersion: number, row: string): Uint8Array {
    const buffer = this.#buffer
    buffer[1] = algorithmId
    writeUint32(buffer, 2, keyVersion)
    const length = this.#engine.writeUtf8(buffer, row, this.#rowAt)
    writeUint32(buffer, this.#rowAt - 4, length)
    const end = this.#rowAt + length
    // Rows of one table mostly have keys of one length.
    if (this.#view.length !== end) this.#view = buffer.subarray(0, end)
    return this.#view
  }
}

function writeUint32(target: Uint8Array, at: number, value: number): void {
  target[at] = value >>> 24
  target[at + 1] = value >>> 16
  target[at + 2] = value >>> 8
  target[at + 3] = value
}
