import { settableClock } from '@mosaajii/core/testing'
import { describe, expect, test } from 'vitest'
import { presets } from '../src/presets.ts'
import { rateLimiter } from '../src/rate-limiter.ts'
import { flakyStore } from './support/flaky-store.ts'
import { naiveStore } from './support/naive-store.ts'

interface Attempt {
  readonly account: string | number | undefined
  readonly ip: string | undefined
}
const subject = {
  address: ({ ip }: Attempt): string | undefined => ip,
  account: ({ account }: Attempt): string | number | undefined => account,
}
const cashier: Attempt = { account: 'ada', ip: '192.0.2.7' }

function setup(options: Partial<Parameters<typeof presets.manual<Attempt>>[0]> = {}) {
  const clock = settableClock()
  const store = flakyStore(naiveStore({ clock }))
  const rules = presets.manual({ ...subject, ...options })
  return { clock, store, limiter: rateLimiter({ rules, store, clock }) }
}

describe('the limits of the manual', () => {
  test('are those that it names, and account and address alone slow down before they stop', () => {
    const { limiter } = setup()
    const minutes = 60_000
    expect(limiter.rules).toEqual({
      global: expect.objectContaining({ limit: 1000, window: 15 * minutes, algorithm: 'strict', quantum: 15_000 }),
      api: expect.objectContaining({ limit: 100, window: minutes, algorithm: 'strict', quantum: 1000 }),
      authentication: expect.objectContaining({
        limit: 5,
        window: 15 * minutes,
        algorithm: 'exact',
        backoff: undefined,
      }),
      'authentication-account': expect.objectContaining({
        limit: 100,
        window: 15 * minutes,
        algorithm: 'exact',
        backoff: { after: 20, base: 1000, factor: 2, max: 30_000 },
      }),
      'authentication-address': expect.objectContaining({
        limit: 50,
        window: 15 * minutes,
        algorithm: 'exact',
        backoff: { after: 25, base: 1000, factor: 2, max: minutes },
      }),
    } satisfies Record<keyof typeof limiter.rules, unknown>)
    expect(Object.isFrozen(presets)).toBe(true)
  })

  test('let five tries pass, and then none for a quarter of an hour', async () => {
    const { limiter, clock } = setup()
    for (let i = 0; i < 5; i++) expect((await limiter.check(['authentication'], cashier)).allowed).toBe(true)
    const refused = await limiter.check(['authentication'], cashier)
    expect([refused.violated, refused.retryAfterMs]).toEqual([['authentication'], 900_000])
    clock.advance(899_999)
    expect((await limiter.check(['authentication'], cashier)).allowed).toBe(false)
    clock.advance(1)
    expect((await limiter.check(['authentication'], cashier)).allowed).toBe(true)
  })

  test('let nobody lock a cashier out from one other address', async () => {
    const { limiter } = setup()
    for (let i = 0; i < 500; i++) await limiter.check(['authentication'], { account: 'ada', ip: '203.0.113.9' })
    const decision = await limiter.check(['authentication'], cashier)
    expect(decision.allowed).toBe(true)
    expect(decision.rules['authentication-account']?.remaining).toBe(94)
  })

  test('slow an account down that many addresses try, and never lock it for long', async () => {
    const { limiter, clock } = setup()
    let tries = 0
    for (let second = 0; second < 900; second++) {
      const ip = `203.0.113.${second % 250}`
      if ((await limiter.check(['authentication'], { account: 'ada', ip })).allowed) tries++
      clock.advance(1000)
    }
    expect(tries).toBeLessThanOrEqual(20 + 6 + 900 / 30)
    const decision = await limiter.check(['authentication'], cashier)
    expect(decision.allowed || Number(decision.retryAfterMs) <= 30_000).toBe(true)
  })

  test('stop an address that tries many accounts', async () => {
    const { limiter, clock } = setup()
    let tries = 0
    for (let i = 0; i < 900; i++) {
      if ((await limiter.check(['authentication'], { account: `account-${i}`, ip: '203.0.113.9' })).allowed) tries++
      clock.advance(1000)
    }
    expect(tries).toBeLessThanOrEqual(50)
    expect((await limiter.check(['authentication'], { account: 'new', ip: '203.0.113.9' })).violated).toEqual([
      'authentication-address',
    ])
  })
})

describe('an address', () => {
  test('counts by its /64, in any spelling', async () => {
    const { limiter } = setup()
    for (const ip of ['2001:db8::1', '2001:DB8:0:0:ffff::2', '2001:db8::3%eth0']) {
      await limiter.check(['global'], { ...cashier, ip })
    }
    const same = await limiter.peek(['global'], { ...cashier, ip: '2001:db8:0:0:1::' })
    const other = await limiter.peek(['global'], { ...cashier, ip: '2001:db8:0:1::1' })
    expect([same.rules.global.remaining, other.rules.global.remaining]).toEqual([997, 1000])
    await limiter.check(['global'], { ...cashier, ip: '::ffff:192.0.2.7' })
    expect((await limiter.peek(['global'], cashier)).rules.global.remaining).toBe(999)
  })

  test('that is not known is a clear error, for each rule that needs it', async () => {
    const { limiter } = setup()
    for (const name of ['global', 'api', 'authentication', 'authentication-address'] as const) {
      const call = limiter.check([name], { ...cashier, ip: undefined })
      await expect(call).rejects.toMatchObject({ code: 'RATE_KEY_MISSING', status: 500 })
      await expect(call).rejects.toThrow(name)
      await expect(call).rejects.toThrow('address gave undefined')
    }
    expect((await limiter.check(['authentication-account'], { ...cashier, ip: undefined })).allowed).toBe(true)
  })

  test.each(['', 'unknown', '192.0.2.7:443', '192.0.2.7, 203.0.113.9'])('that is none is refused: %j', async (ip) => {
    const { limiter } = setup()
    // After a good one, so that nothing is left over from it.
    await limiter.check(['global'], cashier)
    for (let i = 0; i < 2; i++) {
      const call = limiter.check(['global'], { ...cashier, ip })
      await expect(call).rejects.toMatchObject({ code: 'RATE_KEY_INVALID' })
      await expect(call).rejects.toThrow('presets.manual: address: it gave no IP address')
    }
    expect((await limiter.peek(['global'], cashier)).rules.global.remaining).toBe(999)
  })

  test('an account that is not known is a clear error', async () => {
    const { limiter } = setup()
    for (const name of ['authentication', 'authentication-account'] as const) {
      const call = limiter.check([name], { ...cashier, account: undefined })
      await expect(call).rejects.toMatchObject({ code: 'RATE_KEY_MISSING' })
    }
    expect((await limiter.check(['global', 'api'], { ...cashier, account: undefined })).allowed).toBe(true)
  })
})

describe('without the store', () => {
  test('nobody signs in, and a tenth of the rest is served', async () => {
    const { limiter, store } = setup()
    store.mood = 'throws'
    const signIn = await limiter.check(['authentication'], cashier)
    expect([signIn.allowed, signIn.source]).toEqual([false, 'failure'])
    expect(Object.values(signIn.rules).map((state) => state?.remaining)).toEqual([0, 0, 0])
    let served = 0
    for (let i = 0; i < 100; i++) if ((await limiter.check(['api'], cashier)).allowed) served++
    expect(served).toBe(10)
    for (let i = 0; i < 200; i++) if ((await limiter.check(['global'], cashier)).allowed) served++
    expect(served).toBe(110)
  })

  test('it is as the application says, where it says so', async () => {
    const onStoreFailure = {
      global: 'allow',
      authentication: { localShare: 2 },
      'authentication-account': { localShare: 10 },
      'authentication-address': { localShare: 5 },
    } as const
    const { limiter, store } = setup({ onStoreFailure })
    store.mood = 'throws'
    const allowed: boolean[] = []
    for (let i = 0; i < 3; i++) allowed.push((await limiter.check(['global', 'authentication'], cashier)).allowed)
    expect(allowed).toEqual([true, true, false])
  })
})

describe('wrong options', () => {
  test.each([
    [{ ...subject, ip: () => '' }, "presets.manual: unknown option 'ip'"],
    [{ account: subject.account }, 'presets.manual: address: give a function of the subject'],
    [{ address: subject.address }, 'presets.manual: account: give a function of the subject'],
    [{ ...subject, account: 'ada' }, 'presets.manual: account: give a function of the subject'],
    [{ ...subject, onStoreFailure: 'deny' }, 'presets.manual: onStoreFailure: give a plain object'],
    [{ ...subject, onStoreFailure: { login: 'deny' } }, "presets.manual: onStoreFailure: unknown option 'login'"],
  ])('%o', (options, says) => {
    expect(() => presets.manual(options as never)).toThrow(says)
  })

  test('a wrong choice is refused where rules are', () => {
    const rules = presets.manual({ ...subject, onStoreFailure: { api: { localShare: 101 } } })
    expect(() => rateLimiter({ rules })).toThrow('rateLimiter: rules.api.onStoreFailure.localShare')
  })
})
