import { describe, expect, test } from 'vitest'
import type { KeyContext, KeyProvider } from '../src/key-provider.ts'
import { localKeyProvider } from '../src/providers/local.ts'
import { keyProviderContract } from '../src/testing.ts'
import { testContract } from './support/contract.ts'

const secret = globalThis.crypto.getRandomValues(new Uint8Array(32))

type Through = (bytes: Uint8Array) => Uint8Array

/** A provider whose results go through a function, as a client library may hand them on. */
function handingOn(through: Through, inner: KeyProvider = localKeyProvider({ secret })): KeyProvider {
  return {
    id: inner.id,
    wrap: async (bytes, context, signal) => through(await inner.wrap(bytes, context, signal)),
    unwrap: async (wrapped, context, signal) => through(await inner.unwrap(wrapped, context, signal)),
  }
}

class OtherBytes extends Uint8Array {}

const legal: Record<string, Through> = {
  'a Buffer': (bytes) => Buffer.from(bytes),
  'a Buffer that is part of the pool': (bytes) => Buffer.from(Buffer.from(bytes).toString('base64'), 'base64'),
  'a part of a longer array': (bytes) => {
    const longer = new Uint8Array(bytes.length + 20).fill(0xaa)
    longer.set(bytes, 7)
    return longer.subarray(7, 7 + bytes.length)
  },
  'a class of its own': (bytes) => OtherBytes.from(bytes),
}

describe.each(Object.entries(legal))('a provider that returns %s is as good as any', (_, through) => {
  const make = () => handingOn(through)
  testContract(keyProviderContract({ make, again: make }))
})

/** Which cases of the contract a provider fails. */
async function failures(make: () => KeyProvider, options: object = {}): Promise<string[]> {
  const cases = keyProviderContract({ make, ...options })
  const results = await Promise.allSettled(cases.map(({ run }) => run()))
  return cases.filter((_, i) => results[i]?.status === 'rejected').map(({ name }) => name)
}

const keepsInput = 'keeps no array that it is given'
const ownArrays = 'gives each caller an array of its own'

describe('the contract finds a provider', () => {
  test('that remembers the array that it wraps', async () => {
    const kept = new Map<string, Uint8Array>()
    const inner = localKeyProvider({ secret })
    const found = await failures(() => ({
      id: 'kept',
      async wrap(bytes, context, signal) {
        const wrapped = await inner.wrap(bytes, context, signal)
        kept.set(wrapped.join(), bytes)
        return wrapped
      },
      async unwrap(wrapped, context, signal) {
        const bytes = await inner.unwrap(wrapped, context, signal)
        return kept.get(wrapped.join())?.slice() ?? bytes
      },
    }))
    expect(found).toEqual([keepsInput])
  })

  test('that unwraps in the array that it is given', async () => {
    const inner = localKeyProvider({ secret })
    const found = await failures(() => ({
      id: 'in place',
      wrap: inner.wrap,
      async unwrap(wrapped, context, signal) {
        const bytes = await inner.unwrap(wrapped, context, signal)
        queueMicrotask(() => wrapped.set(bytes))
        await Promise.resolve()
        return wrapped.subarray(0, bytes.length)
      },
    }))
    expect(found).toContain(keepsInput)
    expect(found).toContain('leaves what it unwraps as it is')
  })

  test('that unwraps every key into one buffer', async () => {
    const buffer = new Uint8Array(4096)
    const inner = localKeyProvider({ secret })
    const found = await failures(() => ({
      id: 'one buffer',
      wrap: inner.wrap,
      async unwrap(wrapped, context, signal) {
        const bytes = await inner.unwrap(wrapped, context, signal)
        buffer.set(bytes)
        return buffer.subarray(0, bytes.length)
      },
    }))
    expect(found).toContain(ownArrays)
  })

  test('that wraps every key into one buffer', async () => {
    const buffer = new Uint8Array(4096)
    const inner = localKeyProvider({ secret })
    const found = await failures(() => ({
      id: 'one buffer',
      async wrap(bytes, context, signal) {
        const wrapped = await inner.wrap(bytes, context, signal)
        buffer.set(wrapped)
        return buffer.subarray(0, wrapped.length)
      },
      unwrap: inner.unwrap,
    }))
    expect(found).toContain(ownArrays)
  })

  test('that hands out what it remembers', async () => {
    const inner = localKeyProvider({ secret })
    const opened = new Map<string, Uint8Array>()
    const remembering = async (wrapped: Uint8Array, context: KeyContext, signal: AbortSignal) => {
      const bytes = await inner.unwrap(wrapped, context, signal)
      const name = wrapped.join()
      const known = opened.get(name) ?? bytes
      opened.set(name, known)
      return known
    }
    const found = await failures(() => ({ id: 'remembering', wrap: inner.wrap, unwrap: remembering }))
    expect(found).toContain(ownArrays)
    expect(found).toContain('leaves what it unwraps as it is')
  })

  test('that returns something other than bytes', async () => {
    const inner = localKeyProvider({ secret })
    const asArray = async (...args: Parameters<KeyProvider['unwrap']>) =>
      Array.from(await inner.unwrap(...args)) as unknown as Uint8Array
    const found = await failures(() => ({ id: 'array', wrap: inner.wrap, unwrap: asArray }))
    expect(found).toContain('unwraps what it wrapped, from 1 to 512 bytes')
  })
})
