/** What a key is for: sealing data, or computing blind-index tokens. */
export type KeyPurpose = 'data' | 'index'

/** Which key is wrapped. A provider that can authenticate context (AWS KMS encryption context, Vault context) should bind it. */
export interface KeyContext {
  /** The keyring's id. */
  readonly keyring: string
  readonly purpose: KeyPurpose
  /** The key's version, 1 to 4294967295. */
  readonly version: number
}

/**
 * Wraps and unwraps keys with a secret that never enters the database: a local secret, a KMS, an HSM. The keyring calls it at start and
 * at rotation, never for each value.
 *
 * `wrap` takes at most 512 bytes and returns at most 4096; `unwrap` of what `wrap` returned, under the same context, returns the same
 * bytes; anything else must reject. Both are called with a signal that aborts at the keyring's deadline. Both may be called concurrently.
 * The contract suite is `keyProviderContract` in `@mosaajii/crypto/testing`.
 */
export interface KeyProvider {
  /** Names the provider in events and in the key store, 1 to 200 characters. Never a secret. */
  readonly id: string
  wrap(bytes: Uint8Array, context: KeyContext, signal: AbortSignal): Promise<Uint8Array>
  unwrap(wrapped: Uint8Array, context: KeyContext, signal: AbortSignal): Promise<Uint8Array>
}
