import { runInNewContext } from 'node:vm'
import { inspect } from 'node:util'
import { discardEvents } from '@mosaajii/core'
import { settableClock } from '@mosaajii/core/testing'
import {
  DecryptError,
  type Field,
  type FieldDefinition,
  type KeyProvider,
  localKeyProvider,
  memoryKeyStore,
  openKeyring,
  searchable,
} from '@mosaajii/crypto'
import { beforeEach, describe, expect, it } from 'vitest'
import { selectEngine } from '../src/engines/select.ts'
import { testKeyring, type TestKeyring, thrown } from './support/keyrings.ts'

const row = 7

let test: TestKeyring
let field: Field

beforeEach(async () => {
  test = await testKeyring()
  field = test.keyring.field({ table: 'customers', column: 'email' })
})

describe('bytes that are not what they say', () => {
  it('are sealed as what they really are', () => {
    class Short extends Uint8Array {
      override get length() {
        return 1
      }
    }
    const sealed = field.sealBytes(new Short([1, 2, 3]), { row })
    expect(field.openBytes(sealed, { row })).toEqual(new Uint8Array([1, 2, 3]))
    const long = new Short(new ArrayBuffer(65_537))
    expect(thrown(() => field.sealBytes(long, { row }))).toMatchObject({ code: 'SEAL_INPUT_TOO_LONG' })
  })

  it('are refused when their memory was given away', () => {
    const bytes = new Uint8Array([1, 2, 3])
    structuredClone(bytes, { transfer: [bytes.buffer] })
    expect(thrown(() => field.sealBytes(bytes, { row }))).toMatchObject({ code: 'SEAL_INPUT_INVALID' })
  })

  it('are refused when they only look like a Uint8Array', () => {
    const fake = Object.create(Uint8Array.prototype, {
      length: { value: 2 },
      [Symbol.toStringTag]: { value: 'Uint8Array' },
    }) as Uint8Array
    expect(thrown(() => field.sealBytes(fake, { row }))).toMatchObject({ code: 'SEAL_INPUT_INVALID' })
  })

  it('are taken from another realm, such as a test runner makes', () => {
    const foreign = runInNewContext('new Uint8Array([4, 5])') as Uint8Array
    expect(foreign instanceof Uint8Array).toBe(false)
    expect(field.openBytes(field.sealBytes(foreign, { row }), { row })).toEqual(new Uint8Array([4, 5]))
  })
})

describe('objects that change while they are read', () => {
  it('are sealed as they were checked', () => {
    let asked = 0
    const table = test.keyring.table('people', { row: 'id', fields: { email: searchable() } })
    const record = {
      id: 1,
      get email(): string {
        asked++
        return asked === 1 ? 'ada@example.com' : (undefined as unknown as string)
      },
    }
    expect(table.open(table.seal(record))).toEqual({ id: 1, email: 'ada@example.com' })
    let id = 0
    const moving = {
      email: 'ada@example.com',
      get id() {
        return ++id
      },
    }
    const sealed = table.seal(moving)
    expect(table.open(sealed).email).toBe('ada@example.com')
  })

  it('are opened as they were when asked, also after a wait', async () => {
    const context = { row: 1 }
    const opening = field.openAsync(field.seal('ada', { row: 1 }), context)
    context.row = 2
    expect(await opening).toBe('ada')
  })
})

describe('a polluted prototype', () => {
  it('makes no value of a refusal', () => {
    const prototype = Object.prototype as { value?: string; former?: boolean }
    let answer: unknown
    prototype.value = 'forged'
    prototype.former = false
    try {
      answer = field.open('garbage', { row })
    } catch (error) {
      answer = error
    }
    delete prototype.value
    delete prototype.former
    expect(answer).toBeInstanceOf(DecryptError)
  })
})

describe('a tenant that was looked up and not found', () => {
  it.each(['tenant', 'schema'])('is an error, and not no %s', (name) => {
    const definition = { table: 'customers', column: 'email', [name]: undefined } as FieldDefinition
    expect(() => test.keyring.field(definition)).toThrow(new RegExp(`${name} is undefined`))
    expect(() => test.keyring.transient({ ...definition, ttl: '1m' } as never)).toThrow(TypeError)
    expect(() =>
      test.keyring.table('people', { row: 'id', fields: { email: searchable() }, [name]: undefined }),
    ).toThrow(TypeError)
  })
})

describe('what can be printed', () => {
  it('leads from no public object to a key', async () => {
    const keys: string[] = []
    const provider: KeyProvider & { secret: string } = {
      id: 'printed',
      secret: 'provider-canary',
      wrap: async (record) => {
        keys.push(Buffer.from(record.slice(-32)).toString('hex'))
        return record.slice()
      },
      unwrap: async (wrapped) => wrapped.slice(),
    }
    const { keyring } = await testKeyring({ provider })
    const table = keyring.table('people', { row: 'id', fields: { email: searchable() } })
    const one = keyring.field({ table: 'customers', column: 'email' })
    const objects = [
      keyring,
      one,
      one.blindIndex(),
      table,
      keyring.transient({ table: 'a', column: 'cvv', ttl: '1m' }),
      table.where('email', 'x'),
    ]
    const shown = objects
      .map((object) => inspect(object, { depth: 30, showHidden: true, maxArrayLength: null }) + JSON.stringify(object))
      .join('\n')
    expect(keys.length).toBe(2)
    for (const key of keys) {
      expect(shown).not.toContain(key)
      expect(shown.replaceAll(/[\s,]/g, '')).not.toContain([...Buffer.from(key, 'hex')].join(''))
    }
    expect(shown).not.toContain('provider-canary')
  })
})

describe('a provider that returns Buffers, as node:crypto does', () => {
  it('has its keys copied, and not emptied', async () => {
    const kept: Buffer[] = []
    const provider: KeyProvider = {
      id: 'buffers',
      wrap: async (record) => Buffer.from(record),
      unwrap: async (wrapped) => {
        const returned = Buffer.from(wrapped)
        kept.push(returned)
        return returned
      },
    }
    const store = memoryKeyStore()
    const first = await openKeyring({ provider, store, events: discardEvents() })
    const sealed = first.field({ table: 'customers', column: 'email' }).seal('ada', { row })
    first.close()
    const second = await openKeyring({ provider: { ...provider }, store, events: discardEvents() })
    const again = second.field({ table: 'customers', column: 'email' })
    expect(again.open(sealed, { row })).toBe('ada')
    // Whoever has the database and a key of zeros reads nothing.
    const zero = selectEngine('native').cipher(new Uint8Array(32))
    const token = Buffer.from(again.seal('ada', { row }), 'base64url')
    expect(zero.commits(token)).toBe(false)
    expect(kept.length).toBe(4)
    for (const returned of kept) expect(returned.every((byte) => byte === 0)).toBe(true)
  })

  it('is refused when a key that it returns is all zero', async () => {
    let zeros = 0
    const provider: KeyProvider = {
      id: 'zeros',
      wrap: async (record) => record.slice(),
      unwrap: async (wrapped) => wrapped.slice().fill(0, wrapped.length - zeros),
    }
    const store = memoryKeyStore()
    const honest = await openKeyring({ provider, store, events: discardEvents() })
    honest.close()
    zeros = 32
    await expect(openKeyring({ provider, store, events: discardEvents() })).rejects.toMatchObject({
      code: 'KEY_PROVIDER_FAILED',
    })
  })
})

describe.each(['native', 'portable'] as const)('a cipher of the %s engine that was destroyed', (name) => {
  it('does nothing any more', () => {
    const engine = selectEngine(name)
    const cipher = engine.cipher(Buffer.alloc(32, 5))
    const context = engine.allocate(40)
    const token = Buffer.from(engine.decodeBase64url(cipher.seal(1, context, 'x')) as Uint8Array)
    cipher.destroy()
    for (const work of [
      () => cipher.seal(1, context, 'x'),
      () => cipher.open(1, context, token),
      () => cipher.commits(token),
    ]) {
      expect(work).toThrow('the key was destroyed')
    }
  })
})

describe('a version that is destroyed elsewhere', () => {
  it('seals nothing more from the moment at which its key is closed', async () => {
    const clock = settableClock()
    const provider = localKeyProvider({ secret: new Uint8Array(32).fill(1, 1) })
    const store = memoryKeyStore()
    const keyring = await openKeyring({ provider, store, events: discardEvents(), clock, engine: 'portable' })
    const sealing = keyring.field({ table: 'customers', column: 'email' })
    await keyring.recorded()
    await keyring.rotate()
    clock.advance('2m')
    // A clock that is behind takes version 1 for the active one.
    clock.set(clock.now() - 90_000)
    await keyring.refresh()
    expect(sealing.keyVersionOf(sealing.seal('x', { row }))).toBe(1)
    const stored = await store.read('main')
    const document = JSON.parse(stored?.document ?? '') as {
      keys: { version: number; purpose: string; wrapped?: string; destroyedAt?: number }[]
    }
    const doomed = document.keys.find(({ purpose, version }) => purpose === 'data' && version === 1)
    delete doomed?.wrapped
    Object.assign(doomed ?? {}, { destroyedAt: clock.now() })
    await store.write('main', JSON.stringify(document), stored?.generation ?? 0)
    const refreshing = keyring.refresh()
    for (let turn = 0; turn < 50; turn++) {
      try {
        expect(sealing.keyVersionOf(sealing.seal('x', { row }))).toBeGreaterThan(0)
        const token = Buffer.from(sealing.seal('x', { row }), 'base64url')
        expect(selectEngine('portable').cipher(new Uint8Array(32)).commits(token)).toBe(false)
      } catch (error) {
        expect(error).toMatchObject({ code: 'KEYRING_STALE' })
      }
      await Promise.resolve()
    }
    await refreshing
    keyring.close()
  })
})
