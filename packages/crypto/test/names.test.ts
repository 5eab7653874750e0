import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { checkName, isWellFormed, nameTokens } from '../src/names.ts'

describe('checkName', () => {
  it.each([
    ['a plain name', 'customers'],
    ['one character', 'x'],
    ['spaces and dots', 'public.customer orders'],
    ['another script', 'مشتریان'],
    ['a joiner, as Persian needs it', 'می\u200cخواهم'],
    ['200 bytes of ASCII', 'x'.repeat(200)],
    ['200 bytes of UTF-8', '\u{1f4b3}'.repeat(50)],
  ])('takes %s', (_, name) => {
    expect(checkName(name, 'table')).toBe(name)
  })

  it.each([[undefined], [null], [7], [7n], [Symbol('x')], [['x']], [{ toString: () => 'x' }], [new String('x')]])(
    'throws TypeError for %o',
    (value) => {
      expect(() => checkName(value, 'column')).toThrow(TypeError)
      expect(() => checkName(value, 'column')).toThrow(/^column: give the name as a string/)
    },
  )

  it.each([
    ['empty', '', /empty/],
    ['201 bytes', 'x'.repeat(201), /at most 200 bytes/],
    ['67 letters of 3 bytes', '\u20ac'.repeat(67), /at most 200 bytes/],
    ['very long', 'x'.repeat(1 << 26), /at most 200 bytes/],
    ['a lone high surrogate', 'a\ud83d', /lone surrogate/],
    ['a lone low surrogate', '\ude00a', /lone surrogate/],
    ['NUL', 'a\0b', /control character/],
    ['a line feed', 'a\nb', /control character/],
    ['DEL', 'a\u007f', /control character/],
    ['a C1 control', 'a\u0085', /control character/],
    ['a line separator', 'a\u2028', /line break/],
  ])('throws RangeError when it is %s', (_, value, message) => {
    expect(() => checkName(value, 'tenant')).toThrow(RangeError)
    expect(() => checkName(value, 'tenant')).toThrow(message)
    expect(() => checkName(value, 'tenant')).toThrow(/^tenant: /)
  })
})

describe('isWellFormed', () => {
  it('agrees with a UTF-8 round trip', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.integer({ min: 0xd7f0, max: 0xe010 }).map((u) => String.fromCharCode(u)) }),
        (text) => {
          expect(isWellFormed(text)).toBe(Buffer.from(text, 'utf8').toString('utf8') === text)
        },
      ),
      { numRuns: 2000 },
    )
  })
})

describe('nameTokens', () => {
  it.each([
    ['customers', ['customer']],
    ['PINBlock', ['pin', 'block']],
    ['cvv2Code', ['cvv', '2', 'code']],
    ['CVV2', ['cvv', '2']],
    ['track2Data', ['track', '2', 'data']],
    ['track12', ['track', '12']],
    ['card_verification-value.raw', ['card', 'verification', 'value', 'raw']],
    ['customerPINs', ['customer', 'pin']],
    ['HTTPServerID', ['http', 'server', 'id']],
    ['gift cards/codes', ['gift', 'card', 'code']],
    ['hashes passes securities boxes', ['hash', 'pass', 'security', 'box']],
    ['status pass gps address analysis', ['status', 'pass', 'gps', 'address', 'analysis']],
    ['ＣＶＶ２', ['cvv', '2']],
    ['𝐂𝐕𝐕²', ['cvv', '2']],
    ['c\u200bv\u00adv', ['cvv']],
    ['pinCode', ['pin', 'code']],
    ['pincode', ['pincode']],
    ['Café_Größe', ['café', 'größe']],
    ['مشتری_شماره', ['مشتری', 'شماره']],
    ['_-.', []],
  ])('%s', (name, tokens) => {
    expect(nameTokens(name)).toEqual(tokens)
  })

  it('finds the same words in every spelling of them', () => {
    const words = fc.array(fc.stringMatching(/^[b-df-hj-np-rt-w]{2,8}$/), { minLength: 1, maxLength: 4 })
    fc.assert(
      fc.property(words, (list) => {
        const capital = list.map((word) => word[0]?.toUpperCase() + word.slice(1))
        const spellings = [
          list.join('_'),
          list.join('-').toUpperCase(),
          list.join('.'),
          capital.join(''),
          capital.join(' '),
        ]
        for (const spelling of spellings) expect(nameTokens(spelling)).toEqual(list)
      }),
    )
  })

  it('cuts a hostile text in time that grows with its length', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (name) => nameTokens(name).length <= 4000))
    const started = performance.now()
    for (const unit of ['A', 'a', 'Aa', '1', 's', 'es', '\u0300', 'ǅ', '\u200b', '_']) nameTokens(unit.repeat(50_000))
    expect(performance.now() - started).toBeLessThan(5000)
  })
})
