import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, test, vi } from 'vitest'
import { fileKeyStore, type Keyring, type KeyStore, memoryKeyStore } from '@mosaajii/crypto'
import { sqlKeyStore } from '@mosaajii/crypto/sql'
import { databases } from './support/databases.ts'
import { type Fleet, fleet, minute, type PlainDocument, rejection } from './support/fleet.ts'

let group: Fleet
beforeEach(() => {
  group = fleet()
})
afterEach(() => {
  group.closeAll()
  vi.useRealTimers()
})

const row = { row: 1 }
const day = 1440 * minute
const emailOf = (keyring: Keyring) => keyring.field({ table: 'customers', column: 'email' })
const states = (keyring: Keyring, purpose?: 'data' | 'index') => keyring.versions(purpose).map(({ state }) => state)

describe('rotate()', () => {
  it('publishes a version that is pending for exactly two intervals, then seals; the old one only opens', async () => {
    const keyring = await group.open()
    const email = emailOf(keyring)
    const old = email.seal('old', row)
    const at = group.clock.now()
    const published = await keyring.rotate()
    expect(published).toEqual({
      purpose: 'data',
      version: 2,
      state: 'pending',
      createdAt: at,
      activeAt: at + 2 * minute,
    })
    await group.pass(minute, keyring)
    group.clock.advance(minute - 1)
    expect(states(keyring)).toEqual(['active', 'pending'])
    expect(email.keyVersionOf(email.seal('x', row))).toBe(1)
    expect(email.isStale(old)).toBe(false)
    group.clock.advance(1)
    expect(states(keyring)).toEqual(['decrypt-only', 'active'])
    const fresh = email.seal('new', row)
    expect(email.keyVersionOf(fresh)).toBe(2)
    expect([email.isStale(old), email.isStale(fresh)]).toEqual([true, false])
    expect([email.open(old, row), email.open(fresh, row)]).toEqual(['old', 'new'])
    expect(keyring.versions()[0]?.decryptOnlyAt).toBe(at + 2 * minute)
    expect(states(keyring, 'index')).toEqual(['active'])
  })

  it('counts the two intervals from the writing, however slow the provider was', async () => {
    const keyring = await group.open()
    group.provider.answer((call) => {
      if (call.what === 'wrap') group.clock.advance(5 * minute)
      return undefined
    })
    const { createdAt, activeAt } = await keyring.rotate()
    expect(createdAt).toBe(group.clock.now())
    expect(activeAt).toBe(group.clock.now() + 2 * minute)
  })

  it('counts them again when another writer was first', async () => {
    const [keyring, other] = [await group.open(), await group.open()]
    emailOf(other)
    group.store.beforeWrite(async () => {
      group.store.beforeWrite(undefined)
      await other.recorded()
      group.clock.advance('30s')
    })
    expect((await keyring.rotate()).activeAt).toBe(group.clock.now() + 2 * minute)
  })

  it('waits for the longest interval of any instance, also of one that came meanwhile', async () => {
    const [fast, slow] = [await group.open({ refresh: '10s' }), await group.open({ refresh: '5m' })]
    expect((await group.store.document()).refresh).toBe(5 * minute)
    const { activeAt } = await fast.rotate()
    expect(activeAt).toBe(group.clock.now() + 10 * minute)
    expect((await slow.rotateIndex()).activeAt).toBe(group.clock.now() + 10 * minute)
    group.store.beforeWrite(async () => {
      group.store.beforeWrite(undefined)
      await group.open({ refresh: '1h' })
    })
    expect((await fast.rotate()).activeAt).toBe(group.clock.now() + 120 * minute)
    emailOf(fast)
    await fast.recorded()
    await group.open({ refresh: '1s' })
    expect((await group.store.document()).refresh).toBe(60 * minute)
  })

  it('a second time before the first is active keeps their order', async () => {
    const [keyring, behind] = [await group.open(), await group.open()]
    const first = await keyring.rotate()
    group.clock.set(group.clock.now() - 30_000)
    const second = await behind.rotate()
    expect(second.version).toBe(3)
    expect(second.activeAt).toBe(first.activeAt)
    group.clock.set(first.activeAt)
    await keyring.refresh()
    expect(states(keyring)).toEqual(['decrypt-only', 'decrypt-only', 'active'])
    expect(emailOf(keyring).keyVersionOf(emailOf(keyring).seal('x', row))).toBe(3)
  })

  it('that could not be written leaves nothing; the next one takes the same number', async () => {
    const keyring = await group.open()
    group.store.beforeWrite(() => {
      throw new Error('disk full')
    })
    expect((await rejection(keyring.rotate())).code).toBe('KEY_STORE_FAILED')
    expect(states(keyring)).toEqual(['active'])
    group.store.beforeWrite(undefined)
    expect((await keyring.rotate()).version).toBe(2)
  })

  it('whose writing was not confirmed may have happened: the key is there, and the next one takes the next number', async () => {
    const inner = memoryKeyStore()
    let lost = false
    const flaky = fleet({
      store: {
        read: inner.read,
        write: async (...args) => {
          const won = await inner.write(...args)
          if (lost) throw new Error('connection lost')
          return won
        },
      },
    })
    const keyring = await flaky.open()
    lost = true
    expect((await rejection(keyring.rotate())).code).toBe('KEY_STORE_FAILED')
    lost = false
    expect((await keyring.rotate()).version).toBe(3)
    expect(states(keyring)).toEqual(['active', 'pending', 'pending'])
    flaky.closeAll()
  })

  it('gives up, and says so, where every swap is lost', async () => {
    vi.useFakeTimers()
    const inner = memoryKeyStore()
    const crowded = fleet({
      store: { read: inner.read, write: async (id, text, after) => after === 0 && inner.write(id, text, after) },
    })
    const keyring = await crowded.open()
    const rotating = rejection(keyring.rotate())
    await vi.advanceTimersByTimeAsync(60_000)
    expect(await rotating).toMatchObject({ code: 'KEY_STORE_FAILED', status: 503 })
    crowded.closeAll()
  })
})

describe('rotateIndex()', () => {
  it('rotates the index key alone', async () => {
    const keyring = await group.open()
    const index = emailOf(keyring).blindIndex({ normalize: 'email' })
    const [old] = [index.current('ada@example.com')]
    const published = await keyring.rotateIndex()
    expect(published).toMatchObject({ purpose: 'index', version: 2, state: 'pending' })
    expect(states(keyring)).toEqual(['active'])
    // Readers look for the pending version's tokens before anyone writes them.
    expect(index.all('ada@example.com').map((token) => token.split('.')[0])).toEqual(['2', '1'])
    expect(index.current('ada@example.com')).toBe(old)
    await group.pass(minute, keyring)
    await group.pass(minute, keyring)
    expect(states(keyring, 'index')).toEqual(['decrypt-only', 'active'])
    const token = index.current('ada@example.com')
    expect(token).toMatch(/^2\./)
    expect(index.all('ada@example.com')).toEqual([token, old])
    expect([index.isStale(old), index.isStale(token)]).toEqual([true, false])
    expect(emailOf(keyring).keyVersionOf(emailOf(keyring).seal('x', row))).toBe(1)
  })
})

describe('rotateIfDue()', () => {
  it('rotates from the moment at which the newest data key has the age', async () => {
    const keyring = await group.open({ rotateAfter: '90d' })
    await group.pass(90 * day - 1, keyring)
    expect(await keyring.rotateIfDue()).toBeUndefined()
    await group.pass(1, keyring)
    expect(await keyring.rotateIfDue()).toMatchObject({ purpose: 'data', version: 2, state: 'pending' })
    // The pending version is the newest one: not due again while it waits.
    expect(await keyring.rotateIfDue()).toBeUndefined()
    await group.pass(2 * minute, keyring)
    expect(await keyring.rotateIfDue()).toBeUndefined()
    expect(states(keyring, 'index')).toEqual(['active'])
  })

  it('of many instances at once rotates once', async () => {
    const instances = await Promise.all(Array.from({ length: 6 }, async () => group.open({ rotateAfter: '1d' })))
    await group.pass(day, ...instances)
    const rotated = await Promise.all(instances.map(async (keyring) => keyring.rotateIfDue()))
    expect(rotated.filter((version) => version !== undefined).length).toBe(1)
    const { keys } = await group.store.document()
    expect(keys.filter(({ purpose }) => purpose === 'data').length).toBe(2)
  })

  it('reads the store first: an instance that is behind does not rotate again', async () => {
    const [one, two] = [await group.open({ rotateAfter: '1d' }), await group.open({ rotateAfter: '1d' })]
    await group.pass(day, one, two)
    await one.rotateIfDue()
    expect(two.versions().length).toBe(1)
    expect(await two.rotateIfDue()).toBeUndefined()
    expect(two.versions().length).toBe(2)
  })
})

describe('two instances', () => {
  it('never hand each other what cannot be opened, as long as both refresh', async () => {
    const [one, two] = [await group.open(), await group.open()]
    const [first, second] = [emailOf(one), emailOf(two)]
    await one.rotate()
    for (let i = 0; i < 5; i++) {
      for (const [sealer, opener] of [
        [first, second],
        [second, first],
      ] as const) {
        expect(opener.open(sealer.seal(`at ${i}`, row), row)).toBe(`at ${i}`)
      }
      await group.pass(minute - 1, one, two)
    }
    expect(first.keyVersionOf(second.seal('x', row))).toBe(2)
  })

  it('one of which does not refresh: that one stops sealing before the old version goes', async () => {
    const [one, two] = [await group.open(), await group.open()]
    const lagging = emailOf(two)
    await two.recorded()
    const { activeAt } = await one.rotate()
    group.clock.set(activeAt)
    expect(() => lagging.seal('x', row)).toThrow(expect.objectContaining({ code: 'KEYRING_STALE' }))
    await two.refresh()
    expect(lagging.keyVersionOf(lagging.seal('x', row))).toBe(2)
  })
})

describe.each<[string, () => Promise<{ open(): KeyStore; close(): Promise<void> }>]>([
  [
    'memory',
    async () => {
      const store = memoryKeyStore()
      return { open: () => store, close: async () => undefined }
    },
  ],
  [
    'file',
    async () => {
      const folder = await mkdtemp(join(tmpdir(), 'mosaajii-'))
      return { open: () => fileKeyStore(folder), close: async () => rm(folder, { recursive: true }) }
    },
  ],
  ...databases.map(
    ([name, open]) =>
      [
        name,
        async () => {
          const database = await open()
          const table = `keyrings_${randomUUID().slice(0, 8)}`
          const make = () => sqlKeyStore({ db: database.open<object>(), table })
          await make().migrate()
          return { open: make, close: async () => database.close() }
        },
      ] as [string, () => Promise<{ open(): KeyStore; close(): Promise<void> }>],
  ),
])('on the %s store, concurrent', (_, openStore) => {
  const dataVersions = async (store: KeyStore) => {
    const document = JSON.parse((await store.read('main'))?.document ?? '') as PlainDocument
    return document.keys.filter(({ purpose }) => purpose === 'data').map(({ version }) => version)
  }

  test('cold starts make one document, and rotations lose no version and use no number twice', async () => {
    const place = await openStore()
    const shared = fleet({ store: place.open() })
    try {
      // Each instance has a connection of its own, as another process would.
      const instances = await Promise.all(Array.from({ length: 4 }, async () => shared.open({ store: place.open() })))
      const first = instances.map((keyring) => emailOf(keyring).seal('first', row))
      expect(await dataVersions(place.open())).toEqual([1])
      const rotated = await Promise.all(
        instances.flatMap((keyring, i) => [
          keyring.rotate(),
          ...(i === 0 ? [keyring.rotate(), keyring.rotateIndex()] : []),
        ]),
      )
      const numbers = rotated.filter(({ purpose }) => purpose === 'data').map(({ version }) => version)
      expect(numbers.toSorted()).toEqual([2, 3, 4, 5, 6])
      expect(await dataVersions(place.open())).toEqual([1, 2, 3, 4, 5, 6])
      await shared.pass(2 * minute, ...instances)
      const sealed = instances.map((keyring) => emailOf(keyring).seal('last', row))
      for (const email of instances.map(emailOf)) {
        expect(sealed.map((token) => email.open(token, row))).toEqual(Array(4).fill('last'))
        expect(first.map((token) => email.open(token, row))).toEqual(Array(4).fill('first'))
        expect(email.keyVersionOf(sealed[0] ?? '')).toBe(6)
      }
    } finally {
      shared.closeAll()
      await place.close()
    }
  })

  test('rotateIfDue() rotates once', async () => {
    const place = await openStore()
    const shared = fleet({ store: place.open(), rotateAfter: '1d' })
    try {
      const instances = await Promise.all(Array.from({ length: 4 }, async () => shared.open({ store: place.open() })))
      await shared.pass(day, ...instances)
      const rotated = await Promise.all(instances.map(async (keyring) => keyring.rotateIfDue()))
      expect(rotated.filter(Boolean).length).toBe(1)
      expect(await dataVersions(place.open())).toEqual([1, 2])
    } finally {
      shared.closeAll()
      await place.close()
    }
  })
})
