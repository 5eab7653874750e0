import { afterEach, beforeEach, describe, expect, it, test, vi } from 'vitest'
import { inspect } from 'node:util'
import { discardEvents, type EventSink, systemClock } from '@mosaajii/core'
import { recordingSink } from '@mosaajii/core/testing'
import { type KeyProvider, localKeyProvider, memoryKeyStore, openKeyring } from '@mosaajii/crypto'
import { encodeKeyRecord } from '../src/key-record.ts'
import { holdKey } from '../src/unwrap-cache.ts'
import { type Fleet, fleet, type PlainDocument, rejection, watchedStore } from './support/fleet.ts'
import { gate, laxProvider, type ProviderCall, randomSecret, watchedProvider } from './support/providers.ts'

let group: Fleet
beforeEach(() => {
  group = fleet()
})
afterEach(() => {
  group.closeAll()
  vi.useRealTimers()
})

describe('a provider is asked', () => {
  it('once a key a process, when a keyring is made', async () => {
    await group.open()
    expect(group.provider.made('wrap')).toEqual(['data 1', 'index 1'])
    expect(group.provider.made('unwrap').toSorted()).toEqual(['data 1', 'index 1'])
  })

  it('once a key a process, by concurrent cold starts on a keyring that exists', async () => {
    ;(await group.open()).close()
    const asked = group.provider.calls.length
    const instances = await Promise.all(Array.from({ length: 8 }, async () => group.open()))
    expect(group.provider.calls.slice(asked).map(({ what, purpose }) => `${what} ${purpose}`)).toEqual([
      'unwrap data',
      'unwrap index',
    ])
    const [first, last] = [instances[0], instances[7]].map((keyring) => keyring?.field({ table: 't', column: 'c' }))
    expect(last?.open(first?.seal('shared', { row: 1 }) ?? '', { row: 1 })).toBe('shared')
  })

  it('once for a new version, by all instances of a process', async () => {
    const instances = await Promise.all([group.open(), group.open(), group.open()])
    await instances[0]?.rotate()
    for (const keyring of instances) await keyring.refresh()
    expect(group.provider.made('unwrap').filter((key) => key === 'data 2')).toEqual(['data 2'])
  })

  it('again, once every holder has closed the key', async () => {
    const [one, two] = [await group.open(), await group.open()]
    one.close()
    const asked = group.provider.calls.length
    const third = await group.open()
    expect(group.provider.calls.length).toBe(asked)
    two.close()
    third.close()
    await group.open()
    expect(group.provider.calls.length).toBe(asked + 2)
  })

  it('for all keys at once, so that their times do not add up', async () => {
    const keyring = await group.open()
    for (let i = 0; i < 3; i++) await keyring.rotate()
    keyring.close()
    const asked = group.provider.calls.length
    const answered = gate<Uint8Array>()
    group.provider.answer(() => answered.passed)
    const opening = rejection(group.open())
    await vi.waitFor(() => expect(group.provider.calls.length).toBe(asked + 5))
    answered.fail(new Error('enough'))
    expect((await opening).code).toBe('KEY_PROVIDER_FAILED')
  })
})

describe('a failed unwrap', () => {
  it('stops the opening, is shared by those who waited for it, and is not kept', async () => {
    ;(await group.open()).close()
    const asked = group.provider.calls.length
    group.provider.answer(async () => Promise.reject(new Error('the HSM is down')))
    const failures = await Promise.all([rejection(group.open()), rejection(group.open())])
    for (const error of failures) {
      expect(error).toMatchObject({ name: 'CryptoError', code: 'KEY_PROVIDER_FAILED', status: 503 })
      expect(error.message).toBe("key provider 'local' failed")
      expect((error.cause as Error).message).toBe('the HSM is down')
    }
    expect(group.provider.calls.length).toBe(asked + 2)
    group.provider.answer(undefined)
    const keyring = await group.open()
    expect(group.provider.calls.length).toBe(asked + 4)
    expect(keyring.versions().length).toBe(1)
  })

  it('of one key of many closes the others again', async () => {
    const keyring = await group.open()
    await keyring.rotate()
    keyring.close()
    const before = group.provider.returned.length
    group.provider.answer((call) => (call.version === 2 ? Promise.reject(new Error('no')) : undefined))
    expect((await rejection(group.open())).code).toBe('KEY_PROVIDER_FAILED')
    group.provider.answer(undefined)
    // All is asked again: nothing was left open behind the failure.
    const asked = group.provider.calls.length
    await group.open()
    expect(group.provider.calls.length).toBe(asked + 3)
    for (const record of group.provider.returned.slice(before)) expect(record.every((byte) => byte === 0)).toBe(true)
  })

  it('at a refresh leaves the keyring as it was, until it succeeds', async () => {
    const one = await group.open()
    const provider = watchedProvider(group.provider)
    const two = await group.open({ provider })
    const email = two.field({ table: 'customers', column: 'email' })
    await one.rotate()
    provider.answer(() => Promise.reject(new Error('down')))
    expect((await rejection(two.refresh())).code).toBe('KEY_PROVIDER_FAILED')
    expect(two.versions().length).toBe(1)
    expect(email.open(email.seal('x', { row: 1 }), { row: 1 })).toBe('x')
    provider.answer(undefined)
    await two.refresh()
    expect(two.versions().length).toBe(2)
  })
})

describe('a key that several hold', () => {
  const request = async () => {
    const context = { keyring: 'main', purpose: 'data', version: 1 } as const
    const provider = watchedProvider()
    const key = Uint8Array.from({ length: 32 }, (_, i) => i + 1)
    const wrapped = await provider.wrap(encodeKeyRecord(context, key), context, new AbortController().signal)
    return { provider, context, wrapped, deadline: 1000, events: discardEvents(), clock: systemClock }
  }

  it('is overwritten when the last of them has released it, and not before', async () => {
    const asked = await request()
    const [one, two] = await Promise.all([holdKey(asked), holdKey(asked)])
    expect(one.key).toBe(two.key)
    // Releasing twice must not take the key from under another holder.
    one.release()
    one.release()
    expect(two.key[0]).toBe(1)
    two.release()
    expect(two.key).toEqual(new Uint8Array(32))
    const again = await holdKey(asked)
    expect(again.key[0]).toBe(1)
    expect(asked.provider.made('unwrap').length).toBe(2)
  })

  it('is not shared between two providers, or between two wrapped forms', async () => {
    const asked = await request()
    const rewrapped = await asked.provider.wrap(
      encodeKeyRecord(asked.context, new Uint8Array(32).fill(9)),
      asked.context,
      new AbortController().signal,
    )
    const keys = await Promise.all([
      holdKey(asked),
      holdKey({ ...asked, wrapped: rewrapped }),
      holdKey({ ...asked, provider: watchedProvider(asked.provider) }),
    ])
    expect(new Set(keys.map(({ key }) => key)).size).toBe(3)
    expect(keys.map(({ key }) => key[0])).toEqual([1, 9, 1])
  })
})

describe('each of several sinks', () => {
  const unwraps = (events: { named(name: string): readonly { phase?: string }[] }) =>
    events.named('keyring.unwrap').map(({ phase }) => phase)

  it('records each key that its holder gets, though the provider is asked once', async () => {
    ;(await group.open()).close()
    const asked = group.provider.calls.length
    const sinks = [recordingSink(), recordingSink(), recordingSink()]
    await Promise.all(sinks.map(async (events) => group.open({ events })))
    await group.open({ events: sinks[0] ?? discardEvents() })
    expect(group.provider.calls.length - asked).toBe(2)
    for (const events of sinks) expect(unwraps(events).toSorted()).toEqual(['done', 'done', 'intent', 'intent'])
  })

  it('that fails keeps the key from its own holder only', async () => {
    const keyring = await group.open()
    const asked = group.provider.calls.length
    const broken = recordingSink()
    broken.failWith(new Error('the log is full'))
    const [failure] = await Promise.all([rejection(group.open({ events: broken })), group.open()])
    expect(failure.code).toBe('EVENT_NOT_RECORDED')
    expect(group.provider.calls.length).toBe(asked)
    expect(keyring.field({ table: 't', column: 'c' }).seal('x', { row: 1 })).toMatch(/^AQE/)
    broken.failWith(undefined)
    await group.open({ events: broken })
  })

  it('asks again after a failure that another one met', async () => {
    ;(await group.open()).close()
    const waiting = gate()
    const slow: EventSink = { write: async ({ phase }) => (phase === 'intent' ? waiting.passed : undefined) }
    const second = group.open({ events: slow })
    group.provider.answer(() => Promise.reject(new Error('down')))
    for (let i = 0; i < 2; i++) expect((await rejection(group.open())).code).toBe('KEY_PROVIDER_FAILED')
    group.provider.answer(undefined)
    // The same sink again, while the slow one still holds on to what it waits for.
    await group.open()
    waiting.open()
    expect((await second).versions().length).toBe(1)
  })
})

describe('many keys', () => {
  it('are unwrapped some at a time, and no more of them after the first that fails', async () => {
    const keyring = await group.open()
    for (let i = 0; i < 40; i++) await keyring.rotate()
    keyring.close()
    let [now, most] = [0, 0]
    const asked = group.provider.calls.length
    group.provider.answer((call) => {
      now++
      most = Math.max(most, now)
      const answer = group.provider.through(call)
      void answer.finally(() => now--).catch(() => undefined)
      return answer
    })
    ;(await group.open()).close()
    expect(group.provider.calls.length - asked).toBe(42)
    expect(most).toBeGreaterThan(4)
    expect(most).toBeLessThanOrEqual(16)
    const before = group.provider.calls.length
    group.provider.answer(({ version }) => (version === 3 ? Promise.reject(new Error('down')) : undefined))
    expect((await rejection(group.open())).code).toBe('KEY_PROVIDER_FAILED')
    expect(group.provider.calls.length - before).toBeLessThan(35)
  })
})

describe('a provider that is too slow', () => {
  it('is given up at the deadline, and its signal aborts', async () => {
    vi.useFakeTimers()
    group.provider.answer(() => new Promise(() => undefined))
    const opening = rejection(group.open({ deadline: '3s' }))
    await vi.advanceTimersByTimeAsync(2999)
    expect(group.provider.calls[0]?.signal.aborted).toBe(false)
    await vi.advanceTimersByTimeAsync(1)
    const error = await opening
    expect(error).toMatchObject({ code: 'KEY_PROVIDER_FAILED', message: expect.stringContaining('within 3000 ms') })
    expect(group.provider.calls[0]?.signal.aborted).toBe(true)
    expect(group.store.written).toEqual([])
  })

  it('may answer or fail later: nobody listens any more, and nothing is unhandled', async () => {
    const unhandled = vi.fn<(reason: unknown) => void>()
    process.on('unhandledRejection', unhandled)
    vi.useFakeTimers()
    const late = gate<Uint8Array>()
    group.provider.answer(() => late.passed)
    const opening = rejection(group.open({ deadline: '1s' }))
    await vi.advanceTimersByTimeAsync(1000)
    await opening
    late.fail(new Error('too late'))
    vi.useRealTimers()
    await new Promise((resolve) => setTimeout(resolve, 5))
    process.off('unhandledRejection', unhandled)
    expect(unhandled).not.toHaveBeenCalled()
  })

  it('is waited for by each holder until its own deadline', async () => {
    ;(await group.open()).close()
    vi.useFakeTimers()
    const slow = gate<Uint8Array>()
    group.provider.answer(() => slow.passed)
    const patient = rejection(group.open({ deadline: '9s' }))
    await vi.advanceTimersByTimeAsync(0)
    const others = [{ deadline: '2s' }, { deadline: '2s', events: recordingSink() }] as const
    const hasty = others.map(async (options) => rejection(group.open(options)))
    let given = 0
    for (const one of hasty) void one.then(() => given++)
    await vi.advanceTimersByTimeAsync(1999)
    expect(given).toBe(0)
    await vi.advanceTimersByTimeAsync(1)
    expect(given).toBe(2)
    for (const one of hasty) expect((await one).message).toContain('within 2000 ms')
    await vi.advanceTimersByTimeAsync(7000)
    expect((await patient).message).toContain('within 9000 ms')
  })

  it('gives a key too late: it is overwritten', async () => {
    ;(await group.open()).close()
    vi.useFakeTimers()
    const late = gate<Uint8Array>()
    const record = Uint8Array.from({ length: 48 }, () => 9)
    group.provider.answer(() => late.passed)
    const opening = rejection(group.open({ deadline: '1s' }))
    await vi.advanceTimersByTimeAsync(1000)
    await opening
    late.open(record)
    await vi.advanceTimersByTimeAsync(0)
    expect(record.every((byte) => byte === 0)).toBe(true)
  })

  it('loses a rotation, and only that: the next one succeeds', async () => {
    const keyring = await group.open({ deadline: '1s' })
    vi.useFakeTimers()
    group.provider.answer(() => new Promise(() => undefined))
    const rotating = rejection(keyring.rotate())
    await vi.advanceTimersByTimeAsync(1000)
    expect((await rotating).code).toBe('KEY_PROVIDER_FAILED')
    group.provider.answer(undefined)
    vi.useRealTimers()
    expect((await keyring.rotate()).version).toBe(2)
  })
})

describe('a provider that returns rubbish is refused', () => {
  const rubbish: Readonly<Record<string, unknown>> = {
    nothing: undefined,
    null: null,
    text: 'a key',
    'an array of numbers': [1, 2, 3],
    'a buffer that is no Uint8Array': new ArrayBuffer(48),
    'no bytes': new Uint8Array(0),
    'too many bytes': new Uint8Array(4097),
  }

  test.each(Object.entries(rubbish))('%s from wrap', async (_, value) => {
    group.provider.answer((call) => (call.what === 'wrap' ? Promise.resolve(value as Uint8Array) : undefined))
    expect((await rejection(group.open())).code).toBe('KEY_PROVIDER_FAILED')
    expect(group.store.written).toEqual([])
  })

  test.each([...Object.entries(rubbish), ['other bytes', new Uint8Array(48)] as const])(
    '%s from unwrap',
    async (_, value) => {
      ;(await group.open()).close()
      group.provider.answer((call) => (call.what === 'unwrap' ? Promise.resolve(value as Uint8Array) : undefined))
      expect((await rejection(group.open())).code).toBe('KEY_PROVIDER_FAILED')
    },
  )

  it('an array whose memory was given away', async () => {
    ;(await group.open()).close()
    const given = new Uint8Array(48)
    structuredClone(given.buffer, { transfer: [given.buffer] })
    group.provider.answer((call) => (call.what === 'unwrap' ? Promise.resolve(given) : undefined))
    expect((await rejection(group.open())).code).toBe('KEY_PROVIDER_FAILED')
  })

  it('a synchronous throw', async () => {
    const provider: KeyProvider = {
      id: 'rude',
      wrap: () => {
        throw new TypeError('rude')
      },
      unwrap: laxProvider().unwrap,
    }
    const error = await rejection(openKeyring({ provider, store: memoryKeyStore(), events: discardEvents() }))
    expect(error.code).toBe('KEY_PROVIDER_FAILED')
  })

  it('another key than it wrapped, before anyone is told of the new key', async () => {
    const keyring = await group.open()
    const written = group.store.written.length
    const forged = (call: ProviderCall) => {
      if (call.what === 'wrap') return undefined
      // The right record with another key in it: what a broken provider might do.
      const record = (group.provider.calls.findLast(({ what }) => what === 'wrap') as ProviderCall).bytes.slice()
      record[record.length - 1] = (record.at(-1) ?? 0) ^ 1
      return Promise.resolve(record)
    }
    group.provider.answer(forged)
    expect((await rejection(keyring.rotate())).message).toContain('another key than it wrapped')
    expect(group.store.written.length).toBe(written)
    expect(keyring.versions().length).toBe(1)
  })

  it('a wrapped form that is longer than the port allows, even if it unwraps', async () => {
    const flip = laxProvider()
    const provider: KeyProvider = {
      id: 'long',
      wrap: async (...args) => {
        const wrapped = new Uint8Array(4097)
        wrapped.set(await flip.wrap(...args))
        return wrapped
      },
      unwrap: async (wrapped, ...args) => flip.unwrap(wrapped.subarray(0, 48), ...args),
    }
    const error = await rejection(openKeyring({ provider, store: memoryKeyStore(), events: discardEvents() }))
    expect(error).toMatchObject({ code: 'KEY_PROVIDER_FAILED', message: expect.stringContaining('4096') })
  })

  it('an array that it changes later: what is stored is what was unwrapped', async () => {
    const inner = localKeyProvider({ secret: randomSecret() })
    const shared = new Uint8Array(4096)
    const provider: KeyProvider = {
      id: 'reused',
      wrap: async (bytes, context, signal) => {
        const wrapped = await inner.wrap(bytes, context, signal)
        shared.set(wrapped)
        return shared.subarray(0, wrapped.length)
      },
      unwrap: async (wrapped, context, signal) => {
        shared.fill(0xee)
        return inner.unwrap(wrapped, context, signal)
      },
    }
    const store = memoryKeyStore()
    const open = async () => openKeyring({ provider, store, events: discardEvents() })
    ;(await open()).close()
    expect((await open()).versions().length).toBe(1)
  })
})

describe('a wrong key', () => {
  it('of another secret is refused', async () => {
    ;(await group.open()).close()
    const other = localKeyProvider({ secret: randomSecret() })
    const error = await rejection(group.open({ provider: other }))
    expect(error.code).toBe('KEY_PROVIDER_FAILED')
  })

  /** Keyrings whose provider ignores the context, so that only the record stands between a swap and its use. */
  async function prepared() {
    const provider = watchedProvider(laxProvider())
    const inner = memoryKeyStore()
    const store = watchedStore(inner)
    const options = { provider, store, events: discardEvents() }
    const [keyring, other] = [await openKeyring(options), await openKeyring({ ...options, id: 'other' })]
    await keyring.rotate()
    keyring.close()
    other.close()
    const foreign = await store.document('other')
    const reopen = async (swap: (document: PlainDocument, foreign: PlainDocument) => void) => {
      store.falsify((stored) => {
        const document = JSON.parse(stored?.document ?? '') as PlainDocument
        swap(document, foreign)
        return { generation: stored?.generation ?? 0, document: JSON.stringify(document) }
      })
      return openKeyring(options)
    }
    return { reopen }
  }
  type Key = PlainDocument['keys'][number]
  const find = ({ keys }: PlainDocument, purpose: string, version: number) =>
    keys.find((key) => key.purpose === purpose && key.version === version) as Key
  const swapped = (a: Key, b: Key) => {
    ;[a.wrapped, b.wrapped] = [b.wrapped, a.wrapped] as [string, string]
  }

  test.each<[string, (document: PlainDocument, foreign: PlainDocument) => void]>([
    ['version 1 in place of version 2', (document) => swapped(find(document, 'data', 1), find(document, 'data', 2))],
    [
      'the index key in place of a data key',
      (document) => swapped(find(document, 'data', 1), find(document, 'index', 1)),
    ],
    [
      'version 1 twice',
      (document) => Object.assign(find(document, 'data', 2), { wrapped: find(document, 'data', 1).wrapped }),
    ],
    [
      "another keyring's key",
      (document, foreign) => Object.assign(find(document, 'data', 1), { wrapped: find(foreign, 'data', 1).wrapped }),
    ],
    ['a wrapped key of other bytes', (document) => Object.assign(find(document, 'data', 1), { wrapped: 'AAAA' })],
  ])('that the store put there is refused: %s', async (_, swap) => {
    const { reopen } = await prepared()
    const error = await rejection(reopen(swap))
    expect(error.code).toBe('KEY_PROVIDER_FAILED')
    expect(error.message).toMatch(/unwrapped to another key's record/)
    expect(inspect(error, { depth: 10, showHidden: true })).not.toMatch(/[A-Za-z0-9_-]{40}/)
  })

  it('is not seen where nothing was swapped', async () => {
    const { reopen } = await prepared()
    expect((await reopen(() => undefined)).versions().length).toBe(2)
  })
})

describe('memory', () => {
  const zero = (bytes: Uint8Array | undefined) => bytes?.every((byte) => byte === 0)

  it('is overwritten: the record that was wrapped, and the one that was unwrapped', async () => {
    await group.open()
    for (const { what, given, bytes } of group.provider.calls) {
      expect(zero(bytes)).toBe(false)
      if (what === 'wrap') expect(zero(given)).toBe(true)
    }
    const unwrapped = group.provider.returned.filter((_, i) => group.provider.calls[i]?.what === 'unwrap')
    expect(unwrapped.length).toBeGreaterThan(0)
    for (const record of unwrapped) expect(zero(record)).toBe(true)
  })

  it('is overwritten: the copy of what was unwrapped', async () => {
    const wiped: string[] = []
    const original = Uint8Array.prototype.fill
    const fill = vi.spyOn(Uint8Array.prototype, 'fill').mockImplementation(function (this: Uint8Array, ...args) {
      if (args[0] === 0) wiped.push(Buffer.from(this).toString('hex'))
      return original.apply(this, args)
    })
    const provider = watchedProvider(laxProvider())
    try {
      await group.open({ provider })
    } finally {
      fill.mockRestore()
    }
    const records = provider.calls.filter(({ what }) => what === 'wrap').map(({ bytes }) => bytes)
    // As it was wrapped, as the provider returned it, and the copy of that.
    for (const record of records)
      expect(wiped.filter((one) => one === Buffer.from(record).toString('hex')).length).toBe(3)
  })

  it('is overwritten where wrapping or unwrapping fails, too', async () => {
    group.provider.answer(() => Promise.reject(new Error('no')))
    await rejection(group.open())
    expect(zero(group.provider.calls[0]?.given)).toBe(true)
    group.provider.answer(undefined)
    ;(await group.open()).close()
    const wrong = Uint8Array.from({ length: 48 }, () => 7)
    group.provider.answer(() => Promise.resolve(wrong))
    await rejection(group.open())
    expect(zero(wrong)).toBe(true)
  })

  it('is overwritten where making a keyring fails half-way, or another instance was first', async () => {
    const wiped: string[] = []
    const original = Uint8Array.prototype.fill
    const fill = vi.spyOn(Uint8Array.prototype, 'fill').mockImplementation(function (this: Uint8Array, ...args) {
      if (args[0] === 0 && this.length === 32) wiped.push(Buffer.from(this).toString('hex'))
      return original.apply(this, args)
    })
    try {
      group.provider.answer(({ what, purpose }) =>
        what === 'wrap' && purpose === 'index' ? Promise.reject(new Error('down')) : undefined,
      )
      await rejection(group.open())
      group.provider.answer(undefined)
      const inner = memoryKeyStore()
      await group.open({ store: inner })
      await group.open({ store: { read: inner.read, write: async (...args) => inner.write(...args) } })
      const behind = watchedStore(inner)
      behind.falsify((stored) => (behind.reads === 1 ? undefined : stored))
      await group.open({ store: behind })
    } finally {
      fill.mockRestore()
    }
    const keys = group.provider.calls
      .filter(({ what }) => what === 'wrap')
      .map(({ purpose, bytes }) => `${purpose} ${Buffer.from(bytes.subarray(-32)).toString('hex')}`)
    const times = keys.map((key) => wiped.filter((one) => key.endsWith(one)).length)
    // Each key is wiped where it was made; those that nobody uses are wiped where they were unwrapped, too.
    const unused = new Set([0, 4, 5])
    expect(keys.map((key) => key.split(' ')[0])).toEqual(['data', 'index', 'data', 'index', 'data', 'index'])
    expect(times).toEqual(keys.map((_, i) => (unused.has(i) ? 2 : 1)))
  })

  it('of the stored bytes is not handed out: a provider that wipes its input harms nobody', async () => {
    const wiping = watchedProvider({
      ...group.provider,
      unwrap: async (bytes, context, signal) => {
        const copy = bytes.slice()
        bytes.fill(0)
        return group.provider.unwrap(copy, context, signal)
      },
    })
    ;(await group.open({ provider: wiping })).close()
    ;(await group.open({ provider: wiping })).close()
  })
})
