import { Cluster, Redis } from 'ioredis'
import slotOf from 'cluster-key-slot'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { redisServerPath } from '../../../test/services.ts'
import { KeyNames } from '../src/redis/key-names.ts'
import { limiterClusterOptions, redisStore } from '../src/redis.ts'
import type { Demand, OpenWindows, WindowRule } from '../src/window-store.ts'
import { connected } from './support/redis-client.ts'
import { type RedisCluster, startCluster } from './support/redis-cluster.ts'
import { type Load, loadOn } from './support/redis-load.ts'
import { windowRule } from './support/rules.ts'

const account = windowRule({ name: 'account', limit: 5, window: 60_000 })
const address = windowRule({ name: 'address', limit: 50, window: 60_000 })
const many = windowRule({ name: 'many', limit: 1_000_000, window: 60_000, algorithm: 'strict' })
const rules = [account, address, many]
const names = new KeyNames('rl', undefined)

describe.skipIf(!redisServerPath())('redisStore on a Redis Cluster', () => {
  let cluster: RedisCluster
  let clients: Cluster[] = []
  const loads: Load[] = []
  beforeAll(async () => {
    cluster = await startCluster()
  })
  afterEach(async () => {
    await Promise.all(loads.splice(0).map((load) => load.stop()))
    for (const client of clients) client.disconnect()
    clients = []
  })
  afterAll(() => cluster?.close())

  async function clientOf(): Promise<Cluster> {
    const nodes = cluster.servers.map(({ port }) => ({ host: '127.0.0.1', port }))
    const client = new Cluster(nodes, { ...limiterClusterOptions })
    clients.push(client)
    return connected(client)
  }
  const open = async (deadline = 1000): Promise<OpenWindows> => {
    const client = await clientOf()
    const windows = redisStore({ client, deadline }).open(rules)
    const areReady = (): void => {
      expect(client.nodes()).toHaveLength(6)
      expect(client.nodes().every(({ status }) => status === 'ready')).toBe(true)
    }
    await vi.waitFor(areReady, 8000)
    return windows
  }

  /** The place of the primary that serves a counter when the cluster begins. */
  const primaryOf = (rule: WindowRule, key: string): number => Math.floor((slotOf(names.of(rule, key)) * 3) / 16_384)
  /** Keys whose counters lie on that primary. */
  const keysOn = (place: number, count: number, prefix: string): string[] =>
    Array.from({ length: 200 }, (_, i) => `${prefix}-${i}`)
      .filter((key) => primaryOf(many, key) === place)
      .slice(0, count)
  const login = (who: string, from: string): Demand[] => [
    { rule: account, key: who, cost: 1 },
    { rule: address, key: from, cost: 1 },
  ]
  const remainingOf = async (windows: OpenWindows, rule: WindowRule, key: string): Promise<number> =>
    (await windows.peek([{ rule, key, cost: 1 }])).counters[0]?.remaining ?? Number.NaN

  it('takes from counters in several slots, all or nothing, in the order of the call', async () => {
    const windows = await open()
    for (let i = 0; i < 5; i++) {
      expect(await windows.take(login('ada', 'a'))).toMatchObject({
        admitted: true,
        counters: [{ remaining: 4 - i }, { remaining: 49 - i }],
      })
    }
    expect(await windows.take(login('ada', 'a'))).toMatchObject({
      admitted: false,
      counters: [
        { admits: false, remaining: 0 },
        { admits: true, remaining: 45, receipt: undefined },
      ],
    })
    expect(await windows.peek(login('ada', 'a'))).toMatchObject({ admitted: false, counters: [{}, { remaining: 45 }] })
    await windows.penalize(login('bob', 'a'))
    expect(await remainingOf(windows, address, 'a')).toBe(44)
  })

  it('gives back across slots, and resets and blocks where the counter is', async () => {
    const windows = await open()
    const { counters } = await windows.take(login('eve', 'e'))
    await windows.refund(counters.flatMap(({ receipt }) => receipt ?? []))
    expect(await windows.peek(login('eve', 'e'))).toMatchObject({ counters: [{ remaining: 5 }, { remaining: 50 }] })
    await windows.block(account, 'eve', 5000)
    expect((await windows.take(login('eve', 'e'))).admitted).toBe(false)
    await windows.block(account, 'eve', 0)
    await windows.penalize([{ rule: account, key: 'eve', cost: 9 }])
    await windows.reset(account, 'eve')
    expect((await windows.take(login('eve', 'e'))).admitted).toBe(true)
  })

  it('admits the limit and no more in a race, and gives the others back what was taken', async () => {
    const stores = [await open(), await open()] as const
    const answers = await Promise.all(
      Array.from({ length: 120 }, async (_, i) => stores[i % 2 === 0 ? 0 : 1].take(login('race', `r${i % 6}`))),
    )
    expect(answers.filter((answer) => answer.admitted)).toHaveLength(5)
    let used = 0
    for (let i = 0; i < 6; i++) used += 50 - (await remainingOf(stores[0], address, `r${i}`))
    expect(used).toBe(5)
  })

  it('wrongs no honest call while account or address is attacked', async () => {
    const windows = await open()
    const attacker = await open()
    await attacker.penalize([{ rule: address, key: 'bad', cost: 50 }])
    await attacker.penalize([{ rule: account, key: 'target', cost: 5 }])
    // An address that is used up tries the honest accounts; and an account that is used up is tried from the honest address.
    loads.push(loadOn(attacker, (call) => login(`honest-${call % 20}`, 'bad'), 20))
    loads.push(loadOn(attacker, () => login('target', 'home'), 20))
    await sleep(100)
    let denied = 0
    for (let i = 0; i < 20; i++) {
      for (let attempt = 0; attempt < 5; attempt++) {
        const { admitted, counters } = await windows.take(
          login(`honest-${i}`, attempt === 0 ? 'home' : `elsewhere-${i}`),
        )
        if (!admitted) denied++
        if (attempt === 0)
          await windows.refund(counters.flatMap(({ receipt }) => (receipt?.rule === address ? [receipt] : [])))
      }
    }
    const attacks = loads.flatMap(({ calls }) => calls)
    console.log(`${attacks.length} attacks, 100 honest calls, ${denied} wrongly denied`)
    expect(attacks.length).toBeGreaterThan(200)
    expect(attacks.filter(({ outcome }) => outcome === 'admitted')).toEqual([])
    expect(denied).toBe(0)
  })

  it('follows a slot to the replica that takes over by request', async () => {
    const windows = await open()
    const [key = ''] = keysOn(2, 1, 'moved')
    await windows.take([{ rule: many, key, cost: 7 }])
    const [, , , , , replica] = cluster.servers
    if (replica === undefined) throw new Error('no replica')
    const admin = await connected(new Redis(replica.url))
    await admin.call('CLUSTER', 'FAILOVER')
    await cluster.becomesPrimary(replica)
    admin.disconnect()
    await sleep(100)
    expect(await remainingOf(windows, many, key)).toBe(1_000_000 - 7)
  })

  it('goes on without a killed primary: its slots after the failover, the others all the time', async () => {
    // A busy machine must not look like a dead node.
    const windows = await open(100)
    const [dead] = cluster.servers
    if (dead === undefined) throw new Error('no primary')
    const lost = keysOn(0, 20, 'lost')
    const safe = keysOn(1, 20, 'safe')
    const demandsOf = (keys: readonly string[]) => (call: number) => [
      { rule: many, key: keys[call % keys.length] ?? '', cost: 1 },
    ]
    const onLost = loadOn(windows, demandsOf(lost), 10)
    const onSafe = loadOn(windows, demandsOf(safe), 10)
    loads.push(onLost, onSafe)
    await sleep(300)
    const before = onSafe.calls.length
    const goneAt = performance.now()
    await dead.kill()
    await cluster.becomesPrimary(cluster.servers[3] ?? dead)
    const replacedAt = performance.now()
    await sleep(1200)
    await Promise.all([onLost.stop(), onSafe.stop()])
    const safeFailed = onSafe.calls.slice(before).filter(({ outcome }) => outcome === 'failed').length
    const again =
      onLost.calls.find(({ begun, outcome }) => begun > replacedAt && outcome === 'admitted')?.begun ?? Number.NaN
    console.log(
      `failover after ${(replacedAt - goneAt).toFixed(0)} ms, calls pass ${(again - replacedAt).toFixed(0)} ms later; on the other primaries ${safeFailed} of ${onSafe.calls.length - before} failed`,
    )
    expect(safeFailed / (onSafe.calls.length - before)).toBeLessThan(0.02)
    expect(again - replacedAt).toBeLessThan(1000)
  })
})
