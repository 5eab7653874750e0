import { recordingSink, settableClock } from '@mosaajii/core/testing'
import { describe, expect, it } from 'vitest'

describe('settableClock', () => {
  it('stands still at the beginning of 2026 until it is moved', () => {
    const clock = settableClock()
    expect(new Date(clock.now()).toISOString()).toBe('2026-01-01T00:00:00.000Z')
    expect(clock.now()).toBe(clock.now())
  })

  it('moves by durations and to times', () => {
    const clock = settableClock(0)
    clock.advance('90d')
    expect(clock.now()).toBe(7_776_000_000)
    clock.advance(5)
    expect(clock.now()).toBe(7_776_000_005)
    clock.set(1)
    expect(clock.now()).toBe(1)
  })

  it.each([-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53])('refuses the time %s', (ms) => {
    expect(() => settableClock(ms)).toThrow(RangeError)
    const clock = settableClock(7)
    expect(() => clock.set(ms)).toThrow(RangeError)
    expect(clock.now()).toBe(7)
  })

  it('does not move when it is told nonsense', () => {
    const clock = settableClock(7)
    expect(() => clock.advance(-1)).toThrow(RangeError)
    expect(() => clock.advance('soon' as '1s')).toThrow(TypeError)
    expect(() => clock.advance(Number.MAX_SAFE_INTEGER)).toThrow(RangeError)
    expect(clock.now()).toBe(7)
  })
})

describe('recordingSink', () => {
  const opened = { name: 'till.opened', time: 1, data: { till: 3 } }
  const closed = { name: 'till.closed', time: 2, data: { till: 3 } }

  it('keeps what it was given, oldest first', async () => {
    const sink = recordingSink()
    await sink.write(opened)
    await sink.write(closed)
    expect(sink.events).toEqual([opened, closed])
    expect(sink.named('till.closed')).toEqual([closed])
    expect(sink.named('till.painted')).toEqual([])
  })

  it('fails while it is told to, and keeps nothing meanwhile', async () => {
    const sink = recordingSink()
    sink.failWith(new Error('the log is full'))
    await expect(sink.write(opened)).rejects.toThrow('the log is full')
    sink.failWith(undefined)
    await sink.write(closed)
    expect(sink.events).toEqual([closed])
  })
})
