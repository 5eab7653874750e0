import { chmod, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { brandOf, isLuhn, luhnDigit, masked } from '../src/domain/card.ts'
import { isId, uuidv7 } from '../src/domain/ids.ts'
import { eventFile } from '../src/event-file.ts'
import { countedWhere } from '../src/counted-where.ts'
import { greeting } from '../src/greeting.ts'
import { localSecret } from '../src/local-secret.ts'
import { people, testCard } from '../src/people.ts'
import { readSettings } from '../src/settings.ts'
import { formsOf, textsIn } from '../src/tour/raw-bytes.ts'

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'pos-parts-'))
  onTestFinished(() => rm(path, { recursive: true, force: true }))
  return path
}

describe('ids', () => {
  test('are UUIDs of version 7 that sort by time', () => {
    const ids = [1, 2, 1_700_000_000_000, 281_474_976_710_655].map((ms) => uuidv7({ now: () => ms }))
    expect(ids.every(isId)).toBe(true)
    expect(ids.toSorted()).toEqual(ids)
    expect(ids[2]?.startsWith('018bcfe5-6800-7')).toBe(true)
    expect(new Set(Array.from({ length: 1000 }, () => uuidv7({ now: () => 1 }))).size).toBe(1000)
  })
})

describe('cards', () => {
  test('have a check digit (ISO/IEC 7812-1)', () => {
    for (const number of ['4111111111111111', '5555555555554444', '378282246310005', '79927398713']) {
      expect(isLuhn(number)).toBe(true)
      expect(luhnDigit(number.slice(0, -1))).toBe(number.slice(-1))
      expect(isLuhn(number.slice(0, -1) + ((Number(number.slice(-1)) + 1) % 10))).toBe(false)
    }
    expect(isLuhn('')).toBe(false)
  })

  test('have a brand and a masked form', () => {
    const brands = ['4111', '5105', '2221', '2720', '2220', '3411', '3711', '6011'].map(brandOf)
    expect(brands).toEqual([
      'Visa',
      'Mastercard',
      'Mastercard',
      'Mastercard',
      'Card',
      'American Express',
      'American Express',
      'Card',
    ])
    expect(masked('4111111111111111')).toBe('411111******1111')
  })

  test('and people that are generated are all different and valid', () => {
    const all = people(3000)
    for (const part of ['email', 'phone'] as const) expect(new Set(all.map((person) => person[part])).size).toBe(3000)
    const cards = Array.from({ length: 500 }, (_, i) => testCard(i))
    expect(new Set(cards).size).toBe(500)
    expect(cards.every((card) => card.length === 16 && isLuhn(card))).toBe(true)
  })
})

describe('the search through raw bytes', () => {
  test('finds texts wherever they stand, and only those', () => {
    const bytes = Buffer.concat([
      Buffer.from('ada@example.com'),
      Buffer.from([0, 255]),
      Buffer.from('Zoë Müller-Lüdenscheidt'),
    ])
    const texts = ['ada@example.com', 'bea@example.com', 'Zoë Müller-Lüdenscheidt', 'Lüdenscheidt']
    expect([...textsIn(bytes, texts)]).toEqual(['ada@example.com', 'Zoë Müller-Lüdenscheidt', 'Lüdenscheidt'])
    expect(textsIn(bytes.subarray(1), ['ada@example.com']).size).toBe(0)
    expect(() => textsIn(bytes, ['short'])).toThrow(RangeError)
  })

  test('finds a text that was only encoded', () => {
    const text = 'ada.lovelace@example.com'
    for (const encoding of ['base64url', 'base64', 'hex'] as const) {
      const bytes = Buffer.from(`xxxx${Buffer.from(`${text} and more`).toString(encoding)}`)
      expect(textsIn(bytes, formsOf(text)).size).toBe(1)
    }
  })
})

describe('the local secret', () => {
  test('is made once, for its owner only', async () => {
    const path = await folder()
    const secret = await localSecret(path)
    expect(secret.length).toBe(32)
    expect(await localSecret(path)).toEqual(secret)
    expect((await stat(join(path, 'secret'))).mode & 0o777).toBe(0o600)
    const both = await folder()
    const [one, two] = await Promise.all([localSecret(both), localSecret(both)])
    expect(one).toEqual(two)
  })

  test('is refused when others can read it, when it is damaged, or when it is lost while keys are there', async () => {
    const path = await folder()
    await localSecret(path)
    const text = await readFile(join(path, 'secret'), 'utf8')
    await chmod(join(path, 'secret'), 0o644)
    await expect(localSecret(path)).rejects.toThrow('chmod 600')
    await chmod(join(path, 'secret'), 0o600)
    await writeFile(join(path, 'secret'), text.slice(1))
    const damaged = await localSecret(path).catch((error: Error) => error.message)
    expect(damaged).toContain('32 bytes')
    expect(damaged).not.toContain(text.slice(1))
    await rm(join(path, 'secret'))
    await mkdir(join(path, 'keys'))
    await writeFile(join(path, 'keys', 'main.0000000001.json'), '{}')
    await expect(localSecret(path)).rejects.toThrow('is missing, and the keys need it')
  })

  test('may come from the environment', async () => {
    const given = Buffer.alloc(32, 9).toString('base64url')
    expect(await localSecret('/nowhere', given)).toEqual(Buffer.alloc(32, 9))
    await expect(localSecret('/nowhere', 'too-short')).rejects.toThrow('MOSAAJII_SECRET must be 32 bytes')
  })
})

test('the greeting has the commands for a whole rotation in their order, with the waits that it needs', () => {
  const text = greeting({
    origin: 'http://localhost:1',
    framework: 'hono',
    adminToken: 'abc',
    refresh: 2600,
    version: 7,
    apiLimit: 100,
    counted: 'Limits are counted here',
    pid: 4711,
  })
  const steps = text.match(/(?<=^ {2})sleep \d+|\/admin\/\w+|'\{"version":\d+\}'/gm)
  expect(steps?.join(' ')).toBe(
    `/admin/rotate sleep 7 /admin/reencrypt /admin/reencrypt /admin/keys sleep 7 /admin/destroy '{"version":7}'`,
  )
  expect(text.match(/pending for 5\.2 s|active for 5\.2 s/g)?.length).toBe(2)
  const admin = text.split('\n').filter((line) => line.includes('/admin/'))
  expect(admin.every((line) => line.includes("-H 'x-admin-token: abc'"))).toBe(true)
  expect(text).toContain('runs on hono')
  expect(text).toContain('seq 101')
  // Whoever runs over a limit is kept out of everything else too.
  expect(text.indexOf('seq 101')).toBeGreaterThan(text.lastIndexOf('/admin/destroy'))
  expect(text).toContain('\nLimits are counted here\n')
  expect(text).toContain('kill 4711')
})

test('the greeting over https names the certificate to curl, and the way over from http', () => {
  const [origin, plainOrigin] = ['https://localhost:1', 'http://localhost:2']
  const text = greeting({
    origin,
    plainOrigin,
    certFile: 'a.pem',
    framework: 'express',
    adminToken: 'abc',
    refresh: 1,
    version: 1,
    apiLimit: 100,
    counted: 'Limits are counted here',
    pid: 4711,
  })
  expect(text).toContain(`Plain http is redirected: ${plainOrigin}`)
  const commands = text.split('\n').filter((line) => line.includes('curl'))
  expect(commands.length).toBeGreaterThan(6)
  for (const line of commands) expect(line).toContain("curl --cacert 'a.pem' ")
})

test('where limits are counted is told without the password, and with a warning when it cannot be reached', () => {
  expect(countedWhere(undefined, true)).toBe('Limits are counted in the memory of this process')
  const url = 'redis://till:p4ss%2Fw0rd@cache.example:6380/2'
  expect(countedWhere(url, true)).toBe('Limits are counted on Redis at cache.example:6380')
  const gone = countedWhere(url, false)
  expect(gone).toContain('on Redis at cache.example:6380\nWARNING: Redis cannot be reached')
  expect(gone).not.toMatch(/p4ss|w0rd|till/)
})

describe('settings', () => {
  test('are checked', () => {
    expect(readSettings({ PORT: '3001' })).toMatchObject({
      port: 3001,
      seed: 3000,
      limits: { global: 1000, api: 100 },
    })
    expect(readSettings({})).not.toHaveProperty('redis')
    expect(readSettings({ POS_API_LIMIT: '7' }).limits).toEqual({ global: 1000, api: 7 })
    for (const POS_API_LIMIT of ['0', '-1', '1.5', 'none', '1000001']) {
      expect(() => readSettings({ POS_API_LIMIT })).toThrow('POS_API_LIMIT must be')
    }
    expect(readSettings({}).adminToken).not.toBe(readSettings({}).adminToken)
    for (const PORT of ['x', '-1', '65536', '3.5', '1e3']) expect(() => readSettings({ PORT })).toThrow('PORT must be')
  })

  test('choose the framework, the command line before the environment', () => {
    const framework = (args: string[], POS_FRAMEWORK?: string) => readSettings({ POS_FRAMEWORK }, args).framework
    expect(framework([])).toBe('hono')
    expect(framework([], '')).toBe('hono')
    expect(framework([], 'express')).toBe('express')
    expect(framework(['--framework=fastify'], 'express')).toBe('fastify')
    expect(framework(['--framework', 'hono'], 'express')).toBe('hono')
    for (const wrong of ['koa', 'Express', 'constructor', '']) {
      expect(() => framework([`--framework=${wrong}`])).toThrow('must be one of express, fastify, hono')
    }
    expect(() => framework([], 'koa')).toThrow('must be one of express, fastify, hono')
    expect(() => framework(['--framwork=hono'])).toThrow('--framwork')
  })

  test('choose where the limits are counted', () => {
    const redis = (args: string[], env: NodeJS.ProcessEnv = {}) => readSettings(env, args).redis
    expect(redis(['--redis=redis://127.0.0.1:6379'])).toEqual({ url: 'redis://127.0.0.1:6379', prefix: 'pos' })
    const env = { POS_REDIS: 'rediss://a.example', POS_REDIS_PREFIX: 'tills' }
    expect(redis([], env)).toEqual({ url: 'rediss://a.example', prefix: 'tills' })
    expect(redis(['--redis=redis://b.example'], env)?.url).toBe('redis://b.example')
    for (const wrong of ['http://u:p4ss@a.example', 'p4ss', 'redis:p4ss', 'redis://p4ss word']) {
      expect(() => redis([`--redis=${wrong}`])).toThrow(/^(?!.*p4ss).*must begin with redis:/)
    }
    // A number and a slash: it would be read as a host with a port.
    for (const wrong of ['redis://u:12/p4ss@a.example', 'redis://u:12?p4ss@a.example', 'redis://u:12#p4ss@a.example']) {
      expect(() => redis([`--redis=${wrong}`])).toThrow(/^(?!.*(p4ss|12)).*in a password/)
    }
  })

  test('of https come together or not at all', () => {
    const [POS_TLS_CERT, POS_TLS_KEY] = ['cert.pem', 'key.pem']
    expect(readSettings({})).not.toHaveProperty('tls')
    expect(readSettings({ POS_TLS_CERT, POS_TLS_KEY })).toMatchObject({
      tls: { certFile: 'cert.pem', keyFile: 'key.pem' },
    })
    expect(readSettings({ POS_TLS_CERT, POS_TLS_KEY, POS_HTTP_PORT: '8080' }).httpPort).toBe(8080)
    for (const half of [{ POS_TLS_CERT }, { POS_TLS_KEY }]) expect(() => readSettings(half)).toThrow('give both')
    expect(() => readSettings({ POS_HTTP_PORT: '8080' })).toThrow('POS_TLS_CERT')
  })
})

test('events are whole lines in their order, also when they come at once', async () => {
  const path = join(await folder(), 'events.jsonl')
  const events = await eventFile(path)
  const sent = Array.from({ length: 50 }, (_, i) => ({
    name: `event.${i}`,
    time: i,
    data: { text: 'x'.repeat(i * 100) },
  }))
  await Promise.all(sent.map(async (event) => events.write(event)))
  await events.close()
  const lines = (await readFile(path, 'utf8')).trimEnd().split('\n')
  expect(lines.map((line): unknown => JSON.parse(line))).toEqual(sent)
  expect((await stat(path)).mode & 0o777).toBe(0o600)
  await expect(events.write({ name: 'late', time: 0, data: {} })).rejects.toThrow()
})
