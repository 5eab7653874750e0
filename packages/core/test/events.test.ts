import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { type Clock, discardEvents, emit, type EventSink, type EventsOf, type SecurityEvent } from '@mosaajii/core'
import { recordingSink, settableClock } from '@mosaajii/core/testing'
import { describe, expect, it, vi } from 'vitest'

const tillEvents = {
  'till.opened': { required: false, fields: { till: 'number', by: 'string?' } },
} as const

declare module '@mosaajii/core' {
  interface SecurityEvents extends EventsOf<typeof tillEvents> {}
}

describe('emit', () => {
  it('writes the name, the time of the clock and the data', () => {
    const sink = recordingSink()
    emit(sink, 'till.opened', { till: 3, by: 'ada' }, settableClock(1_700_000_000_000))
    expect(sink.events).toEqual([{ name: 'till.opened', time: 1_700_000_000_000, data: { till: 3, by: 'ada' } }])
  })

  it('takes the time of the machine where no clock is handed in', () => {
    const sink = recordingSink()
    const before = Date.now()
    emit(sink, 'till.opened', { till: 3 })
    expect(sink.events[0]?.time).toBeGreaterThanOrEqual(before)
    expect(sink.events[0]?.time).toBeLessThanOrEqual(Date.now())
  })

  it('does not wait for the sink', () => {
    const write = vi.fn<EventSink['write']>(() => new Promise<void>(() => undefined))
    expect(emit({ write }, 'till.opened', { till: 3 })).toBeUndefined()
    expect(write).toHaveBeenCalledOnce()
  })

  it.each<[string, EventSink['write']]>([
    [
      'throws',
      () => {
        throw new Error('the log is full')
      },
    ],
    ['rejects', () => Promise.reject(new Error('the log is full'))],
    ['returns something that is no promise', () => 7 as unknown as Promise<void>],
  ])('never throws when the sink %s', (_, write) => {
    expect(() => emit({ write }, 'till.opened', { till: 3 })).not.toThrow()
  })

  it('never throws when the clock does', () => {
    const broken: Clock = {
      now: () => {
        throw new Error('no time')
      },
    }
    expect(() => emit(recordingSink(), 'till.opened', { till: 3 }, broken)).not.toThrow()
  })

  // Only a process of its own shows what Node does with a rejection that nobody handles.
  it('never ends the process with an unhandled rejection', async () => {
    expect(await runScript('sinks-that-fail.ts')).toEqual({ code: 0, stdout: 'alive\n' })
  })

  it('would otherwise end it: the same process notices a rejection without a handler', async () => {
    const { code } = await runScript('sinks-that-fail.ts', 'unhandled')
    expect(code).not.toBe(0)
  })
})

describe('discardEvents', () => {
  it('takes everything and keeps nothing', () => {
    const sink = discardEvents()
    expect(sink.write({ name: 'till.opened', time: 0, data: { till: 3 } })).toBeUndefined()
  })
})

describe('the types of a table', () => {
  it('ask for the fields of the event, with their types', () => {
    const sink = recordingSink()
    // @ts-expect-error till is missing
    emit(sink, 'till.opened', { by: 'ada' })
    // @ts-expect-error till is a number
    emit(sink, 'till.opened', { till: '3' })
    // @ts-expect-error no package in use emits this
    emit(sink, 'till.painted', { till: 3 })
    const events: readonly SecurityEvent[] = sink.events
    expect(events).toHaveLength(3)
  })
})

/** Runs a script of `support/` from source, strict about rejections. */
async function runScript(script: string, ...args: string[]): Promise<{ code: number; stdout: string }> {
  const file = fileURLToPath(new URL(`support/${script}`, import.meta.url))
  const flags = ['--unhandled-rejections=strict', '--import', 'tsx', '--conditions=@mosaajii/source']
  try {
    const { stdout } = await promisify(execFile)(process.execPath, [...flags, file, ...args], { timeout: 20_000 })
    return { code: 0, stdout }
  } catch (error) {
    const { code, stdout } = error as { code: number; stdout: string }
    return { code, stdout }
  }
}
