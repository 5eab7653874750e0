import { type ProblemParts, SecurityError, toProblem } from '@mosaajii/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

const secret = 'p4ss-phrase-of-ada'

describe('toProblem', () => {
  it('shows the code and the client-safe detail of a SecurityError', () => {
    const error = new SecurityError('ORDER_LOCKED', 'locked by till 3', { status: 409, detail: { order: 7, by: null } })
    expect(toProblem(error)).toEqual({
      type: 'urn:mosaajii:problem:order-locked',
      title: 'Conflict',
      status: 409,
      code: 'ORDER_LOCKED',
      facts: { order: 7, by: null },
    })
  })

  it('leaves the facts out where there is no detail', () => {
    expect(toProblem(new SecurityError('A', 'b', { status: 404 }))).toEqual({
      type: 'urn:mosaajii:problem:a',
      title: 'Not Found',
      status: 404,
      code: 'A',
    })
  })

  it.each([
    [418, 'Client Error'],
    [507, 'Server Error'],
    [429, 'Too Many Requests'],
  ])('has a title for the status %d', (status, title) => {
    expect(toProblem(new SecurityError('A', 'b', { status })).title).toBe(title)
  })

  it('gives a new object that is the caller’s own', () => {
    const error = new SecurityError('A', 'b', { detail: { order: 7 } })
    const problem = toProblem(error)
    Object.assign(problem.facts ?? {}, { order: 8 })
    expect(toProblem(error).facts).toEqual({ order: 7 })
  })

  it('shows the type, the title and the members that an error names, which replace nothing else', () => {
    const problem: ProblemParts = {
      type: 'https://shop.example/problems#till-busy',
      title: 'Till busy',
      members: { tills: ['3', '4'], code: secret, status: 200, type: secret, title: secret, facts: secret },
      headers: [['Retry-After', '5']],
    }
    const error = Object.assign(new SecurityError('TILL_BUSY', 'm', { status: 429, detail: { order: 7 } }), { problem })
    const shown = toProblem(error)
    expect(Object.entries(shown)).toEqual([
      ['type', 'https://shop.example/problems#till-busy'],
      ['title', 'Till busy'],
      ['status', 429],
      ['code', 'TILL_BUSY'],
      ['facts', { order: 7 }],
      ['tills', ['3', '4']],
    ])
    const { type, title } = toProblem(Object.assign(new SecurityError('A', 'b', { status: 409 }), { problem: {} }))
    expect([type, title]).toEqual(['urn:mosaajii:problem:a', 'Conflict'])
  })

  it.each([['a text'], [7], [null], [undefined], [[]], [true]])('takes %j for no parts of a problem', (problem) => {
    const shown = toProblem(Object.assign(new SecurityError('A', 'b'), { problem }))
    expect(shown).toEqual({ type: 'urn:mosaajii:problem:a', title: 'Internal Server Error', status: 500, code: 'A' })
  })

  it('asks no other error for parts of its problem', () => {
    const parts = { problem: { type: secret, title: secret, members: { secret } } }
    expect(toProblem(Object.assign(new Error(secret), parts))).toEqual(toProblem(undefined))
  })

  it('outlives parts that cannot be read', () => {
    const error = Object.defineProperty(new SecurityError('A', 'b'), 'problem', {
      get: () => {
        throw new Error(secret)
      },
    })
    expect(toProblem(error).type).toBe('urn:mosaajii:problem:a')
  })

  it.each([
    ['an ordinary error', new Error(secret)],
    [
      'an error with a status and a code',
      Object.assign(new Error(secret), { status: 404, code: secret, detail: { secret } }),
    ],
    ['a text', secret],
    ['an object', { type: secret, title: secret, status: 200, secret }],
    ['undefined', undefined],
    ['null', null],
    ['a number', 404],
  ])('is a bare 500 for %s', (_, thrown) => {
    expect(toProblem(thrown)).toEqual({ type: 'about:blank', title: 'Internal Server Error', status: 500 })
  })

  it('is a bare 500 for anything that is not a SecurityError', () => {
    fc.assert(
      fc.property(fc.anything({ withNullPrototype: true, withSparseArray: true }), (thrown) => {
        expect(toProblem(thrown)).toEqual({ type: 'about:blank', title: 'Internal Server Error', status: 500 })
      }),
    )
  })

  it('never shows the message, the cause or the stack', () => {
    const codes = fc.stringMatching(/^[A-Z][A-Z_]{0,30}$/)
    const details = fc.dictionary(
      fc.stringMatching(/^[a-z]{1,8}$/),
      fc.oneof(fc.integer(), fc.boolean(), fc.constant(null)),
    )
    const statuses = fc.integer({ min: 400, max: 599 })
    fc.assert(
      fc.property(codes, details, statuses, (code, detail, status) => {
        const error = new SecurityError(code, `the message ${secret}`, { status, detail, cause: new Error(secret) })
        error.stack = `${secret}\n    at here`
        const text = JSON.stringify(toProblem(error))
        expect(text).not.toContain(secret)
        expect(text).toContain(code)
      }),
    )
  })

  it('has a type that is a URI reference, whatever the code is', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 40 }), (code) => {
        // Such a code can come from another copy of this package only.
        const error = Object.assign(new SecurityError('A', 'b'), { code })
        expect(toProblem(error).type).toMatch(/^urn:mosaajii:problem:[a-z0-9-]+$/)
      }),
    )
  })
})
