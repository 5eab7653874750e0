import { describe, expect, test } from 'vitest'
import { fc, test as property } from '@fast-check/vitest'
import { checkFetchMetadata, type FetchMetadataOptions, fetchMetadataGuard } from '../src/fetch-metadata.ts'
import { facts } from './support/facts.ts'

type Headers = Record<string, string>

const decide = (method: string, headers: Headers, options: FetchMetadataOptions = {}): string => {
  const result = checkFetchMetadata(headers, { method, ...options })
  return result.allowed ? 'allowed' : result.reason
}
const fetched = (site: string, more: Headers = {}): Headers => ({
  'sec-fetch-site': site,
  'sec-fetch-mode': 'cors',
  'sec-fetch-dest': 'empty',
  ...more,
})
const opened = (site: string, destination = 'document'): Headers =>
  fetched(site, { 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': destination, 'sec-fetch-user': '?1' })

describe('what the browser says', () => {
  test.each<[verdict: string, method: string, headers: Headers, options?: FetchMetadataOptions]>([
    ['allowed', 'GET', fetched('same-origin')],
    ['allowed', 'POST', fetched('same-origin')],
    ['allowed', 'DELETE', fetched('same-origin')],
    ['allowed', 'GET', opened('none')],
    ['allowed', 'POST', fetched('none')],
    // A link from elsewhere.
    ['allowed', 'GET', opened('cross-site')],
    ['allowed', 'HEAD', opened('cross-site')],
    ['allowed', 'GET', opened('same-site')],
    // A form of another site.
    ['cross-site', 'POST', opened('cross-site')],
    ['same-site', 'POST', opened('same-site')],
    ['cross-site', 'OPTIONS', opened('cross-site')],
    // Loaded unseen by another site.
    ['cross-site', 'GET', fetched('cross-site')],
    ['cross-site', 'GET', fetched('cross-site', { 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'image' })],
    ['cross-site', 'GET', fetched('cross-site', { 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'script' })],
    ['cross-site', 'GET', fetched('cross-site', { 'sec-fetch-mode': 'websocket', 'sec-fetch-dest': 'websocket' })],
    ['cross-site', 'GET', opened('cross-site', 'object')],
    ['cross-site', 'GET', opened('cross-site', 'embed')],
    ['cross-site', 'GET', opened('cross-site', 'iframe')],
    ['cross-site', 'GET', opened('cross-site', 'frame')],
    ['cross-site', 'GET', { 'sec-fetch-site': 'cross-site' }],
    ['cross-site', 'GET', { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' }],
    // A preflight.
    ['cross-site', 'OPTIONS', fetched('cross-site')],
    ['same-site', 'GET', fetched('same-site')],
    ['same-site', 'POST', fetched('same-site')],
    // Let through by an option.
    ['allowed', 'POST', fetched('same-site'), { sameSite: true }],
    ['cross-site', 'POST', fetched('cross-site'), { sameSite: true }],
    ['allowed', 'GET', opened('cross-site', 'iframe'), { frames: true }],
    ['allowed', 'GET', opened('cross-site', 'frame'), { frames: true }],
    ['cross-site', 'POST', opened('cross-site', 'iframe'), { frames: true }],
    ['cross-site', 'GET', opened('cross-site', 'object'), { frames: true }],
    ['allowed', 'POST', fetched('cross-site', { origin: 'https://pay.example' }), { origins: ['https://pay.example'] }],
    [
      'allowed',
      'OPTIONS',
      fetched('cross-site', { origin: 'https://pay.example' }),
      { origins: ['https://pay.example'] },
    ],
    [
      'cross-site',
      'POST',
      fetched('cross-site', { origin: 'https://evil.example' }),
      { origins: ['https://pay.example'] },
    ],
    [
      'cross-site',
      'POST',
      fetched('cross-site', { origin: 'https://pay.example.evil.example' }),
      { origins: ['https://pay.example'] },
    ],
    // No browser writes these: they are taken for another site.
    ['cross-site', 'POST', fetched('')],
    ['cross-site', 'POST', fetched('Same-Origin')],
    ['cross-site', 'POST', fetched('SAME-ORIGIN')],
    ['cross-site', 'POST', fetched('same-origin, cross-site')],
    ['cross-site', 'POST', fetched('same-origin, same-origin')],
    ['cross-site', 'POST', fetched(' same-origin')],
    ['cross-site', 'POST', fetched('none, none')],
    ['cross-site', 'GET', fetched('CROSS-SITE')],
    ['cross-site', 'POST', fetched('same-site '), { sameSite: true }],
    ['cross-site', 'POST', fetched('constructor')],
    ['cross-site', 'GET', { ...opened('cross-site'), 'sec-fetch-mode': 'navigate, navigate' }],
    ['cross-site', 'GET', opened('cross-site', 'document, iframe')],
    // The method is compared as it is: no framework makes GET of these.
    ['cross-site', 'get', opened('cross-site')],
    ['cross-site', '', opened('cross-site')],
  ])('%s: %s %j %j', (verdict, method, headers, options) => {
    expect(decide(method, { host: 'shop.example', ...headers }, options)).toBe(verdict)
  })
})

describe('where Sec-Fetch-Site is missing', () => {
  test.each<[verdict: string, method: string, headers: Headers, options?: FetchMetadataOptions]>([
    // Tills, curl, the Reporting API.
    ['allowed', 'POST', {}],
    ['allowed', 'POST', { host: 'shop.example' }],
    ['allowed', 'GET', { host: 'shop.example', origin: 'https://evil.example' }],
    ['allowed', 'HEAD', { host: 'shop.example', origin: 'https://evil.example' }],
    ['allowed', 'OPTIONS', { host: 'shop.example', origin: 'https://evil.example' }],
    ['origin', 'POST', { host: 'shop.example', origin: 'https://evil.example' }],
    ['origin', 'post', { host: 'shop.example', origin: 'https://evil.example' }],
    ['origin', 'PROPFIND', { host: 'shop.example', origin: 'https://evil.example' }],
    ['origin', 'TRACE', { host: 'shop.example', origin: 'https://evil.example' }],
    // A WebSocket begins as a GET.
    ['origin', 'GET', { host: 'shop.example', origin: 'https://evil.example', upgrade: 'WebSocket' }],
    ['allowed', 'GET', { host: 'shop.example', origin: 'https://shop.example', upgrade: 'websocket' }],
    ['allowed', 'GET', { host: 'shop.example', origin: 'https://evil.example', upgrade: 'h2c' }],
    // The own host.
    ['allowed', 'POST', { host: 'shop.example', origin: 'https://shop.example' }],
    ['allowed', 'POST', { host: 'SHOP.example', origin: 'http://shop.example' }],
    ['allowed', 'POST', { host: 'shop.example:443', origin: 'https://shop.example' }],
    ['allowed', 'POST', { host: 'localhost:3000', origin: 'http://localhost:3000' }],
    ['allowed', 'POST', { host: '[::1]:3000', origin: 'http://[::1]:3000' }],
    ['allowed', 'POST', { ':authority': 'shop.example', origin: 'https://shop.example' }],
    ['origin', 'POST', { host: 'localhost:3000', origin: 'http://localhost:3001' }],
    ['allowed', 'POST', { host: 'shop.example:443', origin: 'http://shop.example' }],
    ['allowed', 'POST', { host: 'shop.example.', origin: 'https://shop.example' }],
    ['origin', 'POST', { host: 'shop.example', origin: 'https://shop.example.evil.example' }],
    ['origin', 'POST', { host: 'shop.example', origin: 'https://evil.example/shop.example' }],
    ['origin', 'POST', { host: 'shop.example', origin: 'https://evil.example?shop.example' }],
    ['origin', 'POST', { host: 'shop.example', origin: 'https://evil@shop.example' }],
    ['origin', 'POST', { host: 'evil@shop.example', origin: 'https://shop.example' }],
    ['origin', 'POST', { host: 'shop.example/x', origin: 'https://shop.example' }],
    ['origin', 'POST', { host: 'shop.example', origin: 'https://shop.example, https://evil.example' }],
    ['origin', 'POST', { host: 'shop.example', origin: 'https://shop.example/' }],
    ['origin', 'POST', { host: 'shop.example', origin: String.raw`https://shop.example\evil` }],
    ['origin', 'POST', { host: 'shop.example', origin: 'shop.example' }],
    ['origin', 'POST', { host: 'shop.example', origin: '//shop.example' }],
    ['origin', 'POST', { host: 'shop.example', origin: 'ftp://shop.example' }],
    ['origin', 'POST', { host: 'shop.example', origin: '' }],
    ['origin', 'POST', { host: '', origin: 'https://shop.example' }],
    ['origin', 'POST', { origin: 'https://shop.example' }],
    ['origin', 'POST', { host: 'shop.example', origin: 'https://' }],
    // Sandboxed pages.
    ['origin', 'POST', { host: 'shop.example', origin: 'null' }],
    ['origin', 'POST', { host: 'null', origin: 'null' }],
    ['allowed', 'POST', { host: 'shop.example', origin: 'null' }, { origins: ['null'] }],
    // Listed ones.
    ['allowed', 'POST', { host: 'shop.example', origin: 'https://pay.example' }, { origins: ['https://pay.example'] }],
    ['origin', 'POST', { host: 'shop.example', origin: 'http://pay.example' }, { origins: ['https://pay.example'] }],
    [
      'origin',
      'POST',
      { host: 'shop.example', origin: 'https://pay.example:8443' },
      { origins: ['https://pay.example'] },
    ],
    ['allowed', 'POST', { host: 'x', origin: 'http://10.0.0.5:8080' }, { origins: ['http://10.0.0.5:8080'] }],
  ])('%s: %s %j %j', (verdict, method, headers, options) => {
    expect(decide(method, headers, options)).toBe(verdict)
  })
})

describe('where headers are read', () => {
  const forged = fetched('cross-site')

  test('a function, Headers, a record with arrays', () => {
    const sources = [(name: string) => forged[name], new Headers(forged), { ...forged, 'set-cookie': ['a', 'b'] }]
    for (const source of sources) {
      expect(checkFetchMetadata(source, { method: 'POST' })).toEqual({ allowed: false, reason: 'cross-site' })
    }
  })

  test('an Origin in Headers, which have no names with a colon', () => {
    const headers = new Headers({ origin: 'https://shop.example' })
    expect(checkFetchMetadata(headers, { method: 'POST' })).toEqual({ allowed: false, reason: 'origin' })
  })

  test('a header that is called get, and one that is called twice', () => {
    expect(checkFetchMetadata({ get: 'x', ...forged }, { method: 'POST' })).toMatchObject({ allowed: false })
    const twice = { 'sec-fetch-site': ['same-origin', 'cross-site'] }
    expect(checkFetchMetadata(twice, { method: 'POST' })).toMatchObject({ allowed: false })
  })

  test('the names of a record in any case, as gateways write them', () => {
    const forged = { 'Sec-Fetch-Site': 'cross-site', Origin: 'https://evil.example' }
    expect(decide('POST', forged)).toBe('cross-site')
    expect(decide('POST', { ORIGIN: 'https://evil.example', Host: 'shop.example' })).toBe('origin')
    expect(decide('POST', { Origin: 'https://shop.example', hOST: 'shop.example' })).toBe('allowed')
    expect(decide('GET', { Upgrade: 'WebSocket', Origin: 'https://evil.example', Host: 'shop.example' })).toBe('origin')
  })

  test('a name in two spellings counts as two values', () => {
    expect(decide('POST', { 'Sec-Fetch-Site': 'cross-site', 'sec-fetch-site': 'same-origin' })).toBe('cross-site')
    expect(decide('POST', { 'sec-fetch-site': 'same-origin', 'SEC-FETCH-SITE': 'same-origin' })).toBe('cross-site')
    const origins = { origin: 'https://shop.example', Origin: 'https://evil.example', host: 'shop.example' }
    expect(decide('POST', origins)).toBe('origin')
  })

  test('only own properties of a record', () => {
    const inherited = Object.assign(Object.create({ 'sec-fetch-site': 'same-origin' }) as object, {
      origin: 'https://evil.example',
    })
    expect(checkFetchMetadata(inherited, { method: 'POST' })).toMatchObject({ allowed: false })
  })
})

describe('the guard', () => {
  test('refuses with 403, and tells the reason', () => {
    const verdict = fetchMetadataGuard().check(facts({ method: 'POST', headers: fetched('cross-site') }))
    expect(verdict).toMatchObject({
      pass: false,
      error: { code: 'CROSS_SITE_REFUSED', status: 403, detail: { reason: 'cross-site' } },
    })
  })

  test('passes with what the browser said', () => {
    const guard = fetchMetadataGuard()
    expect(guard.check(facts({ headers: fetched('same-origin') }))).toEqual({ pass: true, data: 'same-origin' })
    expect(guard.check(facts({ method: 'POST' }))).toEqual({ pass: true, data: undefined })
  })

  test.each([
    { origin: ['https://pay.example'] },
    { origins: 'https://pay.example' },
    { origins: ['https://pay.example/'] },
    { origins: ['https://pay.example:443'] },
    { origins: ['https://PAY.example'] },
    { origins: ['pay.example'] },
    { origins: ['*'] },
    { origins: [''] },
    { origins: [undefined] },
    { origins: ['https://pay.example, https://x.example'] },
    { origins: ['ftp://pay.example'] },
    { sameSite: 'yes' },
    { frames: 1 },
    null,
    [],
  ])('refuses the options %j', (options) => {
    expect(() => fetchMetadataGuard(options as FetchMetadataOptions)).toThrow(TypeError)
  })

  test('needs the method', () => {
    expect(() => checkFetchMetadata({}, {} as { method: string })).toThrow(TypeError)
  })

  test('copies what it was given', () => {
    const origins = ['https://pay.example']
    const guard = fetchMetadataGuard({ origins })
    origins.push('https://evil.example')
    const verdict = guard.check(facts({ method: 'POST', headers: { origin: 'https://evil.example' } }))
    expect(verdict).toMatchObject({ pass: false })
  })
})

describe('whatever a request says', () => {
  const sites = fc.oneof(fc.constantFrom('cross-site', 'same-site', 'Cross-Site', '', 'same-origin,none'), fc.string())
  property.prop([
    fc.constantFrom('POST', 'PUT', 'PATCH', 'DELETE', 'post', 'X'),
    sites.filter((site) => site !== 'same-origin' && site !== 'none'),
    fc.dictionary(
      fc.constantFrom('origin', 'host', 'sec-fetch-mode', 'sec-fetch-dest', 'sec-fetch-user', 'referer'),
      fc.string(),
    ),
  ])('an unsafe request that is not of this origin never passes', (method, site, headers) => {
    expect(decide(method, { ...headers, 'sec-fetch-site': site })).not.toBe('allowed')
  })

  property.prop([fc.oneof(fc.webUrl(), fc.string(), fc.webAuthority()), fc.oneof(fc.webAuthority(), fc.string())])(
    'without Sec-Fetch-Site an unsafe one passes with an Origin only if that names the own host',
    (origin, host) => {
      if (decide('POST', { host, origin }) !== 'allowed') return
      expect(['http://', 'https://']).toContain(origin.slice(0, origin.indexOf('//') + 2))
      const [own, from] = [new URL(`http://${host}`), new URL(origin)]
      expect(own.hostname).toBe(from.hostname)
    },
  )
})
