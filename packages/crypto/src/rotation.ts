import { cryptoError } from './errors.ts'
import { recorded } from './events.ts'
import { encodeKeyRecord, keyLength } from './key-record.ts'
import type { KeyPurpose } from './key-provider.ts'
import { type KeyEntry, type KeyringDocument, type KeyVersion, maxEntries, versionsAt } from './keyring-document.ts'
import type { Settings } from './keyring-settings.ts'
import type { KeyringState } from './keyring-state.ts'
import { callProvider, type HeldKey, holdKey } from './unwrap-cache.ts'

/** The document of a new keyring: version 1 of the data key and of the index key, both active at once. The caller releases the keys. */
export async function firstDocument(
  settings: Settings,
): Promise<{ document: KeyringDocument; held: readonly HeldKey[] }> {
  const { events, clock, id, provider, refresh } = settings
  return recorded(events, clock, 'keyring.create', { keyring: id, provider: provider.id }, async () => {
    const now = clock.now()
    const made = [await makeKey(settings, 'data', 1, now, now), await makeKey(settings, 'index', 1, now, now)]
    const keys = made.map(({ entry }) => entry)
    return { document: { format: 1, keyring: id, refresh, keys, fields: [] }, held: made.map(({ held }) => held) }
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
    const version = newest.version + 1
    if (await tryPublish(state, newest)) {
      await state.refresh()
      return versionsAt(state.document, purpose, state.clock.now()).find((entry) => entry.version === version)
    }
  }
  throw cryptoError('KEY_STORE_FAILED', `the keyring '${state.id}' is rotated by too many at once; try again`, {
    status: 503,
  })
}

/** Makes the outcome event of a lost race say that it failed. Never leaves this file. */
const raceLost = new Error('another instance published this version first')

/** Whether the next version was published; `false` when another instance published that number first. */
async function tryPublish(state: KeyringState, newest: KeyEntry): Promise<boolean> {
  const { id, provider, events, clock } = state.settings
  const { purpose } = newest
  const version = newest.version + 1
  if (state.document.keys.length >= maxEntries)
    throw cryptoError('KEY_STORE_FAILED', `keyring '${id}' has too many versions`)
  const data = { keyring: id, provider: provider.id, purpose, keyVersion: version }
  const publishing = recorded(events, clock, 'keyring.rotate', data, async () => {
    const now = clock.now()
    const activeAt = Math.max(now + 2 * state.document.refresh, newest.activeAt)
    const { entry, held } = await makeKey(state.settings, purpose, version, now, activeAt)
    let published = false
    try {
      await state.change((document) => {
        published = newestOf(document, purpose).version === newest.version
        // Counted again at the moment of writing: the interval may have grown since.
        const latest = Math.max(entry.activeAt, now + 2 * document.refresh)
        return published ? { ...document, keys: [...document.keys, { ...entry, activeAt: latest }] } : undefined
      })
      // Opened while it is still held, so that the provider is not asked a second time.
      if (published) await state.refresh()
    } finally {
      held.release()
    }
    if (!published) throw raceLost
    return true
  })
  return publishing.catch((error: unknown) => {
    if (error === raceLost) return false
    throw error
  })
}

/**
 * Makes and wraps a key. It is unwrapped again before anyone is told of it: a provider that cannot unwrap what it wrapped must not stop
 * every instance at its next refresh.
 */
async function makeKey(
  settings: Settings,
  purpose: KeyPurpose,
  version: number,
  createdAt: number,
  activeAt: number,
): Promise<{ entry: KeyEntry; held: HeldKey }> {
  const { id, provider, deadline, engine, events, clock } = settings
  const context = { keyring: id, purpose, version }
  const key = new Uint8Array(keyLength)
  engine.random(key)
  const record = encodeKeyRecord(context, key)
  const wrapped = await callProvider(provider, deadline, async (signal) => provider.wrap(record, context, signal))
  const held = await holdKey({ provider, context, wrapped, deadline, events, clock })
  const same = held.key.every((byte, i) => byte === key[i])
  key.fill(0)
  record.fill(0)
  if (!same) {
    held.release()
    throw cryptoError('KEY_PROVIDER_FAILED', `key provider '${provider.id}' unwrapped another key than it wrapped`, {
      status: 503,
    })
  }
  return {
    entry: { purpose, version, createdAt, activeAt, provider: provider.id, wrapped: toBase64url(wrapped) },
    held,
  }
}

function newestOf(document: KeyringDocument, purpose: KeyPurpose): KeyEntry {
  const newest = document.keys.findLast((entry) => entry.purpose === purpose)
  if (!newest) throw new Error('unreachable: a document has a version of each purpose')
  return newest
}

function toBase64url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '')
}
