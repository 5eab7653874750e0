import { type Duration, duration, systemClock } from '@mosaajii/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

describe('duration', () => {
  it.each<[Duration, number]>([
    ['1ms', 1],
    ['250ms', 250],
    ['30s', 30_000],
    ['15m', 900_000],
    ['8h', 28_800_000],
    ['90d', 7_776_000_000],
    ['2w', 1_209_600_000],
    [1, 1],
    [1500, 1500],
    [Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
  ])('reads %s', (value, ms) => {
    expect(duration(value)).toBe(ms)
  })

  it.each([
    '',
    ' 1s',
    '1s ',
    '1 s',
    '1',
    's',
    '-1s',
    '+1s',
    '1.5h',
    '1e3s',
    '0x1s',
    '١s',
    '1S',
    '1y',
    '1mo',
    '1h30m',
    '1s\n',
    'NaNs',
    'Infinityd',
    `${'1'.repeat(20)}s`,
    undefined,
    null,
    true,
    ['1s'],
    { valueOf: () => 5 },
    new String('1s'),
  ])('refuses %j with a TypeError that says what to write', (value) => {
    const read = () => duration(value as Duration)
    expect(read).toThrow(TypeError)
    expect(read).toThrow(/'250ms', '30s', '15m', '8h', '90d' or '2w'/)
  })

  it.each([
    0,
    -0,
    -1,
    0.5,
    1.5,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    2 ** 53,
    '0s',
    '9999999999999999w',
    '9007199254740993ms',
  ])('refuses %s with a RangeError', (value) => {
    expect(() => duration(value as Duration)).toThrow(RangeError)
  })

  it('is the count times the unit, for every count and unit', () => {
    const units = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 } as const
    const unit = fc.constantFrom(...(Object.keys(units) as (keyof typeof units)[]))
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 10_000_000 }), unit, (count, name) => {
        expect(duration(`${count}${name}`)).toBe(count * units[name])
      }),
    )
  })

  it('gives whole positive milliseconds or throws TypeError or RangeError, for any input', () => {
    const texts = fc.stringMatching(/^[-+. 0-9a-z]{0,24}$/)
    fc.assert(
      fc.property(fc.oneof(texts, fc.double(), fc.anything()), (value) => {
        try {
          const ms = duration(value as Duration)
          expect(Number.isSafeInteger(ms) && ms >= 1).toBe(true)
        } catch (error) {
          expect(error instanceof TypeError || error instanceof RangeError).toBe(true)
        }
      }),
    )
  })
})

describe('systemClock', () => {
  it('tells the time of the machine', () => {
    const before = Date.now()
    const now = systemClock.now()
    expect(now).toBeGreaterThanOrEqual(before)
    expect(now).toBeLessThanOrEqual(Date.now())
  })

  it('cannot be replaced for everyone', () => {
    expect(Object.isFrozen(systemClock)).toBe(true)
  })
})
