import { createHash, createHmac } from 'node:crypto'
import type { WindowRule } from '../window-store.ts'

const mostTags = 1000

/** Names the keys of counters in Redis. Subjects are hashed: their length is bounded, and none can be read in the server's memory or its logs. */
export class KeyNames {
  readonly #prefix: string
  readonly #secret: string | Uint8Array | undefined
  /** The tags of the newest keys: the rules of a call often have one key, and keys come again. */
  readonly #tags = new Map<string, string>()

  constructor(prefix: string, secret: string | Uint8Array | undefined) {
    this.#prefix = prefix
    this.#secret = secret
  }

  /**
   * What stands in braces decides the slot of a Redis Cluster, so the counters of one subject are in one slot. Rules of one name and different
   * windows have different counters: one of them would drop, as expired, hits that the other still counts.
   */
  of({ name, window, quantum }: WindowRule, key: string): string {
    return `${this.#prefix}:${name}:${window}.${quantum}:{${this.#tagOf(key)}}`
  }

  #tagOf(key: string): string {
    let tag = this.#tags.get(key)
    if (tag !== undefined) return tag
    tag = this.#digest(key)
    if (this.#tags.size >= mostTags) this.#tags.clear()
    this.#tags.set(key, tag)
    return tag
  }

  /** 22 characters hold 132 bits. UTF-16, because UTF-8 would make one key of all that have a broken character. */
  #digest(key: string): string {
    const hash = this.#secret === undefined ? createHash('sha256') : createHmac('sha256', this.#secret)
    return hash.update(key, 'utf16le').digest('base64url').slice(0, 22)
  }
}
