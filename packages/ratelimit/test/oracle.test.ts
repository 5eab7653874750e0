import { describe, expect, test } from 'vitest'
import { Oracle } from './support/oracle.ts'
import { windowRule } from './support/rules.ts'

const rule = windowRule({ limit: 3, window: 100 })

describe('the oracle', () => {
  test('adds up what came within the window that ends now, and nothing older', () => {
    const oracle = new Oracle()
    oracle.admitted(rule, 'a', 1000, 2)
    oracle.admitted(rule, 'a', 1099, 1)
    expect(() => oracle.admitted(rule, 'a', 1099, 1)).toThrow('4 units')
    const later = new Oracle()
    later.admitted(rule, 'a', 1000, 2)
    later.admitted(rule, 'a', 1099, 1)
    later.admitted(rule, 'a', 1100, 2)
    expect(() => later.admitted(rule, 'a', 1198, 1)).toThrow('4 units')
  })

  test('counts keys and rules apart, penalties too, and nothing that was given back or reset', () => {
    const oracle = new Oracle()
    const first = oracle.admitted(rule, 'a', 1000, 3)
    oracle.admitted(rule, 'b', 1000, 3)
    oracle.admitted(windowRule({ name: 'other' }), 'a', 1000, 3)
    first.refunded = true
    oracle.penalized(rule, 'a', 1001, 2)
    oracle.admitted(rule, 'a', 1002, 1)
    expect(() => oracle.admitted(rule, 'a', 1003, 1)).toThrow('2 units and 2 of penalties')
    oracle.reset(rule, 'a')
    oracle.admitted(rule, 'a', 1003, 3)
  })

  test('finds a refusal that no rounding explains', () => {
    const strict = windowRule({ algorithm: 'strict', limit: 3, window: 100, subWindows: 10 })
    const oracle = new Oracle()
    oracle.admitted(strict, 'a', 1000, 3)
    oracle.refused(strict, 'a', 1108, 1)
    expect(() => oracle.refused(strict, 'a', 1109, 1)).toThrow('0 of 3')
    oracle.admitted(rule, 'a', 1000, 3)
    oracle.refused(rule, 'a', 1099, 1)
    expect(() => oracle.refused(rule, 'a', 1100, 1)).toThrow('0 of 3')
  })
})
