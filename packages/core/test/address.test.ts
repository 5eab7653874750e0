import { isIP, isIPv6 } from 'node:net'
import { addressKey, canonicalAddress } from '@mosaajii/core/address'
import fc from 'fast-check'
import { describe, expect, expectTypeOf, it } from 'vitest'

describe('canonicalAddress', () => {
  it.each([
    ['192.0.2.7', '192.0.2.7'],
    ['0.0.0.0', '0.0.0.0'],
    ['255.255.255.255', '255.255.255.255'],
    // RFC 5952, section 4
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['2001:DB8::A', '2001:db8::a'],
    ['2001:0db8::0001', '2001:db8::1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['::', '::'],
    ['::1', '::1'],
    ['0:0:0:0:0:0:0:1', '::1'],
    // IPv4-mapped, in each spelling
    ['::ffff:192.0.2.7', '192.0.2.7'],
    ['::FFFF:c000:0207', '192.0.2.7'],
    ['0:0:0:0:0:ffff:192.0.2.7', '192.0.2.7'],
    // IPv4-compatible, which is IPv6
    ['::1.2.3.4', '::102:304'],
    ['::102:304', '::102:304'],
    ['0:0:0:0:0:0:127.0.0.1', '::7f00:1'],
    ['64:ff9b::192.0.2.7', '64:ff9b::c000:207'],
    // zones
    ['fe80::1%eth0', 'fe80::1'],
    ['fe80::1%25en-0.1', 'fe80::1'],
    ['::ffff:10.0.0.1%eth0', '10.0.0.1'],
  ])('%s is %s', (text, expected) => {
    expect(canonicalAddress(text)).toBe(expected)
  })

  it.each([
    '',
    ' 192.0.2.7',
    '192.0.2.7 ',
    '192.0.2.7:443',
    '[2001:db8::1]',
    '[2001:db8::1]:443',
    '192.0.2.0/24',
    '2001:db8::/32',
    '010.0.0.1',
    '0x7f.0.0.1',
    '0x7f000001',
    '2130706433',
    '127.1',
    '1.2.3',
    '1.2.3.4.5',
    '256.0.0.1',
    '1.2.3.-4',
    '192.0.2.7%eth0',
    '::ffff:010.0.0.1',
    '::ffff:0x7f.0.0.1',
    '::ffff:1.2.3',
    '1::2::3',
    ':::',
    ':1',
    '1:',
    '12345::',
    'g::1',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '%eth0',
    'localhost',
    'unknown',
    '_hidden',
    '１２７.0.0.1',
    '1.2.3.4\0',
    '1.2.3.4\n',
    '::1\n',
    `fe80::1%${'x'.repeat(200)}`,
    '1'.repeat(100_000),
    ':'.repeat(100_000),
  ])('%j is none', (text) => {
    expect(canonicalAddress(text)).toBeUndefined()
  })

  it.each([undefined, null, 42, {}, ['::1']])('%j is none', (value) => {
    expect(canonicalAddress(value as string)).toBeUndefined()
  })

  const anyText = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.stringMatching(/^[0-9a-f:.%x]{0,50}$/),
    fc.ipV4(),
    fc.ipV4Extended(),
    fc.ipV6(),
  )

  it('agrees with Node on what is an address, and writes it in one way only', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const address = canonicalAddress(text)
        const zone = text.indexOf('%')
        // Only IPv6 has zones.
        const bare = text.slice(0, Math.max(zone, 0)).includes(':') ? text.slice(0, zone) : text
        expect(address !== undefined).toBe(isIP(bare) !== 0)
        if (address !== undefined) expect(canonicalAddress(address)).toBe(address)
      }),
      { numRuns: 3000 },
    )
  })

  it('takes four numbers as Node does, and leaves them as they are', () => {
    const digits = fc.stringMatching(/^[0-9]{0,4}$/)
    const number = fc.oneof(fc.nat(260).map(String), digits)
    // One number after a prefix is a group of IPv6.
    const numbers = fc
      .oneof(fc.tuple(number, number, number, number), fc.array(number, { maxLength: 6 }))
      .filter((parts) => parts.length !== 1)
    fc.assert(
      fc.property(numbers, fc.constantFrom('', '::ffff:', '::FFFF:'), (parts, before) => {
        const text = parts.join('.')
        const expected = isIP(text) === 4 ? text : undefined
        expect(canonicalAddress(before + text)).toBe(expected)
        if (expected !== undefined) expect(addressKey(before + text)).toBe(expected)
      }),
      { numRuns: 3000 },
    )
  })

  it('is the same for an IPv4 address and its mapped forms', () => {
    fc.assert(
      fc.property(fc.ipV4(), (address) => {
        const [a = 0, b = 0, c = 0, d = 0] = address.split('.').map(Number)
        const groups = `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`
        for (const mapped of [`::ffff:${address}`, `0:0:0:0:0:FFFF:${address}`, `::ffff:${groups}`]) {
          expect(canonicalAddress(mapped)).toBe(address)
        }
      }),
    )
  })
})

describe('addressKey', () => {
  it.each([
    ['192.0.2.7', '192.0.2.7'],
    ['::ffff:192.0.2.7', '192.0.2.7'],
    ['2001:db8:1:2:aaaa::1', '2001:db8:1:2::/64'],
    ['2001:DB8:1:2:3:4:5:6%eth0', '2001:db8:1:2::/64'],
    ['::1', '::/64'],
    ['2001:db8::1', '2001:db8::/64'],
    // NAT64 and its neighbours
    ['64:ff9b::192.0.2.7', '192.0.2.7'],
    ['64:FF9B:0:0::c000:0207', '192.0.2.7'],
    ['64:ff9b::c000:207%eth0', '192.0.2.7'],
    ['64:ff9b::', '0.0.0.0'],
    ['64:ff9b::255.255.255.255', '255.255.255.255'],
    ['64:ff9b::1:c000:207', '64:ff9b::/64'],
    ['64:ff9b:0:0:1::c000:207', '64:ff9b::/64'],
    ['64:ff9b:1::c000:207', '64:ff9b:1::/64'],
    ['64:ff9a::c000:207', '64:ff9a::/64'],
    ['65:ff9b::c000:207', '65:ff9b::/64'],
    ['::192.0.2.7', '::/64'],
    // 6to4 and its neighbours
    ['2002:c000:207::1', '2002:c000:207::/48'],
    ['2002:C000:207:ffff:1:2:3:4', '2002:c000:207::/48'],
    ['2002::', '2002::/48'],
    ['2002:c000:208::1', '2002:c000:208::/48'],
    ['2003:c000:207:1::1', '2003:c000:207:1::/64'],
  ])('of %s is %s', (address, key) => {
    expect(addressKey(address)).toBe(key)
  })

  it('is one for a /64, and another for the next', () => {
    const group = fc.integer({ min: 0, max: 0xffff }).map((n) => n.toString(16))
    const four = fc.tuple(group, group, group, group).map((groups) => groups.join(':'))
    fc.assert(
      fc.property(four, four, four, (prefix, one, other) => {
        const key = addressKey(`${prefix}:${one}`)
        // ::ffff:0:0/96 is IPv4 and has keys of its own.
        fc.pre(isIPv6(canonicalAddress(`${prefix}:${one}`) ?? ''))
        fc.pre(isIPv6(canonicalAddress(`${prefix}:${other}`) ?? ''))
        expect(addressKey(`${prefix}:${other}`)).toBe(key)
        expect(addressKey(`${prefix}:${one}`.replace(/^[^:]+/, (first) => (first === '1' ? '2' : '1')))).not.toBe(key)
      }),
    )
  })

  it('is the IPv4 address itself where a translator shows it, so that IPv4 is not one client', () => {
    fc.assert(
      fc.property(fc.ipV4(), (address) => {
        const [a = 0, b = 0, c = 0, d = 0] = address.split('.').map(Number)
        const groups = `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`
        for (const shown of [`64:ff9b::${address}`, `64:ff9b::${groups}`, `0064:FF9B:0:0:0:0:${groups}`]) {
          expect(addressKey(shown)).toBe(address)
          // It stays the address that it is.
          expect(canonicalAddress(shown)).toMatch(/^64:ff9b::/)
        }
      }),
    )
  })

  it('of an address that nobody knows is as unknown', () => {
    expect(addressKey(undefined)).toBeUndefined()
    expectTypeOf(addressKey('::1')).toEqualTypeOf<string>()
    expectTypeOf(addressKey).toBeCallableWith(undefined as string | undefined)
  })

  it.each(['', '1.2.3.4:5', 'unknown', null, 42])('of %j is an error', (text) => {
    expect(() => addressKey(text as string)).toThrow(
      new TypeError('addressKey: give an IP address, for example what facts.address holds'),
    )
  })
})
