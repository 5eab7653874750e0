import { createContext, runInContext } from 'node:vm'
import { isSecurityError, SecurityError, toProblem } from '@mosaajii/core'
import { describe, expect, it } from 'vitest'

describe('SecurityError', () => {
  it('is an Error with a code, a status and a detail', () => {
    const cause = new Error('underneath')
    const error = new SecurityError('ORDER_LOCKED', 'the order is locked', { status: 409, detail: { order: 7 }, cause })
    expect(error).toBeInstanceOf(Error)
    expect(error).toMatchObject({
      code: 'ORDER_LOCKED',
      message: 'the order is locked',
      status: 409,
      detail: { order: 7 },
      cause,
    })
  })

  it('is a 500 with no detail and no cause unless it is told otherwise', () => {
    const error = new SecurityError('A', 'b')
    expect(error.status).toBe(500)
    expect(error.detail).toEqual({})
    expect('cause' in error).toBe(false)
  })

  it('keeps a cause that is undefined, as Error does', () => {
    expect('cause' in new SecurityError('A', 'b', { cause: undefined })).toBe(true)
  })

  it('carries the name of its class', () => {
    class DrawerError extends SecurityError<'DRAWER_OPEN'> {}
    const error = new DrawerError('DRAWER_OPEN', 'close it')
    expect(error.name).toBe('DrawerError')
    expect(String(error)).toBe('DrawerError: close it')
    expect(isSecurityError(error)).toBe(true)
  })

  it.each([0, 200, 399, 600, 400.5, Number.NaN, Number.POSITIVE_INFINITY, '404', null])(
    'refuses the status %s',
    (status) => {
      expect(() => new SecurityError('A', 'b', { status: status as number })).toThrow(RangeError)
    },
  )

  it.each([400, 404, 599])('takes the status %s', (status) => {
    expect(new SecurityError('A', 'b', { status }).status).toBe(status)
  })

  it('does not change when the caller changes the detail afterwards', () => {
    const detail = { order: 7 }
    const error = new SecurityError('A', 'b', { detail })
    detail.order = 8
    expect(error.detail).toEqual({ order: 7 })
    expect(Object.isFrozen(error.detail)).toBe(true)
  })

  it.each(['', 'a', 'order-locked', 'A B', 'A-B', '1A', '_A', 'A\n', 'Ä', 'A'.repeat(65), undefined, null, 7])(
    'refuses the code %j',
    (code) => {
      expect(() => new SecurityError(code as string, 'b')).toThrow(TypeError)
    },
  )

  it.each(['A', 'A1', 'ORDER_LOCKED', 'A_', 'A'.repeat(64)])('takes the code %s', (code) => {
    expect(new SecurityError(code, 'b').code).toBe(code)
  })

  it.each([{ statuss: 400 }, { status: 400, details: {} }, { message: 'b' }, null, 400, 'b'])(
    'refuses the options %j',
    (options) => {
      expect(() => new SecurityError('A', 'b', options as object)).toThrow(TypeError)
    },
  )

  it('shows neither message nor cause nor stack when it is turned into JSON', () => {
    const text = JSON.stringify(new SecurityError('A', 'the message', { cause: new Error('the cause') }))
    expect(JSON.parse(text)).toEqual({ name: 'SecurityError', code: 'A', status: 500, detail: {} })
  })
})

describe('isSecurityError', () => {
  it.each([
    ['an ordinary error', new Error('a')],
    ['an error that only looks like one', Object.assign(new Error('a'), { code: 'A', status: 400, detail: {} })],
    ['an object from JSON', JSON.parse('{"name":"SecurityError","code":"A","status":400,"detail":{}}') as unknown],
    ['a text', 'SecurityError'],
    ['undefined', undefined],
    ['null', null],
    ['the class', SecurityError],
  ])('says no to %s', (_, value) => {
    expect(isSecurityError(value)).toBe(false)
  })

  it('knows no object that has the brand and nothing else', () => {
    const empty: unknown = Object.create(SecurityError.prototype)
    expect(isSecurityError(empty)).toBe(false)
    expect(toProblem(empty)).toEqual({ type: 'about:blank', title: 'Internal Server Error', status: 500 })
    for (const change of [{ code: 7 }, { status: 'x' }, { status: 200 }, { status: 600 }, { detail: null }]) {
      expect(isSecurityError(Object.assign(new SecurityError('A', 'b'), change))).toBe(false)
    }
  })

  it('knows the errors of another copy of this package', async () => {
    const copy = await anotherCopy()
    const theirs = new copy.SecurityError('A', 'b')
    expect(theirs).not.toBeInstanceOf(SecurityError)
    expect(isSecurityError(theirs)).toBe(true)
    expect(copy.isSecurityError(new SecurityError('A', 'b'))).toBe(true)
  })

  it('knows the errors of another realm, where even Error is another class', () => {
    const theirs: unknown = runInContext(
      `class SecurityError extends Error { code = 'A'; status = 400; detail = {} }
      Object.defineProperty(SecurityError.prototype, Symbol.for('@mosaajii/core/SecurityError'), { value: true })
      new SecurityError('b')`,
      createContext({}),
    )
    expect(theirs).not.toBeInstanceOf(Error)
    expect(isSecurityError(theirs)).toBe(true)
  })
})

/** Loads the module a second time, as npm does when two versions of the package are installed. */
async function anotherCopy(): Promise<typeof import('../src/security-error.ts')> {
  const copy = '../src/security-error.ts?copy'
  return (await import(/* @vite-ignore */ copy)) as typeof import('../src/security-error.ts')
}
