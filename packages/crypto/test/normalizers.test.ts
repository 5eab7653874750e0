import { isSecurityError } from '@mosaajii/core'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Normalizer, normalizers } from '../src/normalizers.ts'

const names = Object.keys(normalizers) as Normalizer[]
const longest: Record<Normalizer, number> = { email: 320, phone: 256, digits: 256, exact: 65_536 }

function refusalOf(name: Normalizer, value: unknown): string {
  try {
    normalizers[name](value as string)
  } catch (error) {
    const expected = isSecurityError(error) && error.code === 'INDEX_INPUT_INVALID' && error.status === 422
    if (!expected || error.cause !== undefined) throw error
    return error.message
  }
  return expect.fail(`${name} took it`)
}

describe('email', () => {
  it.each([
    ['ada@example.com', 'ada@example.com'],
    ['Ada.Lovelace@Example.COM', 'ada.lovelace@example.com'],
    [' Ada.Lovelace+Till@Example.COM\r\n', 'ada.lovelace+till@example.com'],
    ['o\u2019neil@example.com', 'o\u2019neil@example.com'],
    ["o'neil!#$%&*/=?^_`{|}~-@example.com", "o'neil!#$%&*/=?^_`{|}~-@example.com"],
    ['Jose\u0301@Example.com', 'jos\u00e9@example.com'],
    ['GRO\u1e9eE@example.com', 'große@example.com'],
    ['\ufb01@example.com', '\ufb01@example.com'],
    ['یک@می\u200cخواهم.example', 'یک@می\u200cخواهم.example'],
    ['root@localhost', 'root@localhost'],
  ])('%j is %j', (value, normal) => {
    expect(normalizers.email(value)).toBe(normal)
  })

  it.each([
    ['no @', 'example.com'],
    ['two @', 'a@b@example.com'],
    ['a full-width @', 'ada＠example.com'],
    ['nothing before the @', '@example.com'],
    ['nothing after the @', 'ada@'],
    ['only an @', '@'],
    ['a space inside', 'ada lovelace@example.com'],
    ['a name around it', 'Ada <ada@example.com>'],
    ['brackets around it', '<ada@example.com>'],
    ['a quoted local part', '"a@b"@example.com'],
    ['a list', 'ada@example.com,bob@example.com'],
    ['a link', 'mailto:ada@example.com'],
    ['an empty first label', 'ada@.example.com'],
    ['an empty last label', 'ada@example.com.'],
    ['an invisible space', 'ada@example.com\u200b'],
    ['a soft hyphen', 'a\u00adda@example.com'],
    ['a direction mark', '\u202eada@example.com'],
    ['NUL', 'ada\0@example.com'],
  ])('refuses %s', (_, value) => {
    expect(refusalOf('email', value)).toMatch(/email address/)
  })
})

describe('email of ASCII and of Unicode', () => {
  it.each(Array.from({ length: 128 }, (_, code) => String.fromCharCode(code)))('agree on %j', (character) => {
    const taken = !/[\0-\x20\x7f"(),:;<>@[\]\\]/.test(character)
    for (const [local, domain] of [
      [`a${character}a`, 'b.c'],
      ['a', `b${character}c`],
    ]) {
      expect(tryNormal('email', `${local}@${domain}`) !== undefined).toBe(taken)
      expect(tryNormal('email', `\u00e9${local}@${domain}`) !== undefined).toBe(taken)
    }
  })
})

describe('phone', () => {
  it.each([
    ['+44 20 7946 0958', '+442079460958'],
    ['0044 (20) 7946-0958', '+442079460958'],
    ['(+44) 20/7946.0958', '+442079460958'],
    ['00 44 2079460958', '+442079460958'],
    ['+44\u00a020\u202f7946\u20110958', '+442079460958'],
    ['020 7946 0958', '02079460958'],
    ['1234', '1234'],
    ['+1234', '+1234'],
    ['123456789012345', '123456789012345'],
  ])('%j is %j', (value, normal) => {
    expect(normalizers.phone(value)).toBe(normal)
  })

  it.each([
    ['letters', '1-800-FLOWERS'],
    ['an extension', '+44 20 7946 0958 x12'],
    ['three digits', '112'],
    ['three digits after the plus', '+112'],
    ['sixteen digits', '1234567890123456'],
    ['sixteen digits after 00', '001234567890123456'],
    ['a country code that begins with 0', '+0442079460958'],
    ['three zeros first', '000442079460958'],
    ['a plus in the middle', '44+2079460958'],
    ['two pluses', '++442079460958'],
    ['separators only', ' (-) / . '],
    ['digits of another script', '٠٢٠٧٩٤٦'],
    ['full-width digits', '０２０７９４６'],
    ['a line break', '020\n7946'],
  ])('refuses %s', (_, value) => {
    expect(refusalOf('phone', value)).toMatch(/phone number/)
  })
})

describe('digits', () => {
  it.each([
    ['4111 1111-1111.1111', '4111111111111111'],
    ['007', '007'],
    ['12/34 (5)', '12345'],
    ['0', '0'],
  ])('%j is %j', (value, normal) => {
    expect(normalizers.digits(value)).toBe(normal)
  })

  it.each([['12a'], ['+12'], ['-'], ['1,000'], ['१२'], ['１２'], ['²'], ['1\n2']])('refuses %j', (value) => {
    expect(refusalOf('digits', value)).toMatch(/digits 0 to 9/)
  })
})

describe('exact', () => {
  it.each([[' a '], ['\ufeffa'], ['e\u0301'], ['\0'], ['x'.repeat(65_536)], ['\u20ac'.repeat(21_845)]])(
    'leaves a text as it is',
    (value) => {
      expect(normalizers.exact(value)).toBe(value)
    },
  )
})

describe('every normal form', () => {
  it.each(names)('%s refuses what no index can hold', (name) => {
    for (const value of [undefined, null, 7, 7n, [], ['1234'], {}, new String('1234')]) {
      expect(refusalOf(name, value)).toMatch(/give the value as a string/)
    }
    expect(refusalOf(name, '')).toMatch(/empty/)
    expect(refusalOf(name, '\ud800')).toMatch(/lone surrogate/)
    for (const long of ['1'.repeat(65_537), '\u20ac'.repeat(21_846), `${'a'.repeat(65_536)}@x`, 'x'.repeat(1 << 26)]) {
      expect(refusalOf(name, long)).toMatch(new RegExp(`longer than ${longest[name]} bytes`))
    }
  })

  it('refuses a normal form that grows beyond the limit', () => {
    // U+0130 has two bytes as a capital and three in lower case: i and a dot above it.
    expect(refusalOf('email', `${'\u0130'.repeat(150)}@example.com`)).toMatch(/longer than 320 bytes/)
  })

  it('may have exactly the bytes that the limit allows, and no more', () => {
    // RFC 5321: 64 octets, the @, 255 octets.
    const address = `${'a'.repeat(64)}@${'b'.repeat(255)}`
    expect(normalizers.email(address)).toBe(address)
    expect(normalizers.email(`\u00e9${'a'.repeat(62)}@${'b'.repeat(255)}`)).toHaveLength(319)
    for (const long of [`a${address}`, `\u00e9${'a'.repeat(63)}@${'b'.repeat(255)}`, `${' '.repeat(310)}a@example.com`])
      expect(refusalOf('email', long)).toMatch(/longer than 320 bytes/)
    expect(normalizers.digits('7'.repeat(256))).toHaveLength(256)
    expect(refusalOf('digits', '7'.repeat(257))).toMatch(/longer than 256 bytes/)
    expect(normalizers.phone(`${' '.repeat(252)}1234`)).toBe('1234')
    expect(refusalOf('phone', `${' '.repeat(253)}1234`)).toMatch(/longer than 256 bytes/)
    expect(refusalOf('phone', `${'\u00a0'.repeat(127)}1234`)).toMatch(/longer than 256 bytes/)
  })

  const address = fc
    .tuple(fc.string({ unit: 'grapheme', minLength: 1 }), fc.domain())
    .map(([local, domain]) => `${local}@${domain}`)
  const groups = fc.array(fc.stringMatching(/^[0-9]{1,4}$/), { minLength: 2, maxLength: 6 })
  const number = fc
    .tuple(fc.constantFrom('', '+', '00', ' (+', '00 '), groups, fc.constantFrom('', ' ', '-', ') ', '\u00a0'))
    .map(([prefix, parts, separator]) => prefix + parts.join(separator))
  const anything = fc.oneof(address, number, fc.string({ unit: 'binary' }), fc.emailAddress())

  it.each(names)('%s of its own result is that result', (name) => {
    let taken = 0
    fc.assert(
      fc.property(anything, (value) => {
        const once = tryNormal(name, value)
        if (once === undefined) return
        taken++
        expect(normalizers[name](once)).toBe(once)
      }),
      { numRuns: 3000 },
    )
    expect(taken).toBeGreaterThan(100)
  })

  it('email of its own result is that result, for every character of Unicode', () => {
    const failed: string[] = []
    for (let code = 0; code <= 0x10ffff; code++) {
      const character = String.fromCodePoint(code)
      for (const value of [`a${character}@b`, `${character}\u0301\u0323@b${character}`]) {
        const once = tryNormal('email', value)
        if (once !== undefined && normalizers.email(once) !== once) failed.push(`U+${code.toString(16)}`)
      }
    }
    expect(failed).toEqual([])
  })

  it.each(names)('%s never shows the value', (name) => {
    const secret = fc.string({ unit: 'binary-ascii', minLength: 6 }).filter((text) => !/^[a-z0-9 ,.]*$/.test(text))
    fc.assert(
      fc.property(secret, (value) => {
        const said = tryNormal(name, value) === undefined ? refusalOf(name, value) : ''
        expect(said).not.toContain(value)
      }),
      { numRuns: 1000 },
    )
  })

  // Combining marks of two classes in the wrong order: normal forms sort them, which takes time that grows with the square of their number.
  const marks = (bytes: number) => 'a' + '\u0301'.repeat(bytes / 4 - 4) + '\u0316'.repeat(bytes / 4 - 4)
  const units = ['a', '1', '.', ' ', '@', '+', '\u0301', '\u200c', '\u00e9', '\u0130', 'a.', '0 ', '\t', '\ufdfa']
  const hostile = (bytes: number) => [
    marks(bytes),
    `${marks(bytes)}@x`,
    `x@${marks(bytes)}`,
    ...units.flatMap((unit) => {
      const filling = unit.repeat(Math.floor((bytes - 4) / new TextEncoder().encode(unit).length))
      return [`${filling}!`, `a@${filling}`, `${filling}@a`]
    }),
  ]

  it.each(names)('%s takes a hostile text of 64 KiB, or of as much as it looks at, in a few milliseconds', (name) => {
    for (const text of [...hostile(65_536), ...hostile(longest[name])]) {
      expect(new TextEncoder().encode(text).length).toBeLessThanOrEqual(65_536)
      // The best of three: a test machine may pause for longer than that.
      const times = [1, 2, 3].map(() => {
        const started = performance.now()
        tryNormal(name, text)
        return performance.now() - started
      })
      expect(Math.min(...times)).toBeLessThan(20)
    }
  })
})

function tryNormal(name: Normalizer, value: string): string | undefined {
  try {
    return normalizers[name](value)
  } catch {
    return undefined
  }
}

it('the table of normal forms cannot be widened at run time', () => {
  expect(Object.isFrozen(normalizers)).toBe(true)
})
