import { describe, expect, onTestFinished, test } from 'vitest'
import { type RedisServer, startRedis } from '../../../packages/ratelimit/test/support/redis-server.ts'
import { redisServerPath } from '../../../test/services.ts'
import type { LimitsView } from '../src/http/limits-view.ts'
import { adminToken, onEachFramework, type TestShop, until } from './support/test-shop.ts'

const redisServer = redisServerPath()

async function redisOfItsOwn(): Promise<RedisServer> {
  const redis = await startRedis()
  onTestFinished(() => redis.close())
  return redis
}

async function status(shop: TestShop, path: string, token?: string): Promise<number> {
  return (await shop.send({ path, headers: token === undefined ? {} : { 'x-admin-token': token } })).status
}

describe.skipIf(!redisServer)('with the limits on Redis', () => {
  onEachFramework((openTestShop) => {
    test('two processes count together, and what Redis knows outlives them', async () => {
      const { url } = await redisOfItsOwn()
      const options = { limits: { global: 1000, api: 40 }, redis: { url, prefix: 'test' } }
      const shops = [await openTestShop(options), await openTestShop(options)]
      const sent = await Promise.all(
        Array.from({ length: 60 }, (_, i) => status(shops[i % 2] as TestShop, '/receipts?limit=1')),
      )
      expect(sent.filter((each) => each === 200)).toHaveLength(40)
      const third = await openTestShop(options)
      expect(await status(third, '/receipts')).toBe(429)
      const { json } = await third.ask<LimitsView>('GET', '/limits')
      expect([json.store, json.rules.find(({ name }) => name === 'api')?.remaining]).toEqual(['redis', 0])
    })

    test('while Redis is gone a tenth passes, no token is looked at, and the page stays open', async () => {
      const redis = await redisOfItsOwn()
      const limits = { global: 200, api: 50 }
      const shop = await openTestShop({ limits, redis: { url: redis.url, prefix: 'test' } })
      await redis.kill()
      const page = await shop.send({ path: '/' })
      expect([page.status, page.headers['ratelimit'] !== undefined]).toEqual([200, true])
      const refused = await shop.send({ path: '/admin/keys', headers: { 'x-admin-token': adminToken } })
      expect([refused.status, refused.headers['retry-after']]).toEqual([503, '1'])
      expect(JSON.parse(refused.text)).toMatchObject({ code: 'LIMITER_UNAVAILABLE' })
      const sent: number[] = []
      for (let i = 0; i < 12; i++) sent.push(await status(shop, '/receipts'))
      // Five of fifty, and the admin's was the first of them.
      expect(sent.filter((each) => each === 200)).toHaveLength(4)
      expect(sent.filter((each) => each === 429)).toHaveLength(8)
      expect(shop.events.named('ratelimit.storeFailed').length).toBeGreaterThan(0)
      expect(shop.limits.isReachable()).toBe(false)
      const { json } = await shop.ask<LimitsView>('GET', '/limits')
      // Of 200 a tenth: the page, the admin's, twelve receipts and this. What passes is not told as refused because tokens are.
      expect(json.rules.map(({ name, remaining, source }) => [name, remaining, source])).toEqual([
        ['global', 5, 'local'],
        ['api', 0, 'local'],
        ['authentication', 0, 'failure'],
      ])
      const { text } = await shop.send({ path: '/' })
      expect(text).toMatch(
        /data-rule="global">[^]*?Redis is gone<[^]*?>4 more pass<[^]*?>nothing passes<[^]*?>nothing passes</,
      )
      await redis.restart()
      await until('tokens are looked at again', async () => (await status(shop, '/admin/keys', adminToken)) === 200)
      expect(shop.events.named('ratelimit.recovered')).toHaveLength(1)
    })

    test('a shop opens without its Redis, and looks at tokens once it is up', async () => {
      const redis = await redisOfItsOwn()
      await redis.kill()
      const shop = await openTestShop({ limits: { global: 200, api: 50 }, redis: { url: redis.url, prefix: 'test' } })
      expect(shop.limits.isReachable()).toBe(false)
      expect(await status(shop, '/receipts')).toBe(200)
      expect(await status(shop, '/admin/keys', adminToken)).toBe(503)
      await redis.restart()
      // A request that is refused for the API's sake is asked again too.
      await until('tokens are looked at', async () => (await status(shop, '/admin/keys', adminToken)) === 200)
      expect(shop.limits.isReachable()).toBe(true)
    })
  })
})
