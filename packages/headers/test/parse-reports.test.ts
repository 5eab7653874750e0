import { describe, expect, test } from 'vitest'
import { HeadersError } from '../src/errors.ts'
import { type CspReport, parseReports } from '../src/parse-reports.ts'

const oldType = 'application/csp-report'
const newType = 'application/reports+json'

/** What Chromium sends for `report-uri`. */
const oldReport = {
  'csp-report': {
    'document-uri': 'https://ada:pw@shop.example/orders;jsessionid=5?token=secret#top',
    referrer: 'https://shop.example/?from=secret',
    'violated-directive': 'script-src-elem',
    'effective-directive': 'script-src-elem',
    'original-policy': "script-src 'nonce-5kx3Qm0N1sVJ2kqYcY0pXh2l'; report-uri /csp-reports",
    disposition: 'enforce',
    'blocked-uri': 'inline',
    'line-number': 12,
    'column-number': 3,
    'source-file': 'https://shop.example/app.js?v=secret',
    'status-code': 200,
    'script-sample': 'alert("secret")',
  },
}

/** What Chromium sends for `report-to`. */
const newReport = {
  age: 3,
  type: 'csp-violation',
  url: 'https://shop.example/cart?token=secret',
  user_agent: 'Mozilla/5.0 secret',
  body: {
    documentURL: 'https://shop.example/cart?token=secret',
    referrer: '',
    blockedURL: 'https://evil.example/x.js?stolen=secret',
    effectiveDirective: 'script-src-elem',
    originalPolicy: "script-src 'nonce-5kx3Qm0N1sVJ2kqYcY0pXh2l'",
    sourceFile: 'https://shop.example/cart',
    sample: 'secret',
    disposition: 'report',
    statusCode: 200,
    lineNumber: 1,
    columnNumber: 40,
  },
}

const old = (changes: object) => JSON.stringify({ 'csp-report': { ...oldReport['csp-report'], ...changes } })
const one = (changes: object): CspReport => {
  const [report] = parseReports(oldType, old(changes))
  if (!report) throw new Error('no report')
  return report
}
const codeOf = (work: () => unknown): string => {
  try {
    work()
  } catch (error) {
    if (error instanceof HeadersError) return `${error.code} ${error.status}`
    throw error
  }
  return 'nothing thrown'
}

describe('the two formats', () => {
  test('application/csp-report', () => {
    expect(parseReports(oldType, JSON.stringify(oldReport))).toEqual([
      {
        directive: 'script-src-elem',
        blocked: 'inline',
        page: 'https://shop.example/orders',
        disposition: 'enforce',
        source: 'https://shop.example/app.js',
        line: 12,
        column: 3,
      },
    ])
  })

  test('application/reports+json, many in one body', () => {
    const body = new TextEncoder().encode(JSON.stringify([newReport, newReport]))
    const report = {
      directive: 'script-src-elem',
      blocked: 'https://evil.example/x.js',
      page: 'https://shop.example/cart',
      disposition: 'report',
      source: 'https://shop.example/cart',
      line: 1,
      column: 40,
    }
    expect(parseReports(newType, body)).toEqual([report, report])
  })

  test('one object instead of a list', () => {
    expect(parseReports(newType, JSON.stringify(newReport))).toHaveLength(1)
  })

  test.each(['application/csp-report; charset=utf-8', 'Application/CSP-Report', ' application/csp-report ;x=y'])(
    '%s',
    (type) => {
      expect(parseReports(type, JSON.stringify(oldReport))).toHaveLength(1)
    },
  )

  test.each([
    undefined,
    '',
    'application/json',
    'text/plain',
    'application/csp-report-x',
    'multipart/form-data; x=application/csp-report',
  ])('the type %s is refused', (type) => {
    expect(codeOf(() => parseReports(type, JSON.stringify(oldReport)))).toBe('REPORT_TYPE_REFUSED 415')
  })

  test('other kinds of reports are left out', () => {
    const others = ['deprecation', 'crash', 'network-error', 'coep', '', 7].map((type) => ({ ...newReport, type }))
    expect(parseReports(newType, JSON.stringify([...others, newReport, null, [], 'x', 3]))).toHaveLength(1)
  })

  test('CSP 2 had the sources behind the name of the directive: only the name is kept', () => {
    const directives = { 'effective-directive': undefined, 'violated-directive': "script-src 'self' 'nonce-abcdefgh'" }
    expect(one(directives).directive).toBe('script-src')
  })

  test('a report without a place has none', () => {
    const report = one({ 'source-file': undefined, 'line-number': undefined, 'column-number': undefined })
    expect(Object.keys(report).sort()).toEqual(['blocked', 'directive', 'disposition', 'page'])
  })

  test.each([-1, 1.5, '3', null, 1e300, {}])('%j is no line', (line) => {
    expect(one({ 'line-number': line })).not.toHaveProperty('line')
  })
})

describe('what is kept of an address', () => {
  test.each([
    ['inline', 'inline'],
    ['eval', 'eval'],
    ['wasm-eval', 'wasm-eval'],
    ['trusted-types-sink', 'trusted-types-sink'],
    ['data', 'data'],
    ['data:text/html,<script>secret</script>', 'data'],
    ['blob:https://shop.example/550e8400-secret', 'blob'],
    ['about:srcdoc', 'about'],
    ['chrome-extension://secret/inject.js', 'chrome-extension'],
    ['mailto:secret@shop.example', 'mailto'],
    ['https://cdn.example', 'https://cdn.example/'],
    ['https://cdn.example:8443/a/b.js?secret#secret', 'https://cdn.example:8443/a/b.js'],
    ['https://user:secret@cdn.example/a', 'https://cdn.example/a'],
    ['wss://live.example/feed?secret', 'wss://live.example/feed'],
    ['https://shop.example/a;sid=secret/b', 'https://shop.example/a'],
    ["https://shop.example/'nonce-AAAA+/BB=='/x", "https://shop.example/'nonce-redacted'/x"],
    ['https://shop.example/NONCE-AAAA%2BBB', 'https://shop.example/nonce-redacted'],
    ['https://shop.example/nonce%2DAAAA%2BBB', 'https://shop.example/nonce-redacted'],
    ['https://shop.example/nonce%252dAAAA', 'https://shop.example/nonce-redacted'],
    ['https://shop.example/a%3Ftoken=secret', 'https://shop.example/a'],
    ['https://shop.example/a%3bsid=secret/b', 'https://shop.example/a'],
    ['https://shop.example/a%23secret', 'https://shop.example/a'],
    ['https://shop.example/a%253Ftoken=secret', 'https://shop.example/a'],
    ['https://shop.example/%25252525253Bsecret', 'https://shop.example/'],
    ['https://shop.example/50%25/a%3Eb', 'https://shop.example/50%25/a%3Eb'],
    ['https://münchen.example/', 'https://xn--mnchen-3ya.example/'],
    ['https://shop.example/\u0007\r\nSet-Cookie: a=b\u2028', 'https://shop.example/%07Set-Cookie:%20a=b%E2%80%A8'],
    [' https://shop.example/ ', 'https://shop.example/'],
    ['/relative?secret', 'unknown'],
    ['secret', 'unknown'],
    ['', 'unknown'],
    [null, 'unknown'],
    [{ toString: 'secret' }, 'unknown'],
    [['inline'], 'unknown'],
  ])('%j', (reported, kept) => {
    expect(one({ 'blocked-uri': reported }).blocked).toBe(kept)
    expect(one({ 'document-uri': reported }).page).toBe(kept)
  })

  test('at most 400 characters, also of a long one', () => {
    expect(one({ 'blocked-uri': `https://shop.example/${'a'.repeat(5000)}` }).blocked).toHaveLength(400)
    expect(one({ 'blocked-uri': `${'a'.repeat(5000)}:x` }).blocked).toHaveLength(40)
    expect(one({ 'blocked-uri': `https://${'u'.repeat(5000)}:secret@shop.example/` }).blocked).toBe(
      'https://shop.example/',
    )
  })
})

describe('hostile bodies', () => {
  test.each([
    '',
    '{',
    'null',
    '[]',
    '7',
    '"csp-report"',
    '{}',
    '{"csp-report":null}',
    '{"csp-report":[]}',
    '{"csp-report":"x"}',
    '{"csp-report":{}}',
    '{"csp-report":{"effective-directive":7}}',
    '{"csp-report":{"effective-directive":"Script-Src"}}',
    '{"csp-report":{"effective-directive":"script-src\\r\\nx"}}',
    '{"__proto__":{"csp-report":{"effective-directive":"img-src"}}}',
    '{"csp-report":{"__proto__":{"effective-directive":"img-src"}}}',
    '['.repeat(30_000),
    '{"a":'.repeat(12_000),
    `{"csp-report":${'['.repeat(30_000)}${']'.repeat(30_000)}}`,
  ])('%.60s', (body) => {
    expect(codeOf(() => parseReports(oldType, body))).toBe('REPORT_INVALID 400')
  })

  test.each(['', 'null', '7', '"x"', '[', '['.repeat(40_000)])('as a list: %.60s', (body) => {
    expect(codeOf(() => parseReports(newType, body))).toBe('REPORT_INVALID 400')
  })

  test('what nests deep beside what is read is never looked at', () => {
    const body = (depth: number) =>
      `{"csp-report":{"effective-directive":"img-src","more":${'['.repeat(depth)}${']'.repeat(depth)}}}`
    const [report] = parseReports(oldType, body(30_000))
    expect(report).toEqual({ directive: 'img-src', blocked: 'unknown', page: 'unknown', disposition: 'enforce' })
  })

  test('what every object inherits is no report', () => {
    const inherited = { configurable: true, value: 'img-src' }
    // oxlint-disable-next-line no-extend-native -- what a polluted prototype looks like
    Object.defineProperty(Object.prototype, 'effective-directive', inherited)
    try {
      expect(codeOf(() => parseReports(oldType, '{"csp-report":{}}'))).toBe('REPORT_INVALID 400')
    } finally {
      Reflect.deleteProperty(Object.prototype, 'effective-directive')
    }
  })

  test('a text of open quotes takes no longer than its size', () => {
    const started = performance.now()
    expect(codeOf(() => parseReports(oldType, `"${String.raw`\"`.repeat(32_000)}`))).toBe('REPORT_INVALID 400')
    expect(performance.now() - started).toBeLessThan(500)
  })

  test('bytes that are no UTF-8', () => {
    expect(codeOf(() => parseReports(oldType, Uint8Array.of(0x22, 0xff, 0x22)))).toBe('REPORT_INVALID 400')
  })

  test('too many bytes, counted as bytes', () => {
    const limits = { maxBytes: 1000 }
    const fits = old({ 'script-sample': '' })
    expect(parseReports(oldType, fits.padEnd(1000), limits)).toHaveLength(1)
    expect(codeOf(() => parseReports(oldType, fits.padEnd(1001), limits))).toBe('REPORT_TOO_LARGE 413')
    expect(codeOf(() => parseReports(oldType, old({ x: '€'.repeat(300) }), limits))).toBe('REPORT_TOO_LARGE 413')
    expect(codeOf(() => parseReports(oldType, new Uint8Array(1001), limits))).toBe('REPORT_TOO_LARGE 413')
    expect(codeOf(() => parseReports(oldType, ' '.repeat(65_537)))).toBe('REPORT_TOO_LARGE 413')
  })

  test('too many reports: the first ones are kept', () => {
    const body = JSON.stringify(Array.from({ length: 150 }, () => newReport))
    expect(parseReports(newType, body, { maxBytes: 1_000_000 })).toHaveLength(100)
    expect(parseReports(newType, body, { maxBytes: 1_000_000, maxReports: 3 })).toHaveLength(3)
  })

  test('wrong options are refused', () => {
    const options = (value: object) => () => parseReports(oldType, '', value)
    expect(options({ maxByte: 1 })).toThrow(TypeError)
    expect(options({ maxBytes: 0 })).toThrow(RangeError)
    expect(options({ maxReports: Number.NaN })).toThrow(RangeError)
    expect(options({ maxReports: '5' })).toThrow(RangeError)
  })
})
