// Options by the names that they have in other limiters.
import { describe, expect, test } from 'vitest'
import { limitGuard, rateLimiter } from '../src/index.ts'

const rule = { limit: 5, window: '1m', key: () => 'all', onStoreFailure: 'deny' } as const
const limiter = rateLimiter({ rules: { api: rule } })
const inLimiter = (options: object) => rateLimiter({ rules: { api: rule }, ...options })
const inRule = (options: object) => rateLimiter({ rules: { api: { ...rule, ...options } } })
const inGuard = (options: object) => limitGuard(limiter, ['api'], options)

describe.each([
  ['windowMs', "write window: '15m'"],
  ['timeWindow', "write window: '15m'"],
  ['duration', "write window: '15m'"],
  ['max', 'write limit: 100'],
  ['points', 'write limit: 100'],
  ['keyGenerator', 'write key: (facts) => addressKey(facts.address)'],
])('%s', (name, advice) => {
  test('is told by the name it has in a rule, and where that goes', () => {
    const message = `unknown option '${name}'; ${advice}`
    expect(() => inRule({ [name]: 1 })).toThrow(new TypeError(`rateLimiter: rules.api: ${message}`))
    expect(() => inLimiter({ [name]: 1 })).toThrow(new TypeError(`rateLimiter: ${message} in a rule`))
    expect(() => inGuard({ [name]: 1 })).toThrow(new TypeError(`limitGuard: ${message} in a rule`))
  })
})

test.each(['limit', 'window', 'key'])('%s beside the rules is told to go into one', (name) => {
  expect(() => inLimiter({ [name]: 1 })).toThrow(/; write .* in a rule$/)
  expect(() => inGuard({ [name]: 1 })).toThrow(/; write .* in a rule$/)
})

test.each([
  ['standardHeaders', 'write fields: true'],
  ['legacyHeaders', 'write legacy: true'],
])('%s is told by the name it has in a guard', (name, advice) => {
  const message = `unknown option '${name}'; ${advice}`
  expect(() => inGuard({ [name]: true })).toThrow(new TypeError(`limitGuard: ${message}`))
  expect(() => inLimiter({ [name]: true })).toThrow(new TypeError(`rateLimiter: ${message} in the options of a guard`))
})

test.each([
  ['skip', /there is none: .* mount the rest before it/],
  ['message', /isRateLimitRefusal/],
  ['handler', /isRateLimitRefusal/],
])('%s, of which there is none, is told by what to do instead', (name, advice) => {
  for (const make of [inLimiter, inRule, inGuard]) expect(() => make({ [name]: () => false })).toThrow(advice)
})

test('other names are told as everywhere', () => {
  expect(() => inRule({ limti: 1 })).toThrow(/^rateLimiter: rules.api: unknown option 'limti'; known are limit, window/)
  for (const make of [rateLimiter, (options: never) => limitGuard(limiter, ['api'], options)]) {
    for (const none of [['windowMs'], 'windowMs']) expect(() => make(none as never)).toThrow('give a plain object')
  }
  expect(() => inLimiter({ constructor: 1 })).toThrow("unknown option 'constructor'; known are")
})
