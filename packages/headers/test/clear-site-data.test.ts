import { describe, expect, test } from 'vitest'
import { clearSiteData, type ClearSiteDataOptions } from '../src/clear-site-data.ts'

const expiry = 'Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; Secure; SameSite=Lax'

describe('the headers of a logout', () => {
  test('storage, and the session cookie by its name', () => {
    expect(clearSiteData({ cookie: '__Host-session' })).toEqual([
      ['Clear-Site-Data', '"storage"'],
      ['Set-Cookie', `__Host-session=; Path=/; ${expiry}`],
    ])
  })

  test('no cookie is touched unless it is named', () => {
    expect(clearSiteData()).toEqual([['Clear-Site-Data', '"storage"']])
  })

  test('cookies are never cleared unless that is asked for', () => {
    for (const options of [{}, { cookie: 'sid' }, { directives: ['cache', 'storage'] as const }]) {
      expect(clearSiteData(options)[0]?.[1]).not.toMatch(/cookies|\*/)
    }
    expect(clearSiteData({ directives: ['cookies', 'cache'] })[0]?.[1]).toBe('"cookies", "cache"')
  })

  test('with the path and the domain that the cookie was set with', () => {
    expect(clearSiteData({ cookie: '__Secure-sid', path: '/till', domain: 'shop.example' })[1]?.[1]).toBe(
      `__Secure-sid=; Path=/till; Domain=shop.example; ${expiry}`,
    )
    expect(clearSiteData({ cookie: 'sid', domain: '.Shop.example' })[1]?.[1]).toContain('Domain=.Shop.example;')
  })

  test('nobody changes them later', () => {
    const pairs = clearSiteData({ cookie: 'sid' })
    expect(Object.isFrozen(pairs) && pairs.every((pair) => Object.isFrozen(pair))).toBe(true)
  })
})

describe('is refused', () => {
  test.each<Record<string, unknown>>([
    { cookie: '' },
    { cookie: 'a b' },
    { cookie: 'a;b' },
    { cookie: 'a=b' },
    { cookie: 'a\r\nSet-Cookie: b' },
    { cookie: 'ä' },
    { cookie: '"a"' },
    { cookie: 'a'.repeat(257) },
    { cookie: 7 },
    { cookie: '__Host-sid', path: '/till' },
    { cookie: '__Host-sid', domain: 'shop.example' },
    { cookie: '__host-sid', path: '/till' },
    { cookie: '__Host-Http-sid', domain: 'shop.example' },
    { cookie: 'sid', path: 'till' },
    { cookie: 'sid', path: '/; Domain=evil.example' },
    { cookie: 'sid', path: '/\r\nX: y' },
    { cookie: 'sid', path: `/${'a'.repeat(1024)}` },
    { cookie: 'sid', domain: 'shop.example; Path=/' },
    { cookie: 'sid', domain: 'shop.example:443' },
    { cookie: 'sid', domain: '[::1]' },
    { cookie: 'sid', domain: '..shop.example' },
    { cookie: 'sid', domain: '' },
    { cookie: 'sid', domain: 'shop.example\n' },
    { cookie: 'sid', domain: null },
    { path: '/till' },
    { domain: 'shop.example' },
    { directives: [] },
    { directives: ['Storage'] },
    { directives: ['"storage"'] },
    { directives: ['storage', 'cookies"'] },
    { directives: 'storage' },
    { cookies: ['sid'] },
  ])('%j', (options) => {
    expect(() => clearSiteData(options as ClearSiteDataOptions)).toThrow(TypeError)
  })
})

test('a list with a map of its own is still checked', () => {
  class Sly extends Array<string> {
    override map(): never[] {
      return ['"*"', '"evil"'] as never[]
    }
  }
  const directives = Sly.from(['storage']) as unknown as readonly ['storage']
  expect(clearSiteData({ directives })).toEqual([['Clear-Site-Data', '"storage"']])
  const evil = Sly.from(['evil']) as unknown as readonly ['storage']
  expect(() => clearSiteData({ directives: evil })).toThrow(TypeError)
})
