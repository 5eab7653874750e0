import { toBase64url } from './base64url.ts'
import { cryptoError } from './errors.ts'
import { recorded } from './events.ts'
import { encodeKeyRecord, keyLength } from './key-record.ts'
import type { KeyPurpose } from './key-provider.ts'
import { type KeyEntry, type KeyringDocument, type KeyVersion, maxEntries, versionsAt } from './keyring-document.ts'
import type { Settings } from './keyring-settings.ts'
import type { KeyringState } from './keyring-state.ts'
import { callProvider, type HeldKey, holdKey } from './unwrap-cache.ts'

/**
 * Makes the document of a new keyring: version 1 of the data key and of the index key, both active at once. It is written by `write`, which
 * tells whether it was first; when another instance was, its document is the one that counts.
 *
 * @returns the new keys, for the caller to release; none when another instance was first.
 */
export async function createKeyring(
  settings: Settings,
  write: (document: KeyringDocument) => Promise<boolean>,
): Promise<readonly HeldKey[]> {
  const { clock, id, provider, refresh } = settings
  const creating = recorded(settings, 'keyring.create', { keyring: id, provider: provider.id }, async () => {
    const made: MadeKey[] = []
    try {
      for (const purpose of ['data', 'index'] as const) made.push(await makeKey(settings, purpose, 1))
      const now = clock.now()
      const keys = made.map(({ entry }) => ({ ...entry, createdAt: now, activeAt: now }))
      if (!(await write({ format: 1, keyring: id, refresh, keys, fields: [] }))) throw raceLost
      return made.map(({ held }) => held)
    } catch (error) {
      for (const { held } of made) held.release()
      throw error
    }
  })
  return creating.catch((error: unknown) => {
    if (error === raceLost) return []
    throw error
  })
}

/** Publishes a new version of one purpose, pending until two refresh intervals from now. */
export async function rotate(state: KeyringState, purpose: KeyPurpose): Promise<KeyVersion> {
  const version = await publish(state, purpose, () => true)
  if (version === undefined) throw new Error('unreachable: an unconditional rotation always publishes')
  return version
}

/** Publishes a new data key when the newest one is older than `rotateAfter`; `undefined` when it is not. */
export async function rotateIfDue(state: KeyringState): Promise<KeyVersion | undefined> {
  const { rotateAfter, clock } = state.settings
  return publish(state, 'data', (newest) => newest.createdAt + rotateAfter <= clock.now())
}

async function publish(
  state: KeyringState,
  purpose: KeyPurpose,
  isDue: (newest: KeyEntry) => boolean,
): Promise<KeyVersion | undefined> {
  for (let attempt = 0; attempt < 100; attempt++) {
    await state.refresh()
    const newest = newestOf(state.document, purpose)
    if (!isDue(newest)) return undefined
    const published = await tryPublish(state, newest)
    if (published) return published
  }
  throw cryptoError('KEY_STORE_FAILED', `the keyring '${state.id}' is rotated by too many at once; try again`, {
    status: 503,
  })
}

/** Makes the outcome event of a lost race say that it failed. Never leaves this file. */
const raceLost = new Error('another instance published this version first')

/** Publishes the next version; `undefined` when another instance published that number first. */
async function tryPublish(state: KeyringState, newest: KeyEntry): Promise<KeyVersion | undefined> {
  const { id, provider, clock } = state.settings
  const { purpose } = newest
  const version = newest.version + 1
  if (state.document.keys.length >= maxEntries)
    throw cryptoError('KEY_STORE_FAILED', `keyring '${id}' has too many versions`)
  const data = { keyring: id, provider: provider.id, purpose, keyVersion: version }
  const publishing = recorded(state.settings, 'keyring.rotate', data, async () => {
    const { entry, held } = await makeKey(state.settings, purpose, version)
    try {
      const { document, changed } = await state.change((current) =>
        newestOf(current, purpose).version === newest.version ? withVersion(current, entry, clock.now()) : undefined,
      )
      if (!changed) throw raceLost
      // Opened while it is still held, so that the provider is not asked a second time. It is published even if that fails now.
      await state.refresh().catch(() => undefined)
      return versionsAt(document, purpose, clock.now()).find((published) => published.version === version)
    } finally {
      held.release()
    }
  })
  return publishing.catch((error: unknown) => {
    if (error === raceLost) return undefined
    throw error
  })
}

/** Adds a version. The two intervals count from the moment of writing: the provider may have been slow, and the interval may have grown. */
function withVersion(document: KeyringDocument, entry: NewEntry, now: number): KeyringDocument {
  const activeAt = Math.max(now + 2 * document.refresh, newestOf(document, entry.purpose).activeAt)
  return { ...document, keys: [...document.keys, { ...entry, createdAt: now, activeAt }] }
}

type NewEntry = Omit<KeyEntry, 'createdAt' | 'activeAt'>

interface MadeKey {
  readonly entry: NewEntry
  readonly held: HeldKey
}

/**
 * Makes and wraps a key. It is unwrapped again before anyone is told of it: a provider that cannot unwrap what it wrapped must not stop
 * every instance at its next refresh.
 */
async function makeKey(settings: Settings, purpose: KeyPurpose, version: number): Promise<MadeKey> {
  const { id, provider, deadline, engine, events, clock } = settings
  const context = { keyring: id, purpose, version }
  const key = new Uint8Array(keyLength)
  engine.random(key)
  const record = encodeKeyRecord(context, key)
  try {
    const wrapped = await callProvider(provider, deadline, async (signal) => provider.wrap(record, context, signal))
    const held = await holdKey({ provider, context, wrapped, deadline, events, clock })
    if (held.key.every((byte, i) => byte === key[i]))
      return { entry: { purpose, version, provider: provider.id, wrapped: toBase64url(wrapped) }, held }
    held.release()
  } finally {
    key.fill(0)
    record.fill(0)
  }
  throw cryptoError('KEY_PROVIDER_FAILED', `key provider '${provider.id}' unwrapped another key than it wrapped`, {
    status: 503,
  })
}

function newestOf(document: KeyringDocument, purpose: KeyPurpose): KeyEntry {
  const newest = document.keys.findLast((entry) => entry.purpose === purpose)
  if (!newest) throw new Error('unreachable: a document has a version of each purpose')
  return newest
}
