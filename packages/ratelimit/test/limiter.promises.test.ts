// Functions that answer later: a mistake of the application, which must not look like one of the client, or end the process.
import type { Facts } from '@mosaajii/core'
import { settableClock } from '@mosaajii/core/testing'
import { type Decision, limitGuard, presets, rateLimiter } from '@mosaajii/ratelimit'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { naiveStore } from './support/naive-store.ts'

const unhandled: unknown[] = []
const note = (reason: unknown): void => void unhandled.push(reason)
beforeAll(() => void process.on('unhandledRejection', note))
afterAll(() => void process.off('unhandledRejection', note))

/** What an async function gives that fails. */
const later = (): never => Promise.reject(new Error('s3cret')) as never
const store = () => naiveStore({ clock: settableClock() })
const key = (subject: string): string => subject
const facts: Facts = {
  method: 'GET',
  target: '/',
  address: '192.0.2.1',
  header: () => undefined,
  get: () => undefined,
}
const guarded = (options: { readonly subject?: () => never; readonly cost?: () => never }) => {
  const rules = { api: { limit: 2, window: '1m', key: () => 'one', onStoreFailure: 'deny' } } as const
  const guard = limitGuard(rateLimiter({ rules, store: store() }), ['api'], options)
  return async (): Promise<unknown> => guard.check(facts)
}
const limited = (rule: { readonly key?: () => never; readonly cost?: () => never }) => {
  const rules = { api: { limit: 2, window: '1m', key, onStoreFailure: 'deny', ...rule } } as const
  const limiter = rateLimiter<string>({ rules, store: store() })
  return (): Promise<Decision> => limiter.check(['api'], 'ada')
}
const manual = (options: { readonly account?: () => never; readonly address?: () => never }) => {
  const rules = presets.manual<string>({ account: key, address: () => '192.0.2.1', ...options })
  const limiter = rateLimiter({ rules, store: store() })
  return (): Promise<Decision> => limiter.check(['authentication'], 'ada')
}

describe('a promise', () => {
  const plain = rateLimiter({ rules: { api: { limit: 2, window: '1m', key, onStoreFailure: 'deny' } }, store: store() })

  test.each<readonly [string, call: () => Promise<unknown>, where: string]>([
    ['of a key', limited({ key: later }), "rule 'api': part 0 of the key"],
    ['in a key', limited({ key: () => ['ada', later(), later()] as never }), "rule 'api': part 1 of the key"],
    ['alone in a key', limited({ key: () => [later()] as never }), "rule 'api': part 0 of the key"],
    ['of a cost', limited({ cost: later }), "rule 'api': cost"],
    ['as the cost of a call', () => plain.check(['api'], 'ada', { cost: later() }), 'check: cost'],
    ['of a subject', guarded({ subject: later }), 'limitGuard: subject'],
    ['of the cost of a request', guarded({ cost: later }), 'limitGuard: cost'],
    ['of an account', manual({ account: later }), "rule 'authentication': account"],
    ['of an address', manual({ address: later }), "rule 'authentication': address"],
    ['of both', manual({ address: later, account: later }), "rule 'authentication': account"],
  ])("%s is refused, and its failure is nobody's", async (_, call, where) => {
    await expect(call()).rejects.toThrow(
      new TypeError(`${where}: it is a promise; await what it needs before the call, and give it in the subject`),
    )
  })

  test('behind a part that is refused fails in silence too', async () => {
    const call = limited({ key: () => [undefined, later()] as never })
    await expect(call()).rejects.toMatchObject({ code: 'RATE_KEY_MISSING' })
  })

  test('that failed after all ended nothing', async () => {
    // Rejections are told of when the microtasks are done.
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(unhandled).toEqual([])
  })
})
