import type { KeyStore, StoredKeyring } from '../key-store.ts'
import { checkKeyringId, checkWrite } from './store-input.ts'

/**
 * A key store in this process's memory, for tests and trials: what it holds is gone with the process, and everything that was sealed
 * with its keys is then lost.
 *
 * @returns a store of its own; two stores share nothing.
 * @example
 * const store = memoryKeyStore()
 * await store.write('main', '{}', 0) // true
 * await store.write('main', '{}', 0) // false: generation 1 exists
 */
export function memoryKeyStore(): KeyStore {
  const keyrings = new Map<string, StoredKeyring>()
  return Object.freeze({
    async read(keyring: string): Promise<StoredKeyring | undefined> {
      checkKeyringId(keyring)
      return keyrings.get(keyring)
    },
    // Nothing is awaited between the comparison and the swap, which makes them atomic.
    async write(keyring: string, document: string, after: number): Promise<boolean> {
      checkWrite(keyring, document, after)
      if ((keyrings.get(keyring)?.generation ?? 0) !== after) return false
      keyrings.set(keyring, Object.freeze({ generation: after + 1, document }))
      return true
    },
  })
}
