import { recordingSink, settableClock } from '@mosaajii/core/testing'
import { describe, expect, test } from 'vitest'
import { HeadersError } from '../src/errors.ts'
import { type ReportEndpointOptions, reportReceiver } from '../src/report-receiver.ts'

const type = 'application/csp-report'
const listType = 'application/reports+json'
const body = JSON.stringify({
  'csp-report': { 'effective-directive': 'img-src', 'blocked-uri': 'https://a.example/?secret' },
})
const listOf = (length: number) =>
  JSON.stringify(
    Array.from({ length }, () => ({
      type: 'csp-violation',
      body: { effectiveDirective: 'img-src', blockedURL: 'inline' },
    })),
  )

function endpoint(options: Partial<ReportEndpointOptions> = {}) {
  const sink = recordingSink()
  const clock = settableClock()
  const receiver = reportReceiver({ events: sink, clock, ...options })
  const send = (sent: string | object = body, sentType = type): string => {
    try {
      receiver.admit(sentType, undefined)
      receiver.receive(sentType, sent)
      return 'received'
    } catch (error) {
      if (error instanceof HeadersError) return error.code
      throw error
    }
  }
  const dropped = () => sink.named('csp.dropped').map(({ data }) => data)
  return { sink, clock, receiver, send, dropped, violations: () => sink.named('csp.violation').length }
}

describe('a report', () => {
  test('a clock that gives no number lets no flood through, neither of violations nor of what was dropped', () => {
    let now = 0
    const { send, violations, dropped } = endpoint({ burst: 5, clock: { now: () => now } })
    now = Number.NaN
    for (let i = 0; i < 50; i++) send()
    expect(violations()).toBe(5)
    expect(dropped().length).toBeLessThanOrEqual(1)
    now = 1000
    send()
    now += 60_000
    send()
    expect(violations()).toBe(6)
  })

  test('becomes an event at the time of the clock', () => {
    const { sink, clock, send } = endpoint()
    expect(send()).toBe('received')
    expect(sink.events).toEqual([
      {
        name: 'csp.violation',
        time: clock.now(),
        data: { directive: 'img-src', blocked: 'https://a.example/', page: 'unknown', disposition: 'enforce' },
      },
    ])
  })

  test('as text, bytes, or parsed by something that ran before', () => {
    const { send, violations } = endpoint()
    for (const sent of [body, Buffer.from(body), new TextEncoder().encode(body), JSON.parse(body) as object]) send(sent)
    expect(violations()).toBe(4)
  })

  test('is lost without harm when the sink fails', async () => {
    const failing = { write: () => Promise.reject(new Error('disk full')) }
    const throwing = {
      write: () => {
        throw new Error('disk full')
      },
    }
    for (const events of [failing, throwing]) expect(endpoint({ events }).send()).toBe('received')
    await new Promise((resolve) => setTimeout(resolve, 5))
  })
})

describe('a flood', () => {
  test('is capped after the burst, and let through again at the rate', () => {
    const { clock, send, violations } = endpoint({ perMinute: 60, burst: 100 })
    const answers = Array.from({ length: 150 }, () => send())
    expect(answers.filter((answer) => answer === 'received')).toHaveLength(100)
    expect(answers.filter((answer) => answer === 'REPORTS_CAPPED')).toHaveLength(50)
    clock.advance('10s')
    expect(Array.from({ length: 20 }, () => send()).filter((answer) => answer === 'received')).toHaveLength(10)
    clock.advance('1h')
    expect(Array.from({ length: 150 }, () => send()).filter((answer) => answer === 'received')).toHaveLength(100)
    expect(violations()).toBe(210)
  })

  test('of reports in one request counts each', () => {
    const { send, violations, dropped } = endpoint({ burst: 10 })
    expect(send(listOf(25), listType)).toBe('received')
    expect(violations()).toBe(10)
    expect(dropped()).toEqual([{ requests: 0, reports: 15 }])
  })

  test('of requests without a report is capped as well', () => {
    const { send } = endpoint({ burst: 3 })
    expect([send('{'), send('x', 'text/plain'), send('[]', listType), send()]).toEqual([
      'REPORT_INVALID',
      'REPORT_TYPE_REFUSED',
      'received',
      'REPORTS_CAPPED',
    ])
  })

  test('is told once a minute, and nothing is lost in between', () => {
    const { clock, send, dropped } = endpoint({ perMinute: 1, burst: 1 })
    for (let i = 0; i < 50; i++) send()
    expect(dropped()).toEqual([{ requests: 1, reports: 0 }])
    clock.advance('59s')
    for (let i = 0; i < 50; i++) send()
    expect(dropped()).toHaveLength(1)
    clock.advance('1s')
    expect(send()).toBe('received')
    expect(dropped()).toEqual([
      { requests: 1, reports: 0 },
      { requests: 98, reports: 0 },
    ])
  })

  test('a clock that goes back neither fills the bucket nor stops it', () => {
    const { clock, send, dropped } = endpoint({ perMinute: 60, burst: 2 })
    expect([send(), send(), send()]).toEqual(['received', 'received', 'REPORTS_CAPPED'])
    clock.set(0)
    expect(send()).toBe('REPORTS_CAPPED')
    clock.advance('1s')
    expect(send()).toBe('received')
    expect(dropped()).toHaveLength(2)
  })
})

describe('what is dropped in a request is told', () => {
  test('other kinds of reports, and too many', () => {
    const { send, dropped, clock } = endpoint({ maxReports: 2 })
    send(JSON.stringify([{ type: 'deprecation', body: {} }]), listType)
    clock.advance('1m')
    send(listOf(5), listType)
    expect(dropped()).toEqual([
      { requests: 0, reports: 1 },
      { requests: 0, reports: 3 },
    ])
  })
})

test('the declared length is refused before anything is read', () => {
  const { receiver } = endpoint({ maxBytes: 1000 })
  receiver.admit(type, '1000')
  receiver.admit(type, undefined)
  expect(() => receiver.admit(type, '1001')).toThrow(expect.objectContaining({ code: 'REPORT_TOO_LARGE', status: 413 }))
})

test.each<[object, ErrorConstructor]>([
  [{ events: undefined }, TypeError],
  [{ events: {} }, TypeError],
  [{ limit: 5 }, TypeError],
  [{ perMinute: 0 }, RangeError],
  [{ perMinute: Number.NaN }, RangeError],
  [{ perMinute: 1.5 }, RangeError],
  [{ burst: 0 }, RangeError],
  [{ burst: '5' }, RangeError],
  [{ maxBytes: -1 }, RangeError],
  [{ maxReports: 0 }, RangeError],
])('the options %j are refused', (options, expected) => {
  expect(() => endpoint(options)).toThrow(expected)
})
