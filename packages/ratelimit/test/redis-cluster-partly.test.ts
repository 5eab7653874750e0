import { Cluster } from 'ioredis'
import slotOf from 'cluster-key-slot'
import { settableClock } from '@mosaajii/core/testing'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { redisServerPath } from '../../../test/services.ts'
import type { Decision } from '../src/decision.ts'
import { type RateLimiter, rateLimiter } from '../src/rate-limiter.ts'
import type { Calls } from '../src/redis/calls.ts'
import { ClusterWindows } from '../src/redis/cluster.ts'
import type { CountOperation } from '../src/redis/demands.ts'
import { KeyNames } from '../src/redis/key-names.ts'
import { limiterClusterOptions, redisStore } from '../src/redis.ts'
import type { OnStoreFailure } from '../src/rule.ts'
import type { CounterState, Demand, Receipt, StoreAnswer, WindowStore } from '../src/window-store.ts'
import { NaiveWindows } from './support/naive-store.ts'
import { connected } from './support/redis-client.ts'
import { type RedisCluster, startCluster } from './support/redis-cluster.ts'
import { windowRule } from './support/rules.ts'

interface Login {
  readonly from: string
  readonly who: string
}

describe.skipIf(!redisServerPath())('a Redis Cluster of which one node hangs', () => {
  let cluster: RedisCluster
  let client: Cluster
  let plain: WindowStore
  let caching: WindowStore
  beforeAll(async () => {
    cluster = await startCluster()
    const nodes = cluster.servers.map(({ port }) => ({ host: '127.0.0.1', port }))
    client = await connected(new Cluster(nodes, { ...limiterClusterOptions }))
    plain = redisStore({ client, deadline: 200 })
    caching = redisStore({ client, deadline: 200, denyCache: true })
    const areReady = (): void => {
      expect(client.nodes()).toHaveLength(6)
      expect(client.nodes().every(({ status }) => status === 'ready')).toBe(true)
    }
    await vi.waitFor(areReady, 8000)
    for (const address of addresses.slice(0, 2)) {
      await limiterOf('allow').penalize(['address'], { from: address, who: '' }, { cost: 5 })
    }
    await limiterOf('allow').block(['address'], { from: addresses[2] ?? '', who: '' }, '10m')
    // Its replica too, or it would take over.
    for (const place of [1, 4]) cluster.servers[place]?.stop()
  })
  afterAll(async () => {
    for (const place of [1, 4]) cluster?.servers[place]?.continue()
    client?.disconnect()
    await cluster?.close()
  })

  const limiterOf = (onStoreFailure: OnStoreFailure, denyCache = false): RateLimiter<Login> =>
    rateLimiter<Login>({
      store: denyCache ? caching : plain,
      rules: {
        address: { limit: 5, window: '10m', key: ({ from }) => from, onStoreFailure: 'allow' },
        account: { limit: 1000, window: '10m', key: ({ who }) => who, onStoreFailure },
      },
    })
  const both = ['address', 'account']
  const names = new KeyNames('rl', undefined)
  const window = 600_000
  const keysOn = (place: number, rule: string, prefix: string): string[] =>
    Array.from({ length: 500 }, (_, i) => `${prefix}${i}`).filter((key) => {
      const one = windowRule({ name: rule, window, ...(rule === 'account' && { algorithm: 'strict' }) })
      return Math.floor((slotOf(names.of(one, key)) * 3) / 16_384) === place
    })
  /** The node that hangs has the accounts, another the addresses. */
  const addresses = keysOn(0, 'address', '10.0.0.')
  const accounts = keysOn(1, 'account', 'user-')

  const calls = async (limiter: RateLimiter<Login>, from: string, count: number): Promise<Decision[]> => {
    const decisions: Decision[] = []
    for (let i = 0; i < count; i++) decisions.push(await limiter.check(both, { from, who: accounts[i] ?? '' }))
    return decisions
  }
  const left = async (from: string): Promise<number | undefined> =>
    (await limiterOf('allow').peek(['address'], { from, who: '' })).rules['address']?.remaining
  const admitted = (decisions: readonly Decision[]): Decision[] => decisions.filter(({ allowed }) => allowed)

  it.each(['allow', 'deny', { localShare: 9 }] as const)(
    'refuses what the other nodes refuse, by the limit and by a block: %j',
    async (policy) => {
      const limiter = limiterOf(policy)
      for (const from of [addresses[0] ?? '', addresses[2] ?? '']) {
        for (const decision of await calls(limiter, from, 8)) {
          expect(decision).toMatchObject({ allowed: false, source: 'store', violated: ['address'] })
          expect(decision.retryAfterMs).toBeGreaterThan(1000)
        }
        expect(await limiter.peek(both, { from, who: accounts[0] ?? '' })).toMatchObject({
          allowed: false,
          source: 'store',
        })
      }
    },
  )

  it('counts where it can, and lets through by the rule that cannot be asked', async () => {
    const from = addresses[3] ?? ''
    const decisions = await calls(limiterOf('allow'), from, 9)
    expect(admitted(decisions).map(({ source }) => source)).toEqual(Array(5).fill('failure'))
    expect(decisions[0]?.rules).toMatchObject({ address: { remaining: 4 }, account: { remaining: 1000 } })
    expect(await left(from)).toBe(0)
  })

  it('refuses where that rule denies, and takes nothing from the others', async () => {
    const from = addresses[4] ?? ''
    const decisions = await calls(limiterOf('deny'), from, 9)
    for (const decision of decisions)
      expect(decision).toMatchObject({ allowed: false, source: 'failure', violated: [] })
    expect(await left(from)).toBe(5)
  })

  it('takes a share of that rule and a unit of the others, or neither, and gives both back', async () => {
    const [from = '', who = ''] = [addresses[5], accounts[0]]
    const limiter = limiterOf({ localShare: 2 })
    const decisions: Decision[] = []
    for (let i = 0; i < 4; i++) decisions.push(await limiter.check(both, { from, who }))
    expect(decisions.map(({ allowed, source }) => [allowed, source])).toEqual([
      [true, 'local'],
      [true, 'local'],
      [false, 'local'],
      [false, 'local'],
    ])
    expect(decisions[2]?.violated).toEqual(['account'])
    expect(await left(from)).toBe(3)
    const [first] = decisions
    if (first !== undefined) await limiter.refund(first)
    expect(await left(from)).toBe(4)
    expect(await limiter.check(both, { from, who })).toMatchObject({ allowed: true, source: 'local' })
    expect(await left(from)).toBe(3)
  })

  it('counts a penalty where it can', async () => {
    const [from = '', who = ''] = [addresses[6], accounts[1]]
    const limiter = limiterOf({ localShare: 3 })
    expect(await limiter.penalize(both, { from, who }, { cost: 2 })).toMatchObject({ source: 'local' })
    expect(await left(from)).toBe(3)
    expect((await limiter.peek(both, { from, who })).rules['account']?.remaining).toBe(1)
  })

  it('remembers nothing of what could not be asked', async () => {
    const [from = '', who = ''] = [addresses[7], accounts[2]]
    const limiter = limiterOf('deny', true)
    expect((await limiter.check(both, { from, who })).source).toBe('failure')
    expect((await limiter.check(both, { from, who })).source).toBe('failure')
    expect(await limiter.check(both, { from: addresses[1] ?? '', who })).toMatchObject({ source: 'store' })
    const cached = await limiter.check(both, { from: addresses[1] ?? '', who })
    expect(cached).toMatchObject({ allowed: false, source: 'denyCache', violated: ['address'] })
  })
})

describe('counters in several slots', () => {
  const rule = windowRule({ limit: 5 })
  const demands: readonly Demand[] = ['a', 'b', 'c'].map((key) => ({ rule, key, cost: 1 }))
  const state = { admits: true, remaining: 4, retryAfterMs: 0, resetMs: 1, now: 1 }

  /** A cluster where each counter behaves as a test says. */
  function setup(say: (operation: CountOperation, key: string) => 'admits' | 'refuses' | 'fails') {
    const taken: string[] = []
    const back: string[] = []
    const calls = {
      once: (steps: (deadline: object) => unknown) => steps({}),
      nameOf: (_: unknown, key: string) => `{${key}}`,
      async count(operation: CountOperation, asked: readonly Demand[]): Promise<StoreAnswer> {
        const counters = asked.map(({ key }): CounterState => {
          const said = say(operation, key)
          if (said === 'fails') throw new Error('gone')
          const isTaken = operation === 'take' && said === 'admits'
          if (isTaken) taken.push(key)
          const receipt = isTaken ? { rule, key, at: 1, units: 1, mark: 1 } : undefined
          return said === 'admits' ? { ...state, receipt } : { ...state, admits: false, retryAfterMs: 9, receipt }
        })
        return { admitted: counters.every(({ admits }) => admits), counters }
      },
      async refund(receipts: readonly Receipt[]) {
        for (const { key } of receipts) back.push(key)
      },
    }
    return { windows: new ClusterWindows(calls as unknown as Calls), taken, back }
  }

  it('refuse after all, and give back, when one refuses late and another does not answer', async () => {
    const { windows, taken, back } = setup((operation, key) => {
      if (operation === 'peek' || key === 'a') return 'admits'
      return key === 'b' ? 'refuses' : 'fails'
    })
    const answer = await windows.take(demands)
    expect(answer).toMatchObject({ admitted: false, failure: new Error('gone') })
    expect(answer.counters.map(({ admits, receipt, failed }) => [admits, receipt, failed])).toEqual([
      [true, undefined, undefined],
      [false, undefined, undefined],
      [false, undefined, true],
    ])
    expect([taken, back]).toEqual([['a'], ['a']])
  })

  it('are taken without those that do not answer only where the call goes on', async () => {
    const say = (_: CountOperation, key: string) => (key === 'c' ? 'fails' : 'admits')
    const stays = setup(say)
    const asked: string[] = []
    const answer = await stays.windows.take(demands, (lost) => {
      asked.push(...lost.map(({ key }) => key))
      return false
    })
    expect(answer).toMatchObject({ admitted: false, counters: [{ receipt: undefined }, {}, { failed: true }] })
    expect([asked, stays.taken]).toEqual([['c'], []])
    await stays.windows.take(demands)
    expect(stays.taken).toEqual([])
    const goes = setup(say)
    await goes.windows.take(demands, () => true)
    expect([goes.taken, goes.back]).toEqual([['a', 'b'], []])
  })

  it.each([
    ['allow', true, []],
    ['deny', false, ['a', 'b']],
  ] as const)('of which one fails at the take: %s', async (onStoreFailure, allowed, expected) => {
    const { windows, back } = setup((operation, key) => (operation === 'take' && key === 'c' ? 'fails' : 'admits'))
    const one = { limit: 5, window: '1s', onStoreFailure } as const
    const key = (name: string) => () => name
    const rules = { a: { ...one, key: key('a') }, b: { ...one, key: key('b') }, c: { ...one, key: key('c') } }
    const limiter = rateLimiter({ store: { open: () => windows }, rules })
    const decision = await limiter.check(['a', 'b', 'c'], {})
    expect(decision).toMatchObject({ allowed, source: 'failure' })
    await limiter.refund(decision)
    expect(back.map((name) => name.at(-1))).toEqual(allowed ? ['a', 'b'] : expected)
  })

  it('that were not taken are not admitted because a share is free again a moment later', async () => {
    const { windows, taken } = setup((_, key) => (key.endsWith('c') ? 'fails' : 'admits'))
    const clock = settableClock()
    const local = new NaiveWindows(clock)
    const one = { limit: 5, window: '1s', onStoreFailure: { localShare: 2 } } as const
    const rules = { a: { ...one, key: () => 'a' }, c: { ...one, key: () => 'c' } }
    const { take } = windows
    vi.spyOn(windows, 'take').mockImplementation(async (asked, goesOn) => {
      const answer = await take.call(windows, asked, goesOn)
      clock.advance('1s')
      return answer
    })
    const limiter = rateLimiter({ store: { open: () => windows }, localStore: { open: () => local }, rules })
    await limiter.penalize(['c'], {}, { cost: 2 })
    expect(await limiter.check(['a', 'c'], {})).toMatchObject({ allowed: false, source: 'failure' })
    expect(taken).toEqual([])
    expect((await limiter.peek(['c'], {})).rules.c.remaining).toBe(2)
  })
})
