import { describe, expect, test } from 'vitest'
import { fc, test as property } from '@fast-check/vitest'
import { allowedHosts } from '../src/allowed-hosts.ts'
import { facts } from './support/facts.ts'

const known = ['shop.example', 'till.example:8443', 'localhost:*', '[::1]:8080', '10.0.0.5']
const guard = allowedHosts({ hosts: known })
const asked = (host: string | undefined, target = '/') =>
  guard.check(facts({ target, headers: host === undefined ? {} : { host } }))

describe('a known host', () => {
  test.each([
    ['shop.example', 'shop.example'],
    ['SHOP.Example', 'shop.example'],
    ['shop.example.', 'shop.example'],
    ['shop.example:443', 'shop.example'],
    ['shop.example:80', 'shop.example'],
    ['shop.example.:443', 'shop.example'],
    ['till.example:8443', 'till.example'],
    ['localhost', 'localhost'],
    ['localhost:3000', 'localhost'],
    ['[::1]:8080', '[::1]'],
    ['10.0.0.5', '10.0.0.5'],
  ])('%s', (host, data) => {
    expect(asked(host)).toEqual({ pass: true, data })
  })

  test('HTTP/2 calls it :authority', () => {
    expect(guard.check(facts({ headers: { ':authority': 'shop.example' } }))).toMatchObject({ pass: true })
    const strict = { ...facts(), header: (name: string) => new Headers().get(name) ?? undefined }
    expect(guard.check(strict)).toMatchObject({ pass: false })
  })

  test('an absolute target names it as well', () => {
    expect(asked('shop.example', 'http://shop.example/cart')).toMatchObject({ pass: true })
    expect(asked('shop.example', 'https://SHOP.example:443?x')).toMatchObject({ pass: true })
    expect(asked('shop.example', '/?next=https://evil.example/')).toMatchObject({ pass: true })
    expect(asked('shop.example', '*')).toMatchObject({ pass: true })
  })
})

describe('is refused', () => {
  test.each([
    undefined,
    '',
    'evil.example',
    'shop.example.evil.example',
    'evilshop.example',
    'www.shop.example',
    'shop.example:8080',
    'shop.example:0443',
    'shop.example:',
    'shop.example:443443443',
    'shop.example:*',
    'shop.example..',
    '.shop.example',
    'till.example',
    'till.example:443',
    '[::1]',
    '[::1]:8081',
    '[0:0:0:0:0:0:0:1]:8080',
    '::1',
    '10.5',
    '0xa.0.0.5',
    'shop.example, evil.example',
    'shop.example evil.example',
    'evil@shop.example',
    'shop.example/',
    'shop.example#',
    'shop.example\r\n',
    ' shop.example',
    'ſhop.example',
    `${'a.'.repeat(200)}example`,
  ])('%j', (host) => {
    expect(asked(host)).toMatchObject({ pass: false, error: { code: 'HOST_REFUSED', status: 400, detail: {} } })
  })

  test.each([
    'http://evil.example/',
    'HTTP://evil.example/',
    'http://shop.example@evil.example/',
    'http:///',
    'http://',
    'ftp://evil.example/',
    'http://shop.example:8080/',
  ])('the absolute target %s', (target) => {
    expect(asked('shop.example', target)).toMatchObject({ pass: false })
    expect(asked(undefined, 'http://shop.example/')).toMatchObject({ pass: false })
  })

  test.each<unknown>([
    {},
    { hosts: [] },
    { hosts: 'shop.example' },
    { hosts: [''] },
    { hosts: ['*'] },
    { hosts: ['*.shop.example'] },
    { hosts: ['https://shop.example'] },
    { hosts: ['shop.example/'] },
    { hosts: ['münchen.example'] },
    { hosts: ['shop.example:8080:*'] },
    { hosts: ['[::1'] },
    { hosts: ['[:::1]'] },
    { hosts: ['256.1.1.1'] },
    { hosts: ['shop.example', 7] },
    { hosts: null },
    { host: ['shop.example'] },
    null,
  ])('the options %j', (options) => {
    expect(() => allowedHosts(options as { hosts: string[] })).toThrow(TypeError)
  })
})

// Behind a proxy that they trust, Express and Fastify take their `hostname` from it.
describe('X-Forwarded-Host', () => {
  const forwarded = (name: string) =>
    guard.check(facts({ headers: { host: 'shop.example', 'x-forwarded-host': name } }))

  test.each([
    'shop.example',
    'SHOP.example.:443',
    'localhost:3000',
    'till.example:8443, shop.example',
    ' shop.example ',
  ])('a known one: %j', (name) => {
    expect(forwarded(name)).toEqual({ pass: true, data: 'shop.example' })
  })

  test.each([
    'evil.example',
    'evil.example, shop.example',
    'shop.example, evil.example',
    'shop.example,',
    ',shop.example',
    '',
    ',',
    'shop.example:8080',
    'evil@shop.example',
    'shop.example/',
    'shop.example;evil.example',
  ])('any other is refused: %j', (name) => {
    expect(forwarded(name)).toMatchObject({ pass: false, error: { code: 'HOST_REFUSED', status: 400 } })
  })

  test('it does not stand for Host', () => {
    const headers = { host: 'evil.example', 'x-forwarded-host': 'shop.example' }
    expect(guard.check(facts({ headers }))).toMatchObject({ pass: false })
    expect(guard.check(facts({ headers: { 'x-forwarded-host': 'shop.example' } }))).toMatchObject({ pass: false })
  })
})

test('an entry on the port of https is one without a port, and a long form is brought to the short one', () => {
  const own = allowedHosts({ hosts: ['shop.example:443', '[0:0:0:0:0:0:0:1]'] })
  expect(own.check(facts({ headers: { host: 'shop.example' } }))).toMatchObject({ pass: true })
  expect(own.check(facts({ headers: { host: '[::1]:80' } }))).toMatchObject({ pass: true })
})

property.prop([fc.oneof(fc.string(), fc.webAuthority(), fc.stringMatching(/^[a-z0-9.:@[\]*-]{1,30}$/))])(
  'whatever Host says: what passes is a known one',
  (host) => {
    const verdict = asked(host)
    if (verdict instanceof Promise || !verdict.pass) return
    expect(['shop.example', 'till.example', 'localhost', '[::1]', '10.0.0.5']).toContain(verdict.data)
  },
)
