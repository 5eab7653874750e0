import { type KeyStore, maxDocumentLength, type StoredKeyring } from '@mosaajii/crypto'
import { type ContractCase, must, mustReject } from './contract.ts'

/** What {@link keyStoreContract} needs to know of an implementation. */
export interface KeyStoreContractOptions {
  /** Makes a store. It may hold other keyrings already; each case uses ids of its own. */
  readonly make: () => KeyStore | Promise<KeyStore>
  /** Opens the same storage once more, as another process would. Default: the same store is used twice. */
  readonly reopen?: (store: KeyStore) => KeyStore | Promise<KeyStore>
}

/**
 * What every {@link KeyStore} must do.
 *
 * @returns the cases, each with a name and a `run()` that rejects when the store does something else.
 * @example
 * for (const { name, run } of keyStoreContract({ make: () => memoryKeyStore() })) test(name, run)
 */
export function keyStoreContract({
  make,
  reopen = (store) => store,
}: KeyStoreContractOptions): readonly ContractCase[] {
  const cases = { ...comparing, ...racing, ...keeping, ...refusing }
  return Object.entries(cases).map(([name, check]) => ({ name, run: async () => check(await make(), reopen) }))
}

type Reopen = (store: KeyStore) => KeyStore | Promise<KeyStore>
type Cases = Readonly<Record<string, (store: KeyStore, reopen: Reopen) => Promise<void>>>

const comparing: Cases = {
  'reads nothing where nothing was written': async (store) => {
    must((await store.read(newId())) === undefined, 'read of a keyring that was never written gave something')
  },
  'creates a keyring once': async (store) => {
    const id = newId()
    must(await store.write(id, '{"by":"first"}', 0), 'the first write returned false')
    must(!(await store.write(id, '{"by":"second"}', 0)), 'a second first write returned true')
    await mustHold(store, id, 1, '{"by":"first"}')
  },
  'counts generations one by one': async (store) => {
    const id = newId()
    for (let after = 0; after < 12; after++) {
      must(await store.write(id, numbered(after + 1), after), `the write after generation ${after} returned false`)
      await mustHold(store, id, after + 1, numbered(after + 1))
    }
  },
  'shows a write to whoever opens the same storage': async (store, reopen) => {
    const id = newId()
    await writeMany(store, id, 3)
    const other = await reopen(store)
    await mustHold(other, id, 3, numbered(3))
    must(await other.write(id, numbered(4), 3), 'the other one could not go on')
    await mustHold(store, id, 4, numbered(4))
  },
  'lets a writer who is behind lose, however far': async (store) => {
    const id = newId()
    await writeMany(store, id, 6)
    for (let after = 0; after < 6; after++) {
      must(!(await store.write(id, '{"by":"late"}', after)), `a write after generation ${after} won, although 6 exists`)
    }
    await mustHold(store, id, 6, numbered(6))
  },
  'lets a writer who is ahead lose': async (store) => {
    const id = newId()
    must(!(await store.write(id, '{"by":"early"}', 1)), 'a write after generation 1 won, although none exists')
    must((await store.read(id)) === undefined, 'the lost write left something')
    await writeMany(store, id, 2)
    must(!(await store.write(id, '{"by":"early"}', 3)), 'a write after generation 3 won, although 2 is the newest')
    await mustHold(store, id, 2, numbered(2))
  },
}

const racing: Cases = {
  'lets exactly one of many concurrent writers win each generation': async (store, reopen) => {
    const id = newId()
    const stores = [store, await reopen(store), await reopen(store), await reopen(store)]
    for (let after = 0; after < 5; after++) {
      const documents = stores.flatMap((_, i) => [`{"writer":${i},"try":1}`, `{"writer":${i},"try":2}`])
      const won = await Promise.all(documents.map((document, i) => pick(stores, i >> 1).write(id, document, after)))
      must(
        won.filter(Boolean).length === 1,
        `${won.filter(Boolean).length} of ${won.length} writers won one generation`,
      )
      await mustHold(store, id, after + 1, documents[won.indexOf(true)] ?? '')
    }
  },
  'loses no update of concurrent writers who read again': async (store, reopen) => {
    const id = newId()
    await Promise.all([1, 2, 3, 4].map(async () => increment(await reopen(store), id, 5)))
    await mustHold(store, id, 20, '{"count":20}')
  },
  'reads whole documents while they are replaced': async (store, reopen) => {
    const id = newId()
    await writeMany(store, id, 1)
    const written = new AbortController()
    const reader = async (reading: KeyStore) => {
      for (let newest = 1; !written.signal.aborted; ) {
        const found = await mustRead(reading, id)
        must(found.generation >= newest, `a read gave generation ${found.generation} after ${newest}`)
        must(found.document === numbered(found.generation), 'a read gave a document of another generation')
        newest = found.generation
        await Promise.resolve()
      }
    }
    const readers = Promise.all([reader(store), reader(await reopen(store))])
    try {
      for (let after = 1; after < 12; after++) await store.write(id, numbered(after + 1), after)
    } finally {
      written.abort()
    }
    await readers
  },
}

const keeping: Cases = {
  'keeps keyrings apart': async (store) => {
    const id = newId()
    const others = [`${id}-`, `${id}_`, `${id}0`, id.slice(0, -1)]
    await writeMany(store, id, 2)
    for (const other of others)
      must((await store.read(other)) === undefined, `keyring '${other}' has the document of '${id}'`)
    for (const other of others)
      must(await store.write(other, JSON.stringify(other), 0), `'${other}' could not be written`)
    for (const other of others) await mustHold(store, other, 1, JSON.stringify(other))
    await mustHold(store, id, 2, numbered(2))
  },
  'gives documents back unchanged': async (store) => {
    const id = newId()
    const documents = [
      '{}',
      '{ "spaces" : [ 1 , 2 ] }\n',
      '"ä ß 日本語 🗝️ \u2028 \ufeff e\u0301"',
      '{"escaped":"\\u0000 \\ud800 \\" \\\\"}',
    ]
    for (const [after, document] of documents.entries()) {
      must(await store.write(id, document, after), `document ${after} was not written`)
      await mustHold(store, id, after + 1, document)
    }
  },
  'takes the longest document and refuses a longer one': async (store) => {
    const id = newId()
    const longest = `"${'€'.repeat(maxDocumentLength - 2)}"`
    must(await store.write(id, longest, 0), 'the longest document was not written')
    await mustReject(() => store.write(id, `${longest} `, 1), 'a document over the limit was taken')
    await mustHold(store, id, 1, longest)
  },
}

const refusing: Cases = {
  'refuses ids of another form': async (store) => {
    const invalid = [
      '',
      'Main',
      '.main',
      '-main',
      '../main',
      'a/b',
      'a.b',
      'a b',
      'ä',
      "a'b",
      'a%',
      'a\0',
      'a\n',
      'a'.repeat(65),
    ]
    for (const id of invalid) {
      await mustReject(() => store.read(id), `read took the id ${JSON.stringify(id)}`)
      await mustReject(() => store.write(id, '{}', 0), `write took the id ${JSON.stringify(id)}`)
    }
    const longest = newId().padEnd(64, 'a')
    must(await store.write(longest, '{}', 0), 'an id of 64 characters was refused')
  },
  'refuses generations that cannot be': async (store) => {
    const id = newId()
    for (const after of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53]) {
      await mustReject(() => store.write(id, '{}', after), `write took ${after} as a generation`)
    }
    must((await store.read(id)) === undefined, 'a refused write left something')
  },
}

function newId(): string {
  return `c${globalThis.crypto.randomUUID()}`
}

function numbered(generation: number): string {
  return JSON.stringify({ generation, filling: String(generation % 10).repeat(3000) })
}

async function writeMany(store: KeyStore, id: string, count: number): Promise<void> {
  for (let after = 0; after < count; after++) {
    must(await store.write(id, numbered(after + 1), after), `the write after generation ${after} returned false`)
  }
}

async function mustRead(store: KeyStore, id: string): Promise<StoredKeyring> {
  const found = await store.read(id)
  must(found !== undefined, 'a keyring that was written reads as nothing')
  return found
}

async function mustHold(store: KeyStore, id: string, generation: number, document: string): Promise<void> {
  const found = await mustRead(store, id)
  must(found.generation === generation, `read gave generation ${found.generation} instead of ${generation}`)
  must(found.document === document, `read gave another document than generation ${generation}'s`)
}

async function increment(store: KeyStore, id: string, times: number): Promise<void> {
  for (let done = 0; done < times; ) {
    const found = await store.read(id)
    const { count } = JSON.parse(found?.document ?? '{"count":0}') as { count: number }
    if (await store.write(id, JSON.stringify({ count: count + 1 }), found?.generation ?? 0)) done++
  }
}

function pick<T>(items: readonly T[], index: number): T {
  const item = items[index]
  must(item !== undefined, 'no such item')
  return item
}
