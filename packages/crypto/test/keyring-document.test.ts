import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import { inspect } from 'node:util'
import { memoryKeyStore, openKeyring } from '@mosaajii/crypto'
import { discardEvents } from '@mosaajii/core'
import {
  continues,
  type KeyringDocument,
  maxEntries,
  maxRefreshMs,
  parseDocument,
  serializeDocument,
  versionsAt,
} from '../src/keyring-document.ts'
import { maxDocumentLength } from '../src/key-store.ts'
import { type PlainDocument, rejection } from './support/fleet.ts'
import { thrown } from './support/keyrings.ts'
import { watchedProvider } from './support/providers.ts'

const wrapped = 'd3JhcHBlZC1rZXktbWF0ZXJpYWw'

/** Three data versions, the first destroyed, and one index version. */
function sample(): PlainDocument {
  return {
    format: 1,
    keyring: 'main',
    refresh: 60_000,
    keys: [
      { purpose: 'data', version: 1, createdAt: 1000, activeAt: 1000, destroyedAt: 900_000, provider: 'local' },
      { purpose: 'index', version: 1, createdAt: 1000, activeAt: 1000, provider: 'local', wrapped: `${wrapped}_` },
      { purpose: 'data', version: 2, createdAt: 2000, activeAt: 122_000, provider: 'local', wrapped },
      { purpose: 'data', version: 3, createdAt: 400_000, activeAt: 520_000, provider: 'kms', wrapped: `${wrapped}A` },
    ],
    fields: [
      { use: 'stored', table: 'customers', column: 'email', indexes: ['default exact 256'] },
      { use: 'stored', tenant: 'a', table: 'customers', column: 'email', schema: 'v2' },
      { use: 'transient', table: 'payments', column: 'cvv', ttl: 300_000 },
    ],
  }
}

type Loose = Record<string, unknown> & { keys: Record<string, unknown>[]; fields: Record<string, unknown>[] }
type Mutation = (document: Loose) => unknown

const key =
  (index: number, name: string, value: unknown): Mutation =>
  ({ keys }) => {
    const entry = keys[index] as Record<string, unknown>
    if (value === undefined) delete entry[name]
    else entry[name] = value
  }
const field =
  (name: string, value: unknown): Mutation =>
  ({ fields }) => {
    const entry = fields[0] as Record<string, unknown>
    if (value === undefined) delete entry[name]
    else entry[name] = value
  }
const top =
  (name: string, value: unknown): Mutation =>
  (document) => {
    if (value === undefined) delete document[name]
    else document[name] = value
  }

/** What a bug, a bad disk or a hand may make of a document. Each must stop the keyring. */
const damage: Readonly<Record<string, Mutation>> = {
  'another format': top('format', 2),
  'a format as text': top('format', '1'),
  'no format': top('format', undefined),
  'another keyring': top('keyring', 'main2'),
  'no keyring': top('keyring', undefined),
  'an unknown field': top('extra', 1),
  'a negative interval': top('refresh', -1),
  'a fractional interval': top('refresh', 0.5),
  'an interval over a day': top('refresh', maxRefreshMs + 1),
  'an interval as text': top('refresh', '60000'),
  'no interval': top('refresh', undefined),
  'no keys': top('keys', []),
  'keys that are no list': top('keys', {}),
  'keys that are null': top('keys', null),
  'fields that are no list': top('fields', {}),
  'no fields list': top('fields', undefined),
  'a key that is null': ({ keys }) => (keys[2] = null as never),
  'a key that is a list': ({ keys }) => (keys[2] = [] as never),
  'an unknown field of a key': key(2, 'note', 'x'),
  'another purpose': key(2, 'purpose', 'backup'),
  'an inherited purpose': key(2, 'purpose', 'toString'),
  'version 0': key(0, 'version', 0),
  'a negative version': key(0, 'version', -1),
  'a fractional version': key(2, 'version', 2.5),
  'a version as text': key(2, 'version', '2'),
  'a version over four bytes': key(2, 'version', 2 ** 32),
  'a gap': ({ keys }) => keys.splice(2, 1),
  'a duplicate': ({ keys }) => keys.push({ ...keys[3] }),
  'a version twice': key(3, 'version', 2),
  'versions out of order': (document) => {
    document.keys = document.keys.toReversed()
  },
  'no data key': (document) => {
    document.keys = document.keys.filter(({ purpose }) => purpose !== 'data')
  },
  'no index key': ({ keys }) => keys.splice(1, 1),
  'a negative time': key(2, 'createdAt', -1),
  'a fractional time': key(2, 'activeAt', 122_000.5),
  'a time as text': key(2, 'activeAt', '122000'),
  'a time over the safe integers': key(3, 'activeAt', 2 ** 53),
  'no createdAt': key(2, 'createdAt', undefined),
  'no activeAt': key(2, 'activeAt', undefined),
  'a null activeAt': key(2, 'activeAt', null),
  'a successor that is active before': key(3, 'activeAt', 121_999),
  'a tombstone with its key': key(0, 'wrapped', wrapped),
  'a tombstone without a time': key(0, 'destroyedAt', undefined),
  'a live key without its key': key(2, 'wrapped', undefined),
  'a null key': key(2, 'wrapped', null),
  'a destroyed newest version': ({ keys }) => {
    delete keys[3]?.['wrapped']
    Object.assign(keys[3] ?? {}, { destroyedAt: 900_000 })
  },
  'a negative destruction': key(0, 'destroyedAt', -5),
  'an empty wrapped key': key(2, 'wrapped', ''),
  'a wrapped key with padding': key(2, 'wrapped', 'AAA='),
  'a wrapped key in plain base64': key(2, 'wrapped', '++//'),
  'a wrapped key that no bytes give': key(2, 'wrapped', 'AAAAA'),
  'a huge wrapped key': key(2, 'wrapped', 'A'.repeat(8000)),
  'no provider': key(2, 'provider', undefined),
  'an empty provider': key(2, 'provider', ''),
  'a provider that is a number': key(2, 'provider', 7),
  'too many keys': ({ keys }) => {
    for (let version = 4; keys.length <= maxEntries; version++) keys.push({ ...keys[3], version })
  },
  'a field that is null': ({ fields }) => (fields[0] = null as never),
  'an unknown field of a field': field('row', 'id'),
  'an unknown use': field('use', 'both'),
  'no use': field('use', undefined),
  'no table': field('table', undefined),
  'an empty column': field('column', ''),
  'a negative life': field('ttl', -1),
  'a life as text': field('ttl', '5m'),
  'a tenant that is null': field('tenant', null),
  'indexes that are no list': field('indexes', 'default'),
  'indexes that are none': field('indexes', []),
  'an index twice': field('indexes', ['a', 'a']),
  'an index without a name': field('indexes', ['']),
  'a field twice': ({ fields }) => fields.push({ ...fields[0], indexes: ['other'] }),
  'too many fields': ({ fields }) => {
    for (let i = 0; fields.length <= maxEntries; i++) fields.push({ use: 'stored', table: 't', column: `c${i}` })
  },
}

const texts: Readonly<Record<string, string>> = {
  nothing: '',
  'no JSON': '{',
  null: 'null',
  'a number': '7',
  'a list': '[]',
  'an empty object': '{}',
  'an inherited name': JSON.stringify(sample()).replace('{', '{"__proto__":{},'),
  'a huge text': `${JSON.stringify(sample())}${' '.repeat(maxDocumentLength)}`,
  'a truncated text': JSON.stringify(sample()).slice(0, -1),
  'more behind it': `${JSON.stringify(sample())}{}`,
}

function damaged(mutate: Mutation): string {
  const document = sample() as unknown as Loose
  mutate(document)
  return JSON.stringify(document)
}

describe('a damaged document is refused', () => {
  const cases = [
    ...Object.entries(damage).map(([name, mutate]) => [name, damaged(mutate)] as const),
    ...Object.entries(texts),
  ]

  it('unlike the one that the damage is made of', () => {
    expect(parseDocument('main', JSON.stringify(sample()))).toEqual(sample())
  })

  test.each(cases)('%s', (_, text) => {
    const error = thrown(() => parseDocument('main', text))
    expect(error).toMatchObject({ name: 'CryptoError', code: 'KEY_STORE_FAILED', status: 503 })
    expect(error.message).toContain('backup')
    // A parser's message would quote the text.
    expect(error.cause).toBeUndefined()
    expect(inspect(error, { showHidden: true, depth: 10 })).not.toContain(wrapped.slice(0, 8))
  })

  test.each([null, undefined, 7, {}, Buffer.from(JSON.stringify(sample()))])('%j instead of a text', (text) => {
    expect(thrown(() => parseDocument('main', text as never)).code).toBe('KEY_STORE_FAILED')
  })

  it('by openKeyring too, before the provider is asked', async () => {
    for (const [name, text] of cases) {
      const provider = watchedProvider()
      const store = { read: async () => ({ generation: 3, document: text }), write: async () => false }
      const error = await rejection(openKeyring({ provider, store, events: discardEvents() }))
      expect(error.code, name).toBe('KEY_STORE_FAILED')
      expect(provider.calls, name).toEqual([])
    }
  })
})

describe('what is written', () => {
  const document = () => sample() as unknown as KeyringDocument

  it('can be read again', () => {
    expect(parseDocument('main', serializeDocument(document()))).toEqual(sample())
  })

  // Each of these was once written, and then stopped every instance for good.
  test.each<[string, Partial<KeyringDocument>, RegExp]>([
    ['a fractional time', { keys: document().keys.map((entry) => ({ ...entry, createdAt: 0.5 })) }, /clock/],
    [
      'too many fields',
      { fields: Array.from({ length: maxEntries + 1 }, (_, i) => ({ use: 'stored', table: 't', column: `c${i}` })) },
      /more than 5000 fields/,
    ],
    [
      'too many characters',
      { fields: [{ use: 'stored', table: 't', column: 'c'.repeat(maxDocumentLength) }] },
      /grown over/,
    ],
  ])('is never %s', (_, part, message) => {
    const error = thrown(() => serializeDocument({ ...document(), ...part }))
    expect(error.code).toBe('KEY_STORE_FAILED')
    expect(error.message).toMatch(message)
  })
})

describe('a later document', () => {
  const changed = (mutate: Mutation) => JSON.parse(damaged(mutate)) as KeyringDocument
  const earlier = sample() as unknown as KeyringDocument

  test.each<[string, Mutation]>([
    ['the same', () => undefined],
    ['one more key', ({ keys }) => keys.push({ ...keys[3], version: 4 })],
    ['one more field', ({ fields }) => fields.push({ use: 'stored', table: 't', column: 'c' })],
    ['an index for a field', ({ fields }) => Object.assign(fields[1] ?? {}, { indexes: ['a'] })],
    ['a longer interval', top('refresh', 70_000)],
    ['a longer life of a transient field', ({ fields }) => Object.assign(fields[2] ?? {}, { ttl: 300_001 })],
    ['a key destroyed', (document) => destroyed(document, 2)],
  ])('may have %s', (_, mutate) => {
    expect(continues(changed(mutate), earlier)).toBe(true)
  })

  test.each<[string, Mutation]>([
    ['another key under a known number', key(2, 'wrapped', 'b3RoZXI')],
    ['another time of activation', key(3, 'activeAt', 520_001)],
    ['another time of creation', key(3, 'createdAt', 399_999)],
    ['a shorter interval', top('refresh', 59_999)],
    ['a shorter life of a transient field', ({ fields }) => Object.assign(fields[2] ?? {}, { ttl: 299_999 })],
    ['a key less', ({ keys }) => keys.pop()],
    ['a destroyed key back', ({ keys }) => Object.assign(keys[0] ?? {}, { wrapped, destroyedAt: undefined })],
    ['a field less', ({ fields }) => fields.pop()],
    ['a field without its index', field('indexes', undefined)],
    ['a field with another index', field('indexes', ['other'])],
  ])('must not have %s', (_, mutate) => {
    expect(continues(changed(mutate), earlier)).toBe(false)
  })

  function destroyed({ keys }: Loose, index: number): void {
    delete keys[index]?.['wrapped']
    Object.assign(keys[index] ?? {}, { destroyedAt: 900_000 })
  }
})

describe('the states', () => {
  const statesAt = (now: number) =>
    versionsAt(sample() as unknown as KeyringDocument, 'data', now).map(({ state }) => state)

  test.each([
    [0, ['destroyed', 'pending', 'pending']],
    [121_999, ['destroyed', 'pending', 'pending']],
    [122_000, ['destroyed', 'active', 'pending']],
    [519_999, ['destroyed', 'active', 'pending']],
    [520_000, ['destroyed', 'decrypt-only', 'active']],
  ])('at %i', (now, states) => expect(statesAt(now)).toEqual(states))

  it('tell when a version stopped sealing, and leave out what did not happen', () => {
    const versions = versionsAt(sample() as unknown as KeyringDocument, 'data', 600_000)
    expect(versions[1]).toEqual({
      purpose: 'data',
      version: 2,
      state: 'decrypt-only',
      createdAt: 2000,
      activeAt: 122_000,
      decryptOnlyAt: 520_000,
    })
    expect(Object.keys(versions[2] ?? {})).toEqual(['purpose', 'version', 'state', 'createdAt', 'activeAt'])
    expect(versions[0]).toMatchObject({ destroyedAt: 900_000, decryptOnlyAt: 122_000 })
    expect(versions.every(Object.isFrozen)).toBe(true)
  })

  it('of live versions have exactly one active, at any time', () => {
    const times = fc.array(fc.nat(1000), { minLength: 1, maxLength: 6 })
    fc.assert(
      fc.property(times, fc.nat(1200), (activeAts, now) => {
        const keys = activeAts
          .toSorted((a, b) => a - b)
          .map((activeAt, i) => ({ purpose: 'data', version: i + 1, createdAt: 0, activeAt, provider: 'p', wrapped }))
        const states = versionsAt({ ...sample(), keys } as unknown as KeyringDocument, 'data', now)
        expect(states.filter(({ state }) => state === 'active').length).toBe(1)
      }),
    )
  })
})

test('a keyring writes such a document', async () => {
  const store = memoryKeyStore()
  const keyring = await openKeyring({ provider: watchedProvider(), store, events: discardEvents(), refresh: '5m' })
  keyring.field({ table: 'customers', column: 'email', tenant: 'a', schema: 's' }).blindIndex()
  await keyring.recorded()
  const document = JSON.parse((await store.read('main'))?.document ?? '') as PlainDocument
  expect(document).toMatchObject({ format: 1, keyring: 'main', refresh: 300_000 })
  expect(document.keys.map(({ purpose, version }) => `${purpose} ${version}`)).toEqual(['data 1', 'index 1'])
  expect(document.fields).toEqual([
    { use: 'stored', tenant: 'a', table: 'customers', column: 'email', schema: 's', indexes: ['default exact 256'] },
  ])
  keyring.close()
})
