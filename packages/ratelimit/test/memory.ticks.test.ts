import { describe, expect, it } from 'vitest'
import { openMemory } from './support/open-memory.ts'
import { windowRule } from './support/rules.ts'

// The words of a table count 2 ** 32 ticks and then begin again. A dead hit that stayed until then would be alive once more.
const wrap = 2 ** 32
const small = { maxBytes: 64 * 1024 }
const rules = {
  'a long window': windowRule({ limit: 1, window: 2 ** 30 }),
  'a short window': windowRule({ limit: 1, window: 1000 }),
  'parts of a millisecond': windowRule({ limit: 1, window: 60, algorithm: 'strict' }),
}

describe.each(Object.entries(rules))('time that wraps, by %s', (_, rule) => {
  it.each([wrap, wrap - 1, wrap + 1, wrap + rule.window - 1, 2 * wrap, 2 * wrap + 500, wrap / 2, wrap / 4 + 1])(
    'a rest of %i ms brings no hit back to life',
    (rest) => {
      const { clock, take, peek } = openMemory(rule, small)
      for (let i = 0; i < 50; i++) take(`k${i}`)
      clock.advance(rest)
      for (let i = 0; i < 50; i++) expect(peek(`k${i}`), `k${i}`).toMatchObject({ admits: true, resetMs: 0 })
    },
  )

  it.each([2 ** 24, 2 ** 27 + 1, 2 ** 29 - 1, 2 ** 30 - 3, 2 ** 30 + 1])(
    'nor does a counter that is asked for every %i ms',
    (step) => {
      const { clock, take, peek } = openMemory(rule, small)
      const steps = Math.ceil((wrap + 3 * rule.window) / step)
      const keys = Math.min(steps, 300)
      for (let i = 0; i < keys; i++) take(`k${i}`)
      // Each is asked for once, long after: what looks at a counter also tidies it up.
      const from = steps - keys
      for (let i = 0; i < steps; i++) {
        clock.advance(step)
        take('busy')
        const now = (i + 1) * step
        if (i >= from && now >= rule.window) expect(peek(`k${i - from}`), `${now}`).toMatchObject({ admits: true })
      }
    },
  )

  it('nor does the overflow counter of a key', () => {
    const { clock, store, take, peek } = openMemory(rule, small)
    for (let i = 0; store.usage()[0]?.overflowing === 0; i++) take(`fill${i}`)
    const late = Array.from({ length: 100 }, (_, i) => `late${i}`)
    for (const key of late) take(key)
    for (let i = 0; i < 16; i++) {
      clock.advance(wrap / 16)
      take('busy')
    }
    for (const key of late) expect(peek(key)).toMatchObject({ admits: true })
  })
})

describe('long windows', () => {
  it('keep a hit for a year, and at most the 30 ms of a tick longer', () => {
    const window = 366 * 86_400_000
    const { clock, take, peek } = openMemory(windowRule({ limit: 1, window }), small)
    clock.advance(7)
    const { resetMs } = take('a')
    expect(resetMs).toBeGreaterThanOrEqual(window)
    expect(resetMs).toBeLessThan(window + 30)
    for (let i = 0; i < 365; i++) {
      clock.advance('1d')
      expect(peek('a')).toMatchObject({ admits: false })
    }
    clock.advance(window - 365 * 86_400_000 - 1)
    expect(take('a')).toMatchObject({ admits: false })
    clock.advance(30)
    expect(take('a')).toMatchObject({ admits: true })
  })

  it('are counted by the millisecond up to twelve days', () => {
    const window = 2 ** 30
    const { clock, take } = openMemory(windowRule({ limit: 1, window }), small)
    expect(take('a')).toMatchObject({ resetMs: window })
    clock.advance(window - 1)
    expect(take('a')).toMatchObject({ admits: false, retryAfterMs: 1 })
    clock.advance(1)
    expect(take('a')).toMatchObject({ admits: true })
  })
})
