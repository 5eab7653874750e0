import { afterEach, beforeEach, describe, expect, it, test, vi } from 'vitest'
import { discardEvents, systemClock } from '@mosaajii/core'
import { settableClock } from '@mosaajii/core/testing'
import {
  type Keyring,
  type KeyringOptions,
  memoryKeyStore,
  openKeyring,
  sealed,
  UnknownKeyVersionError,
} from '@mosaajii/crypto'
import { type Fleet, fleet, gate, minute, type PlainDocument, rejection, watchedStore } from './support/fleet.ts'
import { laxProvider, watchedProvider } from './support/providers.ts'

let group: Fleet
beforeEach(() => {
  group = fleet()
})
afterEach(() => {
  group.closeAll()
  vi.useRealTimers()
})

const row = { row: 1 }
const emailOf = (keyring: Keyring) => keyring.field({ table: 'customers', column: 'email' })
/** A token whose header names a version that does not exist. */
const ofVersion = (token: string, version: number) => {
  const bytes = Buffer.from(token, 'base64url')
  bytes.writeUInt32BE(version, 2)
  return bytes.toString('base64url')
}

describe('openKeyring refuses', () => {
  const good = (): KeyringOptions => ({
    provider: laxProvider(),
    store: memoryKeyStore(),
    events: discardEvents(),
  })
  const cases: readonly (readonly [string, Record<string, unknown>, RegExp, typeof TypeError | typeof RangeError])[] = [
    ['an unknown option', { rotateafter: '90d' }, /unknown option 'rotateafter'; known are .*rotateAfter/, TypeError],
    ['no events, and says how to have none', { events: undefined }, /discardEvents\(\)/, TypeError],
    ['events without write', { events: {} }, /discardEvents\(\)/, TypeError],
    ['events that are null', { events: null }, /discardEvents\(\)/, TypeError],
    ['no provider', { provider: undefined }, /localKeyProvider\(/, TypeError],
    ['a provider that is null', { provider: null }, /localKeyProvider\(/, TypeError],
    ['a provider without unwrap', { provider: { id: 'x', wrap: () => 0 } }, /provider/, TypeError],
    ['a provider without wrap', { provider: { id: 'x', unwrap: () => 0 } }, /provider/, TypeError],
    ['a provider without id', { provider: { ...laxProvider(), id: undefined } }, /provider/, TypeError],
    ['a provider with an empty id', { provider: laxProvider('') }, /provider/, TypeError],
    ['a provider with a huge id', { provider: laxProvider('x'.repeat(201)) }, /provider/, TypeError],
    ['no store', { store: undefined }, /fileKeyStore\(/, TypeError],
    ['a store without write', { store: { read: () => 0 } }, /fileKeyStore\(/, TypeError],
    ['a clock without now', { clock: {} }, /clock/, TypeError],
    ['a clock that is null', { clock: null }, /clock/, TypeError],
    ['an empty id', { id: '' }, /id is 1 to 64/, RangeError],
    ['an id that is no name', { id: '../keys' }, /id is 1 to 64/, RangeError],
    ['an id in capitals', { id: 'Main' }, /id is 1 to 64/, RangeError],
    ['an id that begins with a hyphen', { id: '-main' }, /id is 1 to 64/, RangeError],
    ['an id of 65', { id: 'a'.repeat(65) }, /id is 1 to 64/, RangeError],
    ['an id with a line break', { id: 'main\n' }, /id is 1 to 64/, RangeError],
    ['an id that is a number', { id: 7 }, /id is 1 to 64/, RangeError],
    ['refresh NaN', { refresh: Number.NaN }, /whole number/, RangeError],
    ['refresh under 100 ms', { refresh: 99 }, /100ms/, RangeError],
    ['refresh over a day', { refresh: '25h' }, /1d/, RangeError],
    ['refresh null', { refresh: null }, /duration/, TypeError],
    ['refresh in words', { refresh: 'a minute' }, /duration/, TypeError],
    ['deadline 0', { deadline: 0 }, /whole number/, RangeError],
    ['deadline NaN', { deadline: Number.NaN }, /whole number/, RangeError],
    ['deadline Infinity', { deadline: Number.POSITIVE_INFINITY }, /whole number/, RangeError],
    ['deadline over a day', { deadline: 86_400_001 }, /1d/, RangeError],
    ['rotateAfter NaN', { rotateAfter: Number.NaN }, /whole number/, RangeError],
    ['rotateAfter negative', { rotateAfter: -1 }, /whole number/, RangeError],
    ['rotateAfter fractional', { rotateAfter: 1.5 }, /whole number/, RangeError],
    ['rotateAfter as an object', { rotateAfter: {} }, /duration/, TypeError],
    ['an unknown engine', { engine: 'wasm' }, /'native' or 'portable'/, RangeError],
  ]

  test.each(cases)('%s', async (_, change, message, kind) => {
    const error = await rejection(openKeyring({ ...good(), ...change }))
    expect(error.message).toMatch(message)
    expect(Object.getPrototypeOf(error)).toBe(kind.prototype)
  })

  test.each([undefined, null, 'main', 7])('%j in place of options', async (options) => {
    expect(await rejection(openKeyring(options as never))).toBeInstanceOf(TypeError)
  })

  it('none of these, at the edges', async () => {
    const edges: Partial<KeyringOptions>[] = [
      { id: 'a' },
      { id: `9_-${'z'.repeat(61)}` },
      { refresh: 100 },
      { refresh: '1d' },
      { deadline: 1000 },
      { deadline: '1d' },
      { rotateAfter: 1 },
      { engine: 'portable' },
      { clock: systemClock },
    ]
    for (const edge of edges) {
      const keyring = await openKeyring({ ...good(), ...edge })
      expect(keyring.id).toBe(edge.id ?? 'main')
      expect(keyring.engine).toBe(edge.engine ?? 'native')
      keyring.close()
    }
  })
})

describe('the first opening', () => {
  it('makes one data and one index key, active at once', async () => {
    const keyring = await group.open()
    const at = group.clock.now()
    const version = { version: 1, state: 'active', createdAt: at, activeAt: at }
    expect(keyring.versions()).toEqual([{ purpose: 'data', ...version }])
    expect(keyring.versions('index')).toEqual([{ purpose: 'index', ...version }])
    expect(group.store.written.length).toBe(1)
  })

  it('seals and opens, and what it sealed opens in the next process', async () => {
    const keyring = await group.open()
    const token = emailOf(keyring).seal('ada@example.com', row)
    keyring.close()
    expect(emailOf(await group.open()).open(token, row)).toBe('ada@example.com')
  })

  it('keeps two keyrings of one store apart', async () => {
    const [main, other] = [await group.open(), await group.open({ id: 'other' })]
    const token = emailOf(main).seal('ada@example.com', row)
    expect(() => emailOf(other).open(token, row)).toThrow(expect.objectContaining({ code: 'DECRYPT_FAILED' }))
  })

  it('of many instances at once ends with one document and one version each', async () => {
    const instances = await Promise.all(
      Array.from({ length: 8 }, async (_, i) => group.open(i % 2 ? { provider: watchedProvider(group.provider) } : {})),
    )
    expect(group.store.written.length).toBe(1)
    const document = await group.store.document()
    expect(document.keys.map(({ purpose, version }) => `${purpose} ${version}`)).toEqual(['data 1', 'index 1'])
    const fields = instances.map(emailOf)
    for (const [i, field] of fields.entries()) {
      const token = field.seal(`from ${i}`, row)
      for (const other of fields) expect(other.open(token, row)).toBe(`from ${i}`)
    }
  })

  it('leaves nothing behind when the store fails, and succeeds when it is back', async () => {
    group.store.failWith(new Error('connection refused'))
    expect(await rejection(group.open())).toMatchObject({ name: 'CryptoError', code: 'KEY_STORE_FAILED', status: 503 })
    group.store.failWith(undefined)
    group.store.beforeWrite(() => {
      throw new Error('disk full')
    })
    expect((await rejection(group.open())).code).toBe('KEY_STORE_FAILED')
    group.store.beforeWrite(undefined)
    expect((await group.open()).versions().length).toBe(1)
  })

  it('of a store that wrote, and failed to say so, finds its own document the next time', async () => {
    const inner = memoryKeyStore()
    const store = {
      read: inner.read,
      write: async (id: string, document: string, after: number) => {
        await inner.write(id, document, after)
        throw new Error('connection lost')
      },
    }
    expect((await rejection(group.open({ store }))).code).toBe('KEY_STORE_FAILED')
    const options = { store: inner, provider: group.provider, events: discardEvents(), clock: group.clock }
    const keyring = await openKeyring(options)
    expect(keyring.versions().length).toBe(1)
    keyring.close()
  })

  it('is refused with a clock whose times the document could not hold', async () => {
    const clock = { now: () => 1_700_000_000_000.25 }
    expect((await rejection(group.open({ clock }))).code).toBe('KEY_STORE_FAILED')
    expect(group.store.written).toEqual([])
  })

  it('is given up when the store does not answer within the deadline', async () => {
    vi.useFakeTimers()
    const store = { read: () => new Promise<never>(() => undefined), write: async () => true }
    const opening = rejection(group.open({ store: watchedStore(store), deadline: '2s' }))
    await vi.advanceTimersByTimeAsync(2000)
    expect(await opening).toMatchObject({ code: 'KEY_STORE_FAILED', message: expect.stringContaining('2000 ms') })
  })
})

describe('a store that went back in time is refused', () => {
  it('with an older generation', async () => {
    const keyring = await group.open()
    await keyring.rotate()
    group.store.falsify((stored) => stored && { ...stored, generation: stored.generation - 1 })
    const error = await rejection(keyring.refresh())
    expect(error.code).toBe('KEY_STORE_FAILED')
    expect(error.message).toContain('back in time')
    expect((await rejection(keyring.rotate())).code).toBe('KEY_STORE_FAILED')
    group.store.falsify(undefined)
    await keyring.refresh()
  })

  it('with nothing at all', async () => {
    const keyring = await group.open()
    group.store.falsify(() => undefined)
    expect((await rejection(keyring.refresh())).message).toContain('back in time')
  })

  // A backup of generation 2 was restored while this instance ran at 3, and another one rotated it: the same numbers, other keys.
  it('with other keys under numbers that are in use', async () => {
    const keyring = await group.open()
    const old = await group.store.document()
    await keyring.rotate()
    const fork = watchedStore()
    await fork.write('main', JSON.stringify(old), 0)
    const other = await group.open({ store: fork })
    await other.rotate()
    await other.rotate()
    const forked = await fork.document()
    group.store.falsify(() => ({ generation: 9, document: JSON.stringify(forked) }))
    expect((await rejection(keyring.refresh())).message).toContain('back in time')
    expect(keyring.versions().length).toBe(2)
  })

  it('with a destroyed key back', async () => {
    const keyring = await group.open()
    const [before] = (await group.store.document()).keys
    await keyring.rotate()
    await group.pass(2 * minute, keyring)
    await group.pass(2 * minute, keyring)
    await keyring.destroy(1, { sources: [] })
    group.store.falsify((stored) => {
      const document = JSON.parse(stored?.document ?? '') as PlainDocument
      document.keys[0] = before as PlainDocument['keys'][number]
      return { generation: 99, document: JSON.stringify(document) }
    })
    expect((await rejection(keyring.refresh())).message).toContain('back in time')
  })

  it('but not one that answers an older reading later than a newer one', async () => {
    const [keyring, other] = [await group.open(), await group.open()]
    const late = gate()
    let readings = 0
    const slow = watchedStore({
      read: async (id) => {
        const stored = await group.store.read(id)
        if (readings++ === 2) await late.passed
        return stored
      },
      write: async (...args) => group.store.write(...args),
    })
    const third = await group.open({ store: slow })
    readings = 1
    // The second reading of a rotation is the one that it would change.
    const rotating = third.rotate()
    await vi.waitFor(() => expect(readings).toBe(3))
    await other.rotate()
    await third.refresh()
    expect(third.versions().length).toBe(2)
    late.open()
    expect((await rotating).version).toBe(3)
    await keyring.refresh()
    expect(keyring.versions().length).toBe(3)
  })

  test.each([Number.NaN, 'x', undefined, null])('with the generation %s', async (generation) => {
    const keyring = await group.open()
    group.store.falsify((stored) => ({ ...stored, generation }))
    expect((await rejection(keyring.refresh())).code).toBe('KEY_STORE_FAILED')
  })
})

describe('refresh()', () => {
  it('reads what was written before it was called, even while a reading is under way', async () => {
    const [one, two] = [await group.open(), await group.open()]
    const started = gate()
    let held = true
    const slow = watchedStore({
      read: async (id) => {
        const stored = await group.store.read(id)
        if (held) await started.passed
        return stored
      },
      write: async (...args) => group.store.write(...args),
    })
    held = false
    const three = await group.open({ store: slow })
    held = true
    const first = three.refresh()
    await one.rotate()
    await two.refresh()
    const second = three.refresh()
    held = false
    started.open()
    await first
    await second
    expect(three.versions().length).toBe(2)
  })

  it('of many callers is one reading at a time, with one more waiting', async () => {
    const keyring = await group.open()
    const before = group.store.reads
    await Promise.all(Array.from({ length: 50 }, async () => keyring.refresh()))
    expect(group.store.reads - before).toBe(2)
  })

  it('never opens a key twice, which would leave one behind after close()', async () => {
    const [one, two] = [await group.open(), await group.open()]
    for (let version = 2; version < 12; version++) {
      await one.rotate()
      const again = async () => {
        await two.refresh()
        await two.refresh()
      }
      await Promise.all([again(), two.refresh(), again(), two.refresh(), again()])
    }
    group.closeAll()
    const asked = group.provider.made('unwrap').length
    await group.open()
    expect(group.provider.made('unwrap').length - asked).toBe(12)
  })

  it('failing once does not stop the next one', async () => {
    const keyring = await group.open()
    group.store.failWith(new Error('down'))
    const failures = await Promise.all([rejection(keyring.refresh()), rejection(keyring.refresh())])
    expect(failures.map(({ code }) => code)).toEqual(['KEY_STORE_FAILED', 'KEY_STORE_FAILED'])
    group.store.failWith(undefined)
    await keyring.refresh()
  })
})

describe('sealing with a stale instance', () => {
  it('is refused from two intervals after the last reading began, and possible again after the next one', async () => {
    const keyring = await group.open()
    const email = emailOf(keyring)
    const index = email.blindIndex()
    const token = email.seal('x', row)
    await keyring.recorded()
    group.clock.advance(2 * minute - 1)
    email.seal('x', row)
    index.current('x')
    group.clock.advance(1)
    group.store.failWith(new Error('down'))
    for (const seal of [
      () => email.seal('x', row),
      () => email.sealBytes(Buffer.of(1), row),
      () => index.current('x'),
    ]) {
      expect(seal).toThrow(expect.objectContaining({ name: 'CryptoError', code: 'KEYRING_STALE', status: 503 }))
    }
    // Opening and searching stay possible.
    expect(email.open(token, row)).toBe('x')
    expect(index.all('x').length).toBe(1)
    group.store.failWith(undefined)
    await keyring.refresh()
    email.seal('x', row)
  })

  it('counts from the beginning of the reading, not from its end', async () => {
    const keyring = await group.open()
    group.store.falsify((stored) => {
      group.clock.advance('30s')
      return stored
    })
    await keyring.refresh()
    group.clock.advance(90_000)
    expect(() => emailOf(keyring).seal('x', row)).toThrow(expect.objectContaining({ code: 'KEYRING_STALE' }))
  })

  it('starts a reading by itself, and recovers', async () => {
    const keyring = await group.open()
    const email = emailOf(keyring)
    await keyring.recorded()
    group.clock.advance(5 * minute)
    expect(() => email.seal('x', row)).toThrow(expect.objectContaining({ code: 'KEYRING_STALE' }))
    await vi.waitFor(() => email.seal('x', row))
  })

  it('is refused by the timer too, when the clock stands still or runs back', async () => {
    vi.useFakeTimers()
    const keyring = await group.open()
    const email = emailOf(keyring)
    await vi.advanceTimersByTimeAsync(0)
    group.store.failWith(new Error('down'))
    group.clock.set(group.clock.now() - 1000 * minute)
    await vi.advanceTimersByTimeAsync(2 * minute)
    email.seal('x', row)
    await vi.advanceTimersByTimeAsync(minute)
    expect(() => email.seal('x', row)).toThrow(expect.objectContaining({ code: 'KEYRING_STALE' }))
    expect(group.events.named('keyring.refreshFailed').map(({ data }) => data)).toEqual(
      Array.from({ length: 3 }, () => ({ keyring: 'main', code: 'KEY_STORE_FAILED' })),
    )
    group.store.failWith(undefined)
    await vi.advanceTimersByTimeAsync(minute)
    email.seal('x', row)
  })

  it('is not forgiven by a reading that began before the timer ran out', async () => {
    vi.useFakeTimers()
    const keyring = await group.open({ deadline: '1h' })
    const email = emailOf(keyring)
    await keyring.recorded()
    const readings = [gate(), gate()]
    let begun = 0
    group.store.falsify((stored) => readings[begun++]?.passed.then(() => stored))
    await vi.advanceTimersByTimeAsync(5 * minute)
    expect(begun).toBe(1)
    readings[0]?.open()
    await vi.advanceTimersByTimeAsync(0)
    expect(begun).toBe(2)
    expect(() => email.seal('x', row)).toThrow(expect.objectContaining({ code: 'KEYRING_STALE' }))
    // The reading that waited behind the first one is fresh.
    readings[1]?.open()
    await vi.advanceTimersByTimeAsync(0)
    email.seal('x', row)
  })
})

describe('the timer', () => {
  it('reads the store once an interval, until close()', async () => {
    vi.useFakeTimers()
    const keyring = await group.open({ refresh: '10s' })
    const before = group.store.reads
    await vi.advanceTimersByTimeAsync(65_000)
    expect(group.store.reads - before).toBe(6)
    keyring.close()
    await vi.advanceTimersByTimeAsync(60_000)
    expect(group.store.reads - before).toBe(6)
    expect(vi.getTimerCount()).toBe(0)
  })

  it('is not left behind by an opening that failed', async () => {
    vi.useFakeTimers()
    group.provider.answer(() => Promise.reject(new Error('down')))
    await rejection(group.open())
    expect(vi.getTimerCount()).toBe(0)
  })

  it('brings a rotation to an instance by itself', async () => {
    vi.useFakeTimers()
    const [one, two] = [await group.open(), await group.open()]
    await one.rotate()
    await vi.advanceTimersByTimeAsync(minute)
    expect(two.versions().map(({ state }) => state)).toEqual(['active', 'pending'])
  })
})

describe('a clock that goes backwards', () => {
  it('before the first key was made still seals with it', async () => {
    const keyring = await group.open()
    group.clock.set(1000)
    await keyring.refresh()
    const email = emailOf(keyring)
    expect(email.open(email.seal('x', row), row)).toBe('x')
    expect(keyring.versions()[0]?.state).toBe('active')
  })

  it('makes a version pending again, and what it sealed still opens', async () => {
    const keyring = await group.open()
    const email = emailOf(keyring)
    const before = group.clock.now()
    await keyring.rotate()
    await group.pass(2 * minute, keyring)
    const token = email.seal('new', row)
    expect(email.keyVersionOf(token)).toBe(2)
    group.clock.set(before)
    expect(email.keyVersionOf(email.seal('x', row))).toBe(1)
    expect(email.open(token, row)).toBe('new')
    expect(email.isStale(token)).toBe(false)
  })

  test.each([Number.NaN, Number.POSITIVE_INFINITY, undefined, '7'])('that says %s does not seal', async (time) => {
    let now: unknown = group.clock.now()
    const keyring = await group.open({ clock: { now: () => now as number } })
    const email = emailOf(keyring)
    const index = email.blindIndex()
    const token = email.seal('x', row)
    now = time
    for (const use of [() => email.seal('x', row), () => index.current('x'), () => keyring.versions()]) {
      expect(use).toThrow(expect.objectContaining({ code: 'KEYRING_STALE', message: expect.stringContaining('clock') }))
    }
    expect((await rejection(keyring.refresh())).code).toBe('KEYRING_STALE')
    expect(email.open(token, row)).toBe('x')
  })

  it('behind the start of the oldest key that was not destroyed refuses to seal', async () => {
    const keyring = await group.open()
    const email = emailOf(keyring)
    const index = email.blindIndex()
    const before = group.clock.now()
    await keyring.rotate()
    await group.pass(2 * minute, keyring)
    await group.pass(2 * minute, keyring)
    const token = email.seal('x', row)
    await keyring.destroy(1, { sources: [], dropped: [{ table: 'customers', column: 'email' }] })
    group.clock.set(before)
    for (const seal of [() => email.seal('x', row), () => index.current('x')]) {
      expect(seal).toThrow(
        expect.objectContaining({ code: 'KEYRING_STALE', message: expect.stringContaining('clock') }),
      )
    }
    expect(email.open(token, row)).toBe('x')
  })
})

describe('a version that is not known here', () => {
  it('throws an UnknownKeyVersionError, synchronously, with the version of the header', async () => {
    const keyring = await group.open()
    const email = emailOf(keyring)
    const token = ofVersion(email.seal('x', row), 77)
    try {
      email.open(token, row)
      expect.unreachable()
    } catch (error) {
      expect(error).toBeInstanceOf(UnknownKeyVersionError)
      expect(error).toMatchObject({
        name: 'UnknownKeyVersionError',
        code: 'KEY_VERSION_UNKNOWN',
        status: 503,
        keyVersion: 77,
      })
    }
  })

  it('is cured by openAsync, which waits for one refresh', async () => {
    const [one, two] = [await group.open(), await group.open()]
    const email = [emailOf(one), emailOf(two)] as const
    const cvv = [one, two].map((keyring) => keyring.transient({ table: 'p', column: 'cvv', ttl: '10m' }))
    const table = [one, two].map((keyring) => keyring.table('people', { row: 'id', fields: { name: sealed() } }))
    await one.rotate()
    await group.pass(2 * minute, one)
    const token = email[0].seal('new', row)
    const bytes = email[0].sealBytes(Buffer.of(7), row)
    const person = table[0]?.seal({ id: 7, name: 'Ada' }) ?? { id: 0, name: '' }
    const expiring = cvv[0]?.seal('123', row) ?? ''
    expect(() => email[1].open(token, row)).toThrow(UnknownKeyVersionError)
    expect(await email[1].openAsync(token, row)).toBe('new')
    expect(email[1].openBytes(bytes, row)).toEqual(Uint8Array.of(7))
    expect(await email[1].openBytesAsync(bytes, row)).toEqual(Uint8Array.of(7))
    expect(await cvv[1]?.openAsync(expiring, row)).toBe('123')
    expect(await table[1]?.openAsync(person)).toEqual({ id: 7, name: 'Ada' })
  })

  it('that exists nowhere fails after that one refresh', async () => {
    const keyring = await group.open()
    const email = emailOf(keyring)
    await keyring.recorded()
    const token = ofVersion(email.seal('x', row), 77)
    const before = group.store.reads
    expect(await rejection(email.openAsync(token, row))).toBeInstanceOf(UnknownKeyVersionError)
    expect(group.store.reads - before).toBe(1)
  })

  it('makes openAsync fail with what made the refresh fail', async () => {
    const keyring = await group.open()
    const email = emailOf(keyring)
    const token = ofVersion(email.seal('x', row), 77)
    group.store.failWith(new Error('down'))
    expect((await rejection(email.openAsync(token, row))).code).toBe('KEY_STORE_FAILED')
  })

  it('costs one reading a second, however many such tokens are sent', async () => {
    vi.useFakeTimers()
    const keyring = await group.open()
    const email = emailOf(keyring)
    await keyring.recorded()
    const token = email.seal('x', row)
    const before = group.store.reads
    for (let i = 0; i < 300; i++) {
      const forged = ofVersion(token, 2 + i)
      expect(() => email.open(forged, row)).toThrow(UnknownKeyVersionError)
      const waiting = i % 10 === 0 ? email.openAsync(forged, row).catch(() => undefined) : undefined
      await vi.advanceTimersByTimeAsync(33)
      void waiting
    }
    // Ten seconds of it.
    const reads = group.store.reads - before
    expect(reads).toBeGreaterThanOrEqual(8)
    expect(reads).toBeLessThanOrEqual(11)
  })
})

describe('recorded()', () => {
  it('resolves when the fields are in the store, so that every instance knows them', async () => {
    const keyring = await group.open()
    const email = emailOf(keyring)
    email.blindIndex()
    keyring.field({ table: 'a', column: 'b', tenant: 't', schema: 's', formerly: [{ table: 'old' }, { schema: null }] })
    keyring.transient({ table: 'p', column: 'cvv', ttl: '1m', tenant: 't' })
    await keyring.recorded()
    expect((await group.store.document()).fields).toEqual([
      { use: 'stored', table: 'customers', column: 'email', indexes: ['default exact 256'] },
      { use: 'stored', tenant: 't', table: 'a', column: 'b', schema: 's' },
      { use: 'stored', tenant: 't', table: 'old', column: 'b', schema: 's' },
      { use: 'stored', tenant: 't', table: 'a', column: 'b' },
      { use: 'transient', tenant: 't', table: 'p', column: 'cvv', ttl: 60_000 },
    ])
  })

  it('takes one write for any number of fields, and none for fields that are known', async () => {
    const keyring = await group.open()
    const define = () => {
      for (let i = 0; i < 20; i++) keyring.field({ table: 't', column: `c${i}` }).blindIndex()
    }
    define()
    await keyring.recorded()
    expect(group.store.written.length).toBe(2)
    define()
    await keyring.recorded()
    const again = await group.open()
    emailOf(again)
    await again.recorded()
    expect(group.store.written.length).toBe(3)
    expect((await group.store.document()).fields.length).toBe(21)
  })

  it('adds an index to a field that is known without, and never takes it away', async () => {
    const keyring = await group.open()
    const email = emailOf(keyring)
    await keyring.recorded()
    email.blindIndex()
    await keyring.recorded()
    emailOf(await group.open())
    const { fields } = await group.store.document()
    expect(fields).toEqual([{ use: 'stored', table: 'customers', column: 'email', indexes: ['default exact 256'] }])
  })

  it('also resolves for a field that was defined while others were being written', async () => {
    const keyring = await group.open()
    emailOf(keyring)
    group.store.beforeWrite(() => {
      group.store.beforeWrite(undefined)
      keyring.field({ table: 'late', column: 'late' })
    })
    await keyring.recorded()
    expect((await group.store.document()).fields.length).toBe(2)
  })

  it('is not needed for the fields to arrive', async () => {
    const keyring = await group.open()
    emailOf(keyring)
    await vi.waitFor(async () => expect((await group.store.document()).fields.length).toBe(1))
  })

  it('rejects while the store fails, tries again itself, and the next refresh does too', async () => {
    const keyring = await group.open()
    group.store.failWith(new Error('down'))
    emailOf(keyring)
    expect((await rejection(keyring.recorded())).code).toBe('KEY_STORE_FAILED')
    keyring.field({ table: 'second', column: 'c' })
    // The attempt in the background has begun and will fail; this one begins after the store is back.
    await Promise.resolve()
    await Promise.resolve()
    group.store.failWith(undefined)
    await keyring.recorded()
    expect((await group.store.document()).fields.length).toBe(2)
    group.store.failWith(new Error('down'))
    keyring.field({ table: 'third', column: 'c' })
    await rejection(keyring.recorded())
    group.store.failWith(undefined)
    await keyring.refresh()
    expect((await group.store.document()).fields.length).toBe(3)
  })

  it('of several instances at once loses no field', async () => {
    const instances = await Promise.all(Array.from({ length: 6 }, async () => group.open()))
    for (const [i, keyring] of instances.entries()) {
      for (let k = 0; k < 5; k++) keyring.field({ table: `t${i}`, column: `c${k}` })
    }
    await Promise.all(instances.map(async (keyring) => keyring.recorded()))
    expect((await group.store.document()).fields.length).toBe(30)
  })

  it('never writes more fields than can be read again: the definition is refused', async () => {
    const keyring = await group.open()
    for (let i = 0; i < 5000; i++) keyring.field({ table: 't', column: `c${i}` })
    expect(() => keyring.field({ table: 't', column: 'one more' })).toThrow(RangeError)
    keyring.field({ table: 't', column: 'c7' })
    await keyring.recorded()
    expect(() => keyring.field({ table: 't', column: 'one more' })).toThrow(/no room for more fields/)
    await keyring.refresh()
    emailOfKnown(keyring).seal('x', row)
    expect((await group.open()).versions().length).toBe(1)
  })

  it('leaves room for keys: fields of long names are refused before they fill the document', async () => {
    const keyring = await group.open()
    const name = (i: number) => `${'n'.repeat(190)}${i}`
    let defined = 0
    const define = () => {
      for (; defined < 5000; defined++) keyring.field({ table: name(defined), column: name(defined) })
    }
    expect(define).toThrow(RangeError)
    expect(defined).toBeGreaterThan(1000)
    await keyring.recorded()
    expect(define).toThrow(/no room for more fields/)
    expect((await keyring.rotate()).version).toBe(2)
  })

  const emailOfKnown = (keyring: Keyring) => keyring.field({ table: 't', column: 'c7' })
})

describe('close()', () => {
  const closedError = expect.objectContaining({ name: 'CryptoError', code: 'KEYRING_CLOSED' }) as Error

  it('ends everything, with an error that says so', async () => {
    const keyring = await group.open()
    const email = emailOf(keyring)
    const index = email.blindIndex()
    const cvv = keyring.transient({ table: 'p', column: 'cvv', ttl: '1m' })
    const token = email.seal('x', row)
    keyring.close()
    const uses: readonly (() => unknown)[] = [
      () => email.seal('x', row),
      () => email.sealBytes(Buffer.of(1), row),
      () => email.open(token, row),
      () => email.openBytes(token, row),
      () => email.isStale(token),
      () => index.current('x'),
      () => index.all('x'),
      () => cvv.seal('123', row),
      () => keyring.versions(),
      () => emailOf(keyring),
    ]
    for (const use of uses) expect(use).toThrow(closedError)
    const promises: readonly (() => Promise<unknown>)[] = [
      () => email.openAsync(token, row),
      () => keyring.refresh(),
      () => keyring.recorded(),
      () => keyring.rotate(),
      () => keyring.rotateIndex(),
      () => keyring.rotateIfDue(),
      () => keyring.destroy(1, { sources: [] }),
    ]
    for (const use of promises) await expect(use()).rejects.toThrow(closedError)
  })

  it('may be called twice, and by using', async () => {
    let email
    {
      using keyring = await group.open()
      email = emailOf(keyring)
      email.seal('x', row)
    }
    expect(() => email.seal('x', row)).toThrow(closedError)
    const keyring = await group.open()
    keyring.close()
    keyring.close()
    keyring[Symbol.dispose]()
  })

  it('of one instance leaves the others of the process alone', async () => {
    const [one, two] = [await group.open(), await group.open()]
    one.close()
    one.close()
    const email = emailOf(two)
    expect(email.open(email.seal('x', row), row)).toBe('x')
    expect(email.blindIndex().current('x')).toMatch(/^1\./)
  })

  it.each(['native', 'portable'] as const)('overwrites the keys (%s engine)', async (engine) => {
    const wiped: string[] = []
    const original = Uint8Array.prototype.fill
    const fill = vi.spyOn(Uint8Array.prototype, 'fill').mockImplementation(function (this: Uint8Array, ...args) {
      if (args[0] === 0 && this.length === 32) wiped.push(Buffer.from(this).toString('hex'))
      return original.apply(this, args)
    })
    try {
      const keyring = await group.open({ engine })
      const keys = group.provider.calls
        .filter(({ what }) => what === 'wrap')
        .map(({ bytes }) => Buffer.from(bytes.subarray(-32)).toString('hex'))
      wiped.length = 0
      keyring.close()
      for (const key of keys) expect(wiped).toContain(key)
      // The portable engine has a copy of the data key; the native one has it in OpenSSL's memory.
      expect(wiped.filter((key) => key === keys[0]).length).toBe(engine === 'portable' ? 2 : 1)
    } finally {
      fill.mockRestore()
    }
  })

  it('while a refresh is under way leaves no key open behind it', async () => {
    const [one, two] = [await group.open(), await group.open()]
    await one.rotate()
    one.close()
    const slow = gate<Uint8Array>()
    group.provider.answer((call) => (call.version === 2 ? slow.passed : undefined))
    const refreshing = rejection(two.refresh())
    await vi.waitFor(() => expect(group.provider.made('unwrap').filter((key) => key === 'data 2').length).toBe(2))
    two.close()
    const wrapped = group.provider.calls.find(({ what, version }) => what === 'wrap' && version === 2)
    const record = wrapped?.bytes.slice() ?? new Uint8Array(0)
    slow.open(record)
    expect((await refreshing).code).toBe('KEYRING_CLOSED')
    expect(record.every((byte) => byte === 0)).toBe(true)
    group.provider.answer(undefined)
    const asked = group.provider.calls.length
    await group.open()
    expect(group.provider.calls.length - asked).toBe(3)
  })

  it('while a rotation is under way neither hangs nor loses it', async () => {
    const keyring = await group.open()
    group.store.beforeWrite(() => keyring.close())
    expect((await keyring.rotate()).version).toBe(2)
    group.store.beforeWrite(undefined)
    expect((await group.open()).versions().length).toBe(2)
  })
})

test('a clock of its own for each instance is all that tells their states apart', async () => {
  const late = settableClock(group.clock.now())
  const [one, two] = [await group.open(), await group.open({ clock: late })]
  await one.rotate()
  await two.refresh()
  await group.pass(2 * minute, one)
  expect(one.versions()[1]?.state).toBe('active')
  expect(two.versions()[1]?.state).toBe('pending')
})
