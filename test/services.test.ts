import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

// A fresh module each time, because it says only once what is missing.
let postgresUrl: () => string | undefined
let chromiumPath: () => string | undefined
let redisServerPath: () => string | undefined
beforeEach(async () => {
  vi.resetModules()
  ;({ postgresUrl, chromiumPath, redisServerPath } = await import('./services.ts'))
})
afterEach(() => {
  vi.unstubAllEnvs()
  vi.restoreAllMocks()
})

describe('postgresUrl', () => {
  it('is what POSTGRES_URL says', () => {
    vi.stubEnv('POSTGRES_URL', 'postgres://127.0.0.1:1/a')
    expect(postgresUrl()).toBe('postgres://127.0.0.1:1/a')
  })

  it.each([undefined, ''])('is undefined when it is %j, and says once what to install', (value) => {
    vi.stubEnv('POSTGRES_URL', value)
    vi.stubEnv('REQUIRE_SERVICES', undefined)
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => undefined)
    expect([postgresUrl(), postgresUrl()]).toEqual([undefined, undefined])
    expect(warn).toHaveBeenCalledExactlyOnceWith(expect.stringContaining('apt-get install postgresql'))
  })

  it('is an error where services are required, so that nothing is skipped unseen', () => {
    vi.stubEnv('POSTGRES_URL', undefined)
    vi.stubEnv('REQUIRE_SERVICES', '1')
    expect(() => postgresUrl()).toThrow('POSTGRES_URL is not set')
  })
})

describe('chromiumPath', () => {
  const folder = mkdtempSync(join(tmpdir(), 'mosaajii-services-'))
  const empty = join(folder, 'empty')
  beforeEach(() => {
    vi.stubEnv('CHROMIUM_PATH', undefined)
    vi.stubEnv('PATH', empty)
  })
  afterAll(() => rmSync(folder, { recursive: true }))

  it('is what CHROMIUM_PATH says', () => {
    vi.stubEnv('CHROMIUM_PATH', '/opt/chromium')
    expect(chromiumPath()).toBe('/opt/chromium')
  })

  it('is the first chromium in the PATH that can be executed', () => {
    const program = join(folder, 'chromium')
    vi.stubEnv('PATH', ['', empty, folder].join(delimiter))
    writeFileSync(program, '#!/bin/sh\n')
    chmodSync(program, 0o644)
    vi.spyOn(console, 'warn').mockImplementation(() => undefined)
    vi.stubEnv('REQUIRE_SERVICES', undefined)
    expect(chromiumPath()).toBeUndefined()
    chmodSync(program, 0o755)
    expect(chromiumPath()).toBe(program)
  })

  it('is undefined when there is none, and says once what to install', () => {
    vi.stubEnv('REQUIRE_SERVICES', undefined)
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => undefined)
    expect([chromiumPath(), chromiumPath()]).toEqual([undefined, undefined])
    expect(warn).toHaveBeenCalledExactlyOnceWith(expect.stringContaining('apt-get install chromium'))
  })

  it('is an error where services are required', () => {
    vi.stubEnv('REQUIRE_SERVICES', '1')
    expect(() => chromiumPath()).toThrow('asks for Chromium')
  })
})

describe('redisServerPath', () => {
  it('is what REDIS_SERVER_PATH says, and else the redis-server in the PATH', () => {
    const folder = mkdtempSync(join(tmpdir(), 'mosaajii-services-'))
    const program = join(folder, 'redis-server')
    writeFileSync(program, '#!/bin/sh\n', { mode: 0o755 })
    vi.stubEnv('PATH', folder)
    vi.stubEnv('REDIS_SERVER_PATH', undefined)
    const found = redisServerPath()
    rmSync(folder, { recursive: true })
    expect(found).toBe(program)
    vi.stubEnv('REDIS_SERVER_PATH', '/opt/redis-server')
    expect(redisServerPath()).toBe('/opt/redis-server')
  })

  it('is undefined when there is none, and an error where services are required', () => {
    vi.stubEnv('PATH', '')
    vi.stubEnv('REDIS_SERVER_PATH', undefined)
    vi.stubEnv('REQUIRE_SERVICES', undefined)
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => undefined)
    expect([redisServerPath(), redisServerPath()]).toEqual([undefined, undefined])
    expect(warn).toHaveBeenCalledExactlyOnceWith(expect.stringContaining('apt-get install redis-server'))
    vi.stubEnv('REQUIRE_SERVICES', '1')
    expect(() => redisServerPath()).toThrow('asks for Redis')
  })
})
