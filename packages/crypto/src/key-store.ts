/** A keyring's document as a store holds it. The document holds keys in wrapped form only. */
export interface StoredKeyring {
  /** 1 for the first document, one more with each write. */
  readonly generation: number
  /** JSON text, at most {@link maxDocumentLength} characters. */
  readonly document: string
}

/** The longest document that a store takes, in characters: room for thousands of versions. */
export const maxDocumentLength: number = 1 << 20

/**
 * Keeps one document for each keyring, and replaces it only by compare-and-swap.
 *
 * The contract suite is `keyStoreContract` in `@mosaajii/crypto/testing`.
 */
export interface KeyStore {
  /**
   * Reads the newest generation, or `undefined` when the keyring has never been written. After a `write` here or in another process
   * returned `true`, every later `read` returns that generation or a newer one.
   *
   * @throws {CryptoError} `KEY_STORE_FAILED` when the store cannot be read or what it holds is damaged.
   */
  read(keyring: string): Promise<StoredKeyring | undefined>
  /**
   * Writes generation `after + 1`, only if the newest one is still `after` (0: none yet). Atomic against every other writer, in this
   * process or another; when it returns `true` the document survives a crash.
   *
   * @returns `false` when another writer was first; nothing was written then.
   * @throws {CryptoError} `KEY_STORE_FAILED` when it is not known whether the document was written; read again to find out.
   */
  write(keyring: string, document: string, after: number): Promise<boolean>
}
