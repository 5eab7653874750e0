import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { KeyStore } from '../src/key-store.ts'
import { fileKeyStore } from '../src/stores/file.ts'
import { memoryKeyStore } from '../src/stores/memory.ts'
import { sqlKeyStore } from '../src/stores/sql.ts'
import { keyStoreContract } from '../src/testing.ts'
import { postgresUrl } from '../../../test/services.ts'
import { testContract } from './support/contract.ts'
import { databases, type TestDatabase } from './support/databases.ts'

describe('memoryKeyStore', () => {
  testContract(keyStoreContract({ make: memoryKeyStore }))
})

describe('fileKeyStore', () => {
  let folder = ''
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'mosaajii-'))
  })
  afterAll(() => rm(folder, { recursive: true }))

  const make = () => fileKeyStore(join(folder, 'deep', 'keys'))
  testContract(keyStoreContract({ make, reopen: make }))
})

describe.each(databases)('sqlKeyStore on %s', (_, openDatabase) => {
  let database: TestDatabase
  beforeAll(async () => {
    database = await openDatabase()
    await sqlKeyStore({ db: database.open() }).migrate()
  })
  afterAll(() => database.close())

  const make = () => sqlKeyStore({ db: database.open() })
  testContract(keyStoreContract({ make, reopen: make }))
})

/** Stores that are wrong in one way each, and the requirement that finds it. */
const brokenStores: Record<string, { finds: string; breaks: (store: KeyStore) => Partial<KeyStore> }> = {
  'does not compare': {
    finds: 'lets a writer who is behind lose, however far',
    breaks: (store) => ({
      write: async (id, document) => store.write(id, document, (await store.read(id))?.generation ?? 0),
    }),
  },
  'compares, waits and swaps': {
    finds: 'lets exactly one of many concurrent writers win each generation',
    breaks: (store) => ({
      async write(id, document, after) {
        if (((await store.read(id))?.generation ?? 0) !== after) return false
        await new Promise((resolve) => setTimeout(resolve, 1))
        return store.write(id, document, (await store.read(id))?.generation ?? 0)
      },
    }),
  },
  'says that a lost write won': {
    finds: 'creates a keyring once',
    breaks: (store) => ({ write: async (...write) => (await store.write(...write)) || true }),
  },
  'normalises text': {
    finds: 'gives documents back unchanged',
    breaks: (store) => ({ write: (id, document, after) => store.write(id, document.normalize('NFC'), after) }),
  },
  'cuts ids': {
    finds: 'keeps keyrings apart',
    breaks: (store) => ({
      read: (id) => store.read(id.slice(0, 37)),
      write: (id, document, after) => store.write(id.slice(0, 37), document, after),
    }),
  },
  'takes any id': {
    finds: 'refuses ids of another form',
    breaks: (store) => ({
      read: (id) => store.read(/^[a-z0-9]/.test(id) ? id.replaceAll(/[^a-z0-9-]/g, '_').slice(0, 64) : 'x'),
    }),
  },
}

describe('the contract', () => {
  test.each(Object.entries(brokenStores))('finds a store that %s', async (_, { finds, breaks }) => {
    const make = () => {
      const store = memoryKeyStore()
      return { ...store, ...breaks(store) }
    }
    const found = keyStoreContract({ make }).find(({ name }) => name === finds)
    await expect(found?.run()).rejects.toThrow(Error)
  })

  test.skipIf(!postgresUrl())('ran on Postgres too', () => {
    expect(databases.map(([name]) => name)).toEqual(['libsql', 'Postgres'])
  })
})
