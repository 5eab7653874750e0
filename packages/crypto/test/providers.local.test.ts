import { createDecipheriv, createHash, hkdfSync, randomBytes, scryptSync } from 'node:crypto'
import { inspect } from 'node:util'
import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import type { KeyContext } from '../src/key-provider.ts'
import { localKeyProvider, type LocalKeyProviderOptions } from '../src/providers/local.ts'
import { keyProviderContract } from '../src/testing.ts'
import { testContract } from './support/contract.ts'

const secret = randomBytes(32)
const passphrase = 'six plain words make a fine one'
const cheap = { N: 2 ** 15, r: 8, p: 1 }
const context: KeyContext = { keyring: 'main', purpose: 'data', version: 1 }
const signal = new AbortController().signal
const key = randomBytes(48)

describe('localKeyProvider with a secret', () => {
  const make = () => localKeyProvider({ secret })
  testContract(keyProviderContract({ make, again: make }))
})

describe('localKeyProvider with a passphrase', () => {
  const make = () => localKeyProvider({ passphrase, scrypt: cheap })
  testContract(keyProviderContract({ make, again: make }))
})

describe('localKeyProvider without node:crypto', () => {
  test('wraps and unwraps the same as with it', async () => {
    const native = localKeyProvider({ passphrase, scrypt: cheap })
    const wrapped = await native.wrap(key, context, signal)
    const spy = vi.spyOn(process, 'getBuiltinModule').mockReturnValue(undefined)
    try {
      const portable = localKeyProvider({ passphrase, scrypt: cheap })
      expect(Buffer.from(await portable.unwrap(wrapped, context, signal))).toEqual(key)
      const other = await portable.wrap(key, context, signal)
      spy.mockRestore()
      expect(Buffer.from(await localKeyProvider({ passphrase }).unwrap(other, context, signal))).toEqual(key)
    } finally {
      spy.mockRestore()
    }
  })
})

describe('the forms of a secret', () => {
  const forms: Record<string, Uint8Array | string> = {
    'a Uint8Array': new Uint8Array(secret),
    hexadecimal: secret.toString('hex'),
    'upper-case hexadecimal': secret.toString('hex').toUpperCase(),
    base64url: secret.toString('base64url'),
    'base64url with padding': `${secret.toString('base64url')}=`,
    base64: secret.toString('base64'),
    'base64 without padding': secret.toString('base64').slice(0, 43),
  }
  test.each(Object.entries(forms))('%s is the same secret', async (_, form) => {
    const wrapped = await localKeyProvider({ secret }).wrap(key, context, signal)
    expect(Buffer.from(await localKeyProvider({ secret: form }).unwrap(wrapped, context, signal))).toEqual(key)
  })

  test('any 32 bytes but equal ones can be written as text', () =>
    fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 32, maxLength: 32 }), async (bytes) => {
        fc.pre(new Set(bytes).size > 1)
        const wrapped = await localKeyProvider({ secret: bytes }).wrap(key, context, signal)
        for (const encoding of ['hex', 'base64', 'base64url'] as const) {
          const provider = localKeyProvider({ secret: Buffer.from(bytes).toString(encoding) })
          expect(Buffer.from(await provider.unwrap(wrapped, context, signal))).toEqual(key)
        }
      }),
      { numRuns: 50 },
    ))

  const text = secret.toString('base64url')
  const refused: Record<string, unknown> = {
    nothing: undefined,
    null: null,
    'a number': 7,
    'an array': [...secret],
    'an ArrayBuffer': new ArrayBuffer(32),
    '31 bytes': secret.subarray(1),
    '33 bytes': Buffer.concat([secret, secret.subarray(0, 1)]),
    'no bytes': new Uint8Array(0),
    'equal bytes': new Uint8Array(32).fill(7),
    'zeros in hexadecimal': '0'.repeat(64),
    '63 digits': secret.toString('hex').slice(1),
    '65 digits': `${secret.toString('hex')}0`,
    '42 characters': text.slice(1),
    '45 characters': `${text}==`,
    'bits after the last byte': `${text.slice(0, 42)}B`,
    'mixed alphabets': `-${'A'.repeat(20)}/${'A'.repeat(21)}`,
    'spaces around it': ` ${text} `,
    'a line break after it': `${text}\n`,
    'a passphrase': passphrase,
    'empty text': '',
  }
  test.each(Object.entries(refused))('%s is refused, and not shown', (_, form) => {
    const error = thrown(() => localKeyProvider({ secret: form as string }))
    expect([TypeError, RangeError]).toContain(error.constructor)
    expect(error.message).toContain('32')
    if (typeof form === 'string' && form.length > 8)
      expect(inspect(error, { depth: 9 })).not.toContain(form.slice(2, 9))
  })

  test('is copied: overwriting it afterwards changes nothing', async () => {
    const mine = new Uint8Array(secret)
    const provider = localKeyProvider({ secret: mine })
    mine.fill(0)
    const wrapped = await provider.wrap(key, context, signal)
    expect(Buffer.from(await localKeyProvider({ secret }).unwrap(wrapped, context, signal))).toEqual(key)
  })
})

describe('a passphrase', () => {
  const refused: Record<string, unknown> = {
    'of 15 characters': 'a1b2c3d4e5f6g7h',
    'of 15 characters in 30 UTF-16 units': '🗝️🔒🗝️🔒🗝️🔒🗝️🔒🗝️🔒'.slice(0, 28),
    'that has 15 characters in normal form': 'e\u0301'.repeat(7) + '12345678',
    'of 1025 characters': 'ab'.repeat(512) + 'a',
    'of one character repeated': 'a'.repeat(40),
    'with a lone surrogate': `${passphrase}\ud800`,
    'of bytes': Buffer.from(passphrase),
    'that is missing': undefined,
  }
  test.each(Object.entries(refused))('%s is refused, and not shown', (_, value) => {
    const error = thrown(() => localKeyProvider({ passphrase: value as string }))
    expect([TypeError, RangeError]).toContain(error.constructor)
    if (typeof value === 'string') expect(inspect(error, { depth: 9 })).not.toContain(value.slice(0, 9))
  })

  test('is the same however a keyboard composes it', async () => {
    const composed = localKeyProvider({ passphrase: 'caf\u00e9 au lait \ufb01ltr\u00e9', scrypt: cheap })
    const decomposed = localKeyProvider({ passphrase: 'cafe\u0301 au lait filtre\u0301', scrypt: cheap })
    const wrapped = await composed.wrap(key, context, signal)
    expect(Buffer.from(await decomposed.unwrap(wrapped, context, signal))).toEqual(key)
  })

  test.each([
    { N: 2 ** 14, r: 8, p: 1 },
    { N: 2 ** 21, r: 8, p: 1 },
    { N: 2 ** 17 + 1, r: 8, p: 1 },
    { N: Number.NaN, r: 8, p: 1 },
    { N: 2 ** 17, r: 7, p: 1 },
    { N: 2 ** 17, r: 17, p: 1 },
    { N: 2 ** 17, r: 8, p: 0 },
    { N: 2 ** 17, r: 8, p: 5 },
    { N: 2 ** 20, r: 9, p: 1 },
    { N: '131072', r: 8, p: 1 },
  ])('takes no cost out of bounds: %j', (scrypt) => {
    expect(() => localKeyProvider({ passphrase, scrypt: scrypt as typeof cheap })).toThrow(RangeError)
  })

  test('asks for no cost that is misspelt', () => {
    expect(() => localKeyProvider({ passphrase, scrypt: { ...cheap, n: 1 } as typeof cheap })).toThrow(
      /unknown option 'n'/,
    )
  })

  test('derives one key a process: for new keys, for stored ones, and for calls at once', async () => {
    const calls = await countScrypt(async () => {
      const first = localKeyProvider({ passphrase, scrypt: cheap })
      const wraps = await Promise.all([1, 2, 3, 4].map((version) => first.wrap(key, { ...context, version }, signal)))
      const restarted = localKeyProvider({ passphrase, scrypt: cheap })
      await Promise.all(wraps.map((wrapped, i) => restarted.unwrap(wrapped, { ...context, version: i + 1 }, signal)))
      const another = await restarted.wrap(key, { ...context, version: 5 }, signal)
      await first.unwrap(another, { ...context, version: 5 }, signal)
    })
    expect(calls).toBe(2)
  })

  test('wraps at its own cost after it unwrapped what was cheaper, and with a salt of its own after a failure', async () => {
    const dear = localKeyProvider({ passphrase, scrypt: { ...cheap, N: 2 ** 16 } })
    const old = await localKeyProvider({ passphrase, scrypt: cheap }).wrap(key, context, signal)
    await dear.unwrap(old, context, signal)
    expect([...(await dear.wrap(key, context, signal)).subarray(0, 4)]).toEqual([0x12, 16, 8, 1])
    const foreign = await localKeyProvider({ passphrase: `${passphrase}!`, scrypt: cheap }).wrap(key, context, signal)
    const own = localKeyProvider({ passphrase, scrypt: cheap })
    await expect(own.unwrap(foreign, context, signal)).rejects.toMatchObject({ code: 'KEY_PROVIDER_FAILED' })
    expect(salt(await own.wrap(key, context, signal))).not.toEqual(salt(foreign))
  })

  test.each([
    [14, 8, 1],
    [21, 8, 1],
    [31, 8, 1],
    [255, 255, 255],
    [17, 7, 1],
    [17, 255, 1],
    [17, 8, 0],
    [17, 8, 255],
    [20, 16, 1],
    [0, 0, 0],
  ])('does no work for a stored cost out of bounds: 2^%i, %i, %i', async (log2N, r, p) => {
    const provider = localKeyProvider({ passphrase, scrypt: cheap })
    const wrapped = await provider.wrap(key, context, signal)
    wrapped.set([log2N, r, p], 1)
    const calls = await countScrypt(async () => {
      await expect(provider.unwrap(wrapped, context, signal)).rejects.toMatchObject({ code: 'KEY_PROVIDER_FAILED' })
    })
    expect(calls).toBe(0)
  })

  test('derives one key after the other, and keeps no more than a few', async () => {
    const provider = localKeyProvider({ passphrase, scrypt: cheap })
    const wrapped = await provider.wrap(key, context, signal)
    const salted = (first: number) => {
      const changed = new Uint8Array(wrapped)
      changed[4] = (changed[4] ?? 0) ^ first
      return changed
    }
    const calls = await countScrypt(async (running) => {
      const foreign = Array.from({ length: 6 }, (_, i) => provider.unwrap(salted(i + 1), context, signal))
      expect((await Promise.allSettled(foreign)).every(({ status }) => status === 'rejected')).toBe(true)
      expect(running.most).toBe(1)
      expect(Buffer.from(await provider.unwrap(wrapped, context, signal))).toEqual(key)
    })
    expect(calls).toBe(7)
  })

  test('respects a signal that aborts meanwhile, and is none the worse for it', async () => {
    const provider = localKeyProvider({ passphrase, scrypt: cheap })
    const deadline = new AbortController()
    const wrapping = provider.wrap(key, context, deadline.signal)
    deadline.abort(new Error('too slow'))
    await expect(wrapping).rejects.toThrow('too slow')
    const wrapped = await provider.wrap(key, context, signal)
    const again = new AbortController()
    const unwrapping = localKeyProvider({ passphrase }).unwrap(wrapped, context, again.signal)
    again.abort(new Error('too slow as well'))
    await expect(unwrapping).rejects.toThrow('too slow as well')
    expect(Buffer.from(await provider.unwrap(wrapped, context, signal))).toEqual(key)
  })
})

describe('the queue of derivations of a passphrase', () => {
  const provider = () => localKeyProvider({ passphrase, scrypt: cheap })
  /** Bytes that someone put into the store: any salt, any key. */
  const stored = (salt: number) => Uint8Array.from({ length: 140 }, (_, i) => [0x12, 15, 8, 1, salt][i] ?? 7)
  const failed: unknown = expect.objectContaining({ message: expect.stringContaining('does not unwrap') as string })
  const never = () => new AbortController().signal
  const outcome = (work: Promise<unknown>) => work.catch((reason: unknown) => reason)

  test('starts nothing for a caller who gave up while waiting, and tells the caller at once', async () => {
    await withHeldScrypt(async (held) => {
      const { unwrap } = provider()
      const first = outcome(unwrap(stored(1), context, signal))
      const deadline = new AbortController()
      const waiting = [2, 3, 4].map((salt) => outcome(unwrap(stored(salt), context, deadline.signal)))
      await held.begun(1)
      deadline.abort(new Error('too slow'))
      expect(await Promise.all(waiting)).toEqual([1, 2, 3].map(() => new Error('too slow')))
      held.finish()
      expect(await first).toEqual(failed)
      await held.idle()
      expect(held.salts).toEqual([1])
    })
  })

  test('starts what one of several callers still waits for', async () => {
    await withHeldScrypt(async (held) => {
      const { unwrap } = provider()
      const deadline = new AbortController()
      const first = outcome(unwrap(stored(1), context, signal))
      const gaveUp = outcome(unwrap(stored(2), context, deadline.signal))
      deadline.abort(new Error('too slow'))
      const late = outcome(unwrap(stored(2), context, signal))
      held.finish()
      expect(await Promise.all([first, gaveUp, late])).toEqual([failed, new Error('too slow'), failed])
      expect(held.salts).toEqual([1, 2])
    })
  })

  test('keeps the result of one that runs on after its caller gave up, so that the next try has it', async () => {
    await withHeldScrypt(async (held) => {
      const { wrap } = provider()
      const deadline = new AbortController()
      const first = outcome(wrap(key, context, deadline.signal))
      await held.begun(1)
      deadline.abort(new Error('too slow'))
      expect(await first).toEqual(new Error('too slow'))
      held.finish()
      await wrap(key, context, signal)
      expect(held.salts).toHaveLength(1)
    })
  })

  test('derives each key once, however many wait and whenever they come', async () => {
    await withHeldScrypt(async (held) => {
      const { unwrap } = provider()
      const salts = Array.from({ length: 20 }, (_, i) => i)
      const ask = (from: number) => salts.slice(from).map((salt) => outcome(unwrap(stored(salt), context, never())))
      const first = [...ask(0), ...ask(0)]
      held.finish()
      await first[0]
      await Promise.all([...first, ...ask(5)])
      expect(held.salts).toEqual(salts)
    })
  })

  test('holds 32 and no more, of which those count that somebody waits for', async () => {
    await withHeldScrypt(async (held) => {
      const { unwrap, wrap } = provider()
      const deadlines = Array.from({ length: 32 }, () => new AbortController())
      const running = outcome(unwrap(stored(200), context, signal))
      await held.begun(1)
      const waiting = deadlines.map((deadline, salt) => outcome(unwrap(stored(salt), context, deadline.signal)))
      const tooMany = { code: 'KEY_PROVIDER_FAILED', message: expect.stringContaining('32') as string }
      await expect(unwrap(stored(100), context, signal)).rejects.toMatchObject(tooMany)
      await expect(wrap(key, context, signal)).rejects.toMatchObject(tooMany)
      const same = outcome(unwrap(stored(31), context, signal))
      for (const deadline of deadlines) deadline.abort(new Error('too slow'))
      await Promise.all(waiting)
      const wrapping = wrap(key, context, signal)
      held.finish()
      expect(await Promise.all([running, same])).toEqual([failed, failed])
      expect(Buffer.from(await unwrap(await wrapping, context, signal))).toEqual(key)
      expect(held.salts).toEqual([200, 31, expect.any(Number)])
    })
  })

  test('goes on after one that failed', async () => {
    await withHeldScrypt(async (held) => {
      const { wrap } = provider()
      const first = outcome(wrap(key, context, signal))
      await held.begun(1)
      held.fail(new Error('out of memory'))
      expect(await first).toEqual(new Error('out of memory'))
      held.finish()
      expect(await wrap(key, context, signal)).toHaveLength(key.length + 92)
      expect(held.salts).toHaveLength(2)
    })
  })
})

describe('what localKeyProvider wraps', () => {
  test('is what its documentation says, done with node:crypto: keys that were wrapped once must unwrap for ever', async () => {
    const stored = await localKeyProvider({ secret }).wrap(key, context, signal)
    expect(unwrapByHand(secret, stored, 1, 0x11)).toEqual(key)
    const slow = await localKeyProvider({ passphrase, scrypt: { N: 2 ** 16, r: 9, p: 2 } }).wrap(key, context, signal)
    expect([...slow.subarray(0, 4)]).toEqual([0x12, 16, 9, 2])
    const derived = scryptSync(passphrase, slow.subarray(4, 20), 32, { N: 2 ** 16, r: 9, p: 2, maxmem: 2 ** 28 })
    expect(unwrapByHand(derived, slow, 20, 0x12)).toEqual(key)
  })

  test('opens with no other secret or passphrase, and not as the other kind', async () => {
    const providers = [
      localKeyProvider({ secret }),
      localKeyProvider({ secret: randomBytes(32) }),
      localKeyProvider({ passphrase, scrypt: cheap }),
      localKeyProvider({ passphrase: `${passphrase}.`, scrypt: cheap }),
    ]
    for (const wrapper of providers) {
      const wrapped = await wrapper.wrap(key, context, signal)
      for (const other of providers.filter((provider) => provider !== wrapper)) {
        const error: unknown = await other.unwrap(wrapped, context, signal).catch((reason: unknown) => reason)
        expect(error).toMatchObject({ code: 'KEY_PROVIDER_FAILED', status: 503 })
        expect(error).not.toHaveProperty('cause')
      }
    }
  })

  test('is longer by a fixed number of bytes', async () => {
    expect((await localKeyProvider({ secret }).wrap(key, context, signal)).length).toBe(key.length + 73)
    expect((await localKeyProvider({ passphrase, scrypt: cheap }).wrap(key, context, signal)).length).toBe(
      key.length + 92,
    )
  })

  test('takes its bytes at once: they may be overwritten meanwhile', async () => {
    const provider = localKeyProvider({ passphrase, scrypt: cheap })
    const mine = Buffer.from(key)
    const wrapping = provider.wrap(mine, context, signal)
    mine.fill(0)
    const wrapped = Buffer.from(await wrapping)
    const kept = Buffer.from(wrapped)
    const unwrapping = localKeyProvider({ passphrase }).unwrap(wrapped, context, signal)
    wrapped.fill(0)
    expect(Buffer.from(await unwrapping)).toEqual(key)
    expect(Buffer.from(await provider.unwrap(kept, context, signal))).toEqual(key)
  })

  test('is 1 to 512 bytes, in a context that can be', async () => {
    const { wrap, unwrap } = localKeyProvider({ secret })
    await expect(wrap(new Uint8Array(0), context, signal)).rejects.toThrow(RangeError)
    await expect(wrap(new Uint8Array(513), context, signal)).rejects.toThrow(RangeError)
    await expect(wrap('text' as unknown as Uint8Array, context, signal)).rejects.toThrow(TypeError)
    const wrapped = await wrap(key, context, signal)
    for (const version of [0, -1, 1.5, 2 ** 32, Number.NaN]) {
      await expect(wrap(key, { ...context, version }, signal)).rejects.toThrow(RangeError)
      await expect(unwrap(wrapped, { ...context, version }, signal)).rejects.toThrow(RangeError)
    }
    await expect(wrap(key, { ...context, purpose: 'other' as 'data' }, signal)).rejects.toThrow(TypeError)
  })
})

describe('localKeyProvider', () => {
  test('shows its id and nothing else', () => {
    for (const provider of [
      localKeyProvider({ secret, id: 'vault room' }),
      localKeyProvider({ passphrase, id: 'vault room' }),
    ]) {
      const shown =
        inspect(provider, { depth: 9, showHidden: true }) +
        JSON.stringify(provider) +
        JSON.stringify(Object.entries(provider))
      expect(provider.id).toBe('vault room')
      expect(shown).toContain('vault room')
      for (const form of [passphrase, secret.toString('hex'), secret.toString('base64'), secret.join(', ')]) {
        expect(shown).not.toContain(form)
      }
      expect(Object.isFrozen(provider)).toBe(true)
    }
  })

  test.each([
    {},
    { secret, passphrase },
    { secret, scrypt: cheap },
    { secret, id: '' },
    { secret, id: 'a'.repeat(201) },
    { secret, id: 7 },
    { secret, key: secret },
    undefined,
  ])('refuses options %#', (options) => {
    const error = thrown(() => localKeyProvider(options as unknown as LocalKeyProviderOptions))
    expect([TypeError, RangeError]).toContain(error.constructor)
    expect(error.message).toContain('localKeyProvider')
  })
})

function unwrapByHand(master: Uint8Array, stored: Uint8Array, headerLength: number, form: number): Buffer {
  const domain = 'mosaajii/crypto/local-wrap/v1'
  const header = stored.subarray(0, headerLength)
  const [seed, sealed, tag, commitment] = [
    stored.subarray(headerLength, headerLength + 24),
    stored.subarray(headerLength + 24, -48),
    stored.subarray(-48, -32),
    stored.subarray(-32),
  ]
  const derived = Buffer.from(hkdfSync('sha256', master, seed, domain, 76))
  expect(header[0]).toBe(form)
  expect(Buffer.from(commitment)).toEqual(derived.subarray(44))
  const items = [domain, header, context.keyring, context.purpose, String(context.version)].map((item) =>
    Buffer.from(item),
  )
  const lengths = items.map((item) => Buffer.of(0, 0, 0, item.length))
  const cipher = createDecipheriv('aes-256-gcm', derived.subarray(0, 32), derived.subarray(32, 44), {
    authTagLength: 16,
  })
  cipher.setAAD(Buffer.concat(items.flatMap((item, i) => [lengths[i] ?? item, item])))
  cipher.setAuthTag(tag)
  return Buffer.concat([cipher.update(sealed), cipher.final()])
}

function thrown(work: () => unknown): Error {
  try {
    work()
  } catch (error) {
    return error as Error
  }
  return expect.unreachable('it threw nothing')
}

function salt(wrapped: Uint8Array): number[] {
  return [...wrapped.subarray(4, 20)]
}

/** Counts calls of scrypt, and how many ran at once. */
async function countScrypt(work: (running: { most: number }) => Promise<void>): Promise<number> {
  const original = process.getBuiltinModule
  const running = { now: 0, most: 0 }
  let calls = 0
  type Crypto = typeof import('node:crypto')
  type Callback = (error: Error | null, key: Buffer) => void
  const spy = vi.spyOn(process, 'getBuiltinModule').mockImplementation((id: string) => {
    const module = original(id) as unknown as Crypto
    if (id !== 'node:crypto') return module
    const scrypt = (...args: unknown[]) => {
      calls++
      running.most = Math.max(running.most, ++running.now)
      const callback = args.pop() as Callback
      const counted: Callback = (error, derived) => {
        running.now--
        callback(error, derived)
      }
      ;(module.scrypt as unknown as (...args: unknown[]) => void)(...args, counted)
    }
    return { ...module, scrypt }
  })
  try {
    await work(running)
  } finally {
    spy.mockRestore()
  }
  return calls
}

/** A scrypt that costs nothing and waits for `finish`, from when on it answers at once; `salts` has the first byte of each salt. */
async function withHeldScrypt(work: (held: HeldScrypt) => Promise<void>): Promise<void> {
  const original = process.getBuiltinModule
  const salts: number[] = []
  let waiting: ((error: Error | null) => void)[] = []
  let open = false
  type Callback = (error: Error | null, key: Buffer) => void
  const scrypt = (from: Uint8Array, salt: Uint8Array, _length: number, _cost: unknown, callback: Callback) => {
    salts.push(salt[0] ?? -1)
    const answer = (error: Error | null) => callback(error, createHash('sha256').update(from).update(salt).digest())
    if (open) setImmediate(answer, null)
    else waiting.push(answer)
  }
  const settle = (error: Error | null) => {
    const now = waiting
    waiting = []
    for (const answer of now) answer(error)
  }
  const idle = () => new Promise((resolve) => setTimeout(resolve, 20))
  const spy = vi.spyOn(process, 'getBuiltinModule').mockImplementation((id: string) => {
    const module = original(id) as object
    return id === 'node:crypto' ? { ...module, scrypt } : module
  })
  try {
    await work({
      salts,
      begun: (count) => vi.waitFor(() => expect(salts).toHaveLength(count)),
      finish() {
        open = true
        settle(null)
      },
      fail: settle,
      idle: async () => void (await idle()),
    })
  } finally {
    spy.mockRestore()
  }
}

interface HeldScrypt {
  readonly salts: readonly number[]
  begun(count: number): Promise<void>
  finish(): void
  fail(error: Error): void
  idle(): Promise<void>
}
