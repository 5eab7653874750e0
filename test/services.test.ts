import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

// A fresh module each time, because it says only once what is missing.
let postgresUrl: () => string | undefined
beforeEach(async () => {
  vi.resetModules()
  ;({ postgresUrl } = await import('./services.ts'))
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
