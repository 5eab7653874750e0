import { createHash, createHmac } from 'node:crypto'

/** Names the keys of counters in Redis. Subjects are hashed: their length is bounded, and none can be read in the server's memory or its logs. */
export class KeyNames {
  readonly #prefix: string
  readonly #secret: string | Uint8Array | undefined
  #lastKey = ''
  #lastTag: string | undefined

  constructor(prefix: string, secret: string | Uint8Array | undefined) {
    this.#prefix = prefix
    this.#secret = secret
  }

  /** What stands in braces decides the slot of a Redis Cluster, so the counters of one subject are in one slot. */
  of(rule: string, key: string): string {
    return `${this.#prefix}:${rule}:{${this.#tagOf(key)}}`
  }

  /** The rules of a call often have one key. */
  #tagOf(key: string): string {
    if (this.#lastTag === undefined || key !== this.#lastKey) {
      this.#lastTag = this.#digest(key)
      this.#lastKey = key
    }
    return this.#lastTag
  }

  /** 22 characters hold 132 bits. UTF-16, because UTF-8 would make one key of all that have a broken character. */
  #digest(key: string): string {
    const hash = this.#secret === undefined ? createHash('sha256') : createHmac('sha256', this.#secret)
    return hash.update(key, 'utf16le').digest('base64url').slice(0, 22)
  }
}
