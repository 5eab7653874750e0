import { type Keyring, type KeyringOptions, localKeyProvider, memoryKeyStore, openKeyring } from '@mosaajii/crypto'
import { type RecordingSink, recordingSink, type SettableClock, settableClock } from '@mosaajii/core/testing'

/** A keyring in memory with a clock and a sink that the test holds. */
export interface TestKeyring {
  readonly keyring: Keyring
  readonly events: RecordingSink
  readonly clock: SettableClock
}

/** Opens a keyring for a test; each has keys of its own. */
export async function testKeyring(options: Partial<KeyringOptions> = {}): Promise<TestKeyring> {
  const events = recordingSink()
  const clock = settableClock()
  const provider = localKeyProvider({ secret: globalThis.crypto.getRandomValues(new Uint8Array(32)) })
  const keyring = await openKeyring({ provider, store: memoryKeyStore(), events, clock, ...options })
  return { keyring, events, clock }
}

/** What was thrown; fails the test when nothing was. */
export function thrown(work: () => unknown): Error & { code?: string } {
  try {
    work()
  } catch (error) {
    return error as Error & { code?: string }
  }
  throw new Error('nothing was thrown')
}
