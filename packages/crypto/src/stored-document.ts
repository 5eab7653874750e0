import { isSecurityError } from '@mosaajii/core'
import { withDeadline } from './deadline.ts'
import { cryptoError } from './errors.ts'
import { continues, type KeyringDocument, parseDocument, serializeDocument } from './keyring-document.ts'
import type { Settings } from './keyring-settings.ts'

/** A change to the document: the new one, or `undefined` when nothing is to be changed. It is made again when another writer was first. */
export type DocumentChange = (document: KeyringDocument) => KeyringDocument | undefined

/** What the instance already knows: what the store holds must be as new, and must be able to have followed it. */
interface Known {
  readonly generation: number
  readonly document: KeyringDocument | undefined
}

const swapAttempts = 100

/** A keyring's document in its store: read strictly, written by compare-and-swap, each call within the deadline. */
export class StoredDocument {
  readonly #settings: Settings
  readonly #known: () => Known

  constructor(settings: Settings, known: () => Known) {
    this.#settings = settings
    this.#known = known
  }

  /** Whether the keyring was ever written. */
  async exists(): Promise<boolean> {
    const { store, id } = this.#settings
    return (await this.#call(async () => store.read(id))) !== undefined
  }

  /** @throws {CryptoError} `KEY_STORE_FAILED`, also for a store that is older than what this instance knows. */
  async read(): Promise<{ document: KeyringDocument; generation: number }> {
    const { store, id } = this.#settings
    // As it is before the reading: another one may bring something newer while this one is under way.
    const known = this.#known()
    const stored = await this.#call(async () => store.read(id))
    if (!stored || !(stored.generation >= known.generation)) throw this.#wentBack()
    const document = parseDocument(id, stored.document)
    if (known.document && !continues(document, known.document)) throw this.#wentBack()
    return { document, generation: stored.generation }
  }

  /** Writes the generation after `after`; `false` when another writer was first. */
  async write(document: KeyringDocument, after: number): Promise<boolean> {
    const { store, id } = this.#settings
    const text = serializeDocument(document)
    return this.#call(async () => store.write(id, text, after))
  }

  /**
   * Changes the document until the change is written.
   *
   * @returns what the store then holds, and whether this call changed it.
   * @throws {CryptoError} `KEY_STORE_FAILED`.
   */
  async change(change: DocumentChange): Promise<{ document: KeyringDocument; changed: boolean }> {
    for (let attempt = 0; attempt < swapAttempts; attempt++) {
      const { document, generation } = await this.read()
      const changed = change(document)
      if (!changed) return { document, changed: false }
      if (await this.write(changed, generation)) return { document: changed, changed: true }
      await pause(this.#jitter() * Math.min(100, 5 * (attempt + 1)))
    }
    throw this.#failed('is written by too many at once; try again')
  }

  async #call<T>(call: () => Promise<T>): Promise<T> {
    const { deadline } = this.#settings
    try {
      return await withDeadline(deadline, call, () => this.#failed(`did not answer within ${deadline} ms`))
    } catch (error) {
      throw isSecurityError(error) ? error : this.#failed('failed', error)
    }
  }

  #failed(what: string, cause?: unknown): Error {
    const message = `the store of keyring '${this.#settings.id}' ${what}`
    return cryptoError('KEY_STORE_FAILED', message, { status: 503, ...(cause !== undefined && { cause }) })
  }

  #wentBack(): Error {
    return cryptoError(
      'KEY_STORE_FAILED',
      `the key store went back in time: it no longer holds what keyring '${this.#settings.id}' had. After restoring a backup restart every instance`,
      { status: 503 },
    )
  }

  /** 0 to 1: writers that met must not meet again. */
  #jitter(): number {
    const byte = new Uint8Array(1)
    this.#settings.engine.random(byte)
    return (byte[0] ?? 0) / 255
  }
}

/** Waits for some milliseconds. */
export async function pause(ms: number): Promise<void> {
  await new Promise((resolve) => {
    setTimeout(resolve, ms)
  })
}
