import { compileHeaders, HeadersError, NONCE } from '@mosaajii/headers'
import { describe, expect, it } from 'vitest'

/** Policies come from anywhere, so the types do not help. */
const compile = (policy: unknown): unknown => compileHeaders(policy as Parameters<typeof compileHeaders>[0])

function refusal(policy: unknown): { path: unknown; message: string } {
  try {
    compile(policy)
  } catch (error) {
    if (error instanceof HeadersError) {
      expect(error.code).toBe('POLICY_REFUSED')
      expect(error.message.startsWith(`${String(error.detail['path'])}: `)).toBe(true)
      return { path: error.detail['path'], message: error.message }
    }
    if (error instanceof TypeError) return { path: /^([^:]*): /.exec(error.message)?.[1], message: 'TypeError' }
    throw error
  }
  return { path: 'accepted', message: '' }
}

const sha256 = `'sha256-${'A'.repeat(43)}='`
const sha384 = `'sha384-${'A'.repeat(64)}'`
const sha512 = `'sha512-${'A'.repeat(86)}=='`

describe('a source is refused:', () => {
  const sources: readonly (readonly [why: string, source: unknown, message: RegExp])[] = [
    ['a semicolon', "'self'; script-src *", /no token of 1 to 2048 visible ASCII/],
    ['a semicolon alone', ';', /no token of 1 to 2048 visible ASCII/],
    ['a comma', "https://a.example,script-src 'unsafe-inline'", /no token of 1 to 2048 visible ASCII/],
    ['a line feed', 'https://a.example\nSet-Cookie: a=b', /no token of 1 to 2048 visible ASCII/],
    ['a carriage return', 'https://a.example\r', /no token of 1 to 2048 visible ASCII/],
    ['a NUL', 'https://a.example\0', /no token of 1 to 2048 visible ASCII/],
    ['another control character', 'https://a\x07.example', /no token of 1 to 2048 visible ASCII/],
    ['a delete character', 'https://a\x7f.example', /no token of 1 to 2048 visible ASCII/],
    ['a tabulator', "'self'\thttps:", /no token of 1 to 2048 visible ASCII/],
    ['two in one', "'self' https:", /no token of 1 to 2048 visible ASCII/],
    ['a space before', " 'self'", /no token of 1 to 2048 visible ASCII/],
    ['a space behind', "'self' ", /no token of 1 to 2048 visible ASCII/],
    ['a no-break space', "'self'\u00a0https:", /no token of 1 to 2048 visible ASCII/],
    ['an ideographic space', "'self'\u3000https:", /no token of 1 to 2048 visible ASCII/],
    ['a zero-width space', "'self'\u200b", /no token of 1 to 2048 visible ASCII/],
    ['a zero-width joiner', 'https://a\u200d.example', /no token of 1 to 2048 visible ASCII/],
    ['a text that runs from right to left', 'https://a\u202e.example', /no token of 1 to 2048 visible ASCII/],
    ['a full-width letter', '\uff48ttps:', /no token of 1 to 2048 visible ASCII/],
    ['a full-width semicolon', "'self'\uff1bscript-src", /no token of 1 to 2048 visible ASCII/],
    ['typographic quotes', '\u2018self\u2019', /no token of 1 to 2048 visible ASCII/],
    ['a host outside ASCII', 'https://bücher.example', /no token of 1 to 2048 visible ASCII/],
    ['a Cyrillic look-alike', 'https://\u0430.example', /no token of 1 to 2048 visible ASCII/],
    ['a lone surrogate', 'https://a.example/\ud800', /no token of 1 to 2048 visible ASCII/],
    ['nothing', '', /no token of 1 to 2048 visible ASCII/],
    ['an endless text', `https://${'a'.repeat(3000)}.example`, /no token of 1 to 2048 visible ASCII/],
    ['an unquoted keyword', 'self', /did you mean 'self'\?/],
    ['an unquoted none', 'none', /did you mean 'none'\?/],
    ['an unquoted keyword with hyphens', 'strict-dynamic', /did you mean 'strict-dynamic'\?/],
    ['an unquoted keyword with underscores', 'unsafe_inline', /did you mean 'unsafe-inline'\?/],
    ['an unquoted keyword in capitals', 'SELF', /did you mean 'self'\?/],
    ['a slip without quotes', 'slef', /did you mean 'self'\?/],
    ['capitals', "'SELF'", /did you mean 'self'\?/],
    ['a capital', "'Self'", /did you mean 'self'\?/],
    ['underscores', "'unsafe_inline'", /did you mean 'unsafe-inline'\?/],
    ['a slip', "'strict-dynamc'", /did you mean 'strict-dynamic'\?/],
    ['another slip', "'stict-dynamic'", /did you mean 'strict-dynamic'\?/],
    ['letters in another order', "'nnoe'", /did you mean 'none'\?/],
    ['an unknown keyword', "'everything'", /is no keyword/],
    ['a half-quoted keyword', "'self", /did you mean 'self'\?/],
    ['a keyword half-quoted at its end', "self'", /did you mean 'self'\?/],
    ['a keyword in double quotes', '"self"', /did you mean 'self'\?/],
    ['a keyword in four quotes', "''self''", /did you mean 'self'\?/],
    ['empty quotes', "''", /is no keyword/],
    ['a quote in a path', "https://a.example/it's", /is no keyword/],
    ['a literal nonce', "'nonce-MTIzNDU2Nzg5MDEyMzQ1Njc4'", /give NONCE/],
    ['a literal nonce in capitals', "'NONCE-MTIzNDU2Nzg5MDEyMzQ1Njc4'", /give NONCE/],
    ['a literal nonce without quotes', 'nonce-MTIzNDU2Nzg5MDEyMzQ1Njc4', /give NONCE/],
    ['a template', "'nonce-{random}'", /give NONCE/],
    ['the name of NONCE', 'NONCE', /give NONCE, imported and without quotes$/],
    ['the name of NONCE in quotes', "'NONCE'", /give NONCE, imported and without quotes$/],
    ['nonce in quotes', "'nonce'", /give NONCE, imported and without quotes$/],
    ['nonce in braces', '{nonce}', /give NONCE, imported and without quotes$/],
    ['nonce in braces and quotes', "'{nonce}'", /give NONCE, imported and without quotes$/],
    ['a hash without quotes', `sha256-${'A'.repeat(43)}=`, /in quotes/],
    ['a hash that is too short', `'sha256-${'A'.repeat(42)}='`, /whole digest/],
    ['a hash that is too long', `'sha256-${'A'.repeat(44)}='`, /whole digest/],
    ['a hash without padding', `'sha256-${'A'.repeat(43)}'`, /whole digest/],
    ['a hash that ends in impossible bits', `'sha256-${'A'.repeat(42)}B='`, /whole digest/],
    ['a digest of another length', `'sha384-${'A'.repeat(43)}='`, /whole digest/],
    ['a sha512 of 64 characters', `'sha512-${'A'.repeat(64)}'`, /whole digest/],
    ['a hash with another alphabet', `'sha256-${'A'.repeat(42)}*='`, /whole digest/],
    ['a hash in hex', `'sha256-${'a'.repeat(64)}'`, /whole digest/],
    ['an unknown digest', `'sha1-${'A'.repeat(27)}='`, /sha256/],
    ['a digest in capitals', `'SHA256-${'A'.repeat(43)}='`, /sha256/],
    ['a scheme without its colon', 'https', /did you mean https:\?/],
    ['another one', 'data', /did you mean data:\?/],
    ['a scheme in capitals', 'HTTPS:', /did you mean https:\?/],
    ['a slip in a scheme', 'htps:', /did you mean https:\?/],
    ['an unknown scheme', 'gopher:', /is no source/],
    ['an unknown scheme of a host', 'gopher://a.example', /is no source/],
    ['a scheme that runs text', 'vbscript:', /is no source/],
    ['a scheme with slashes and nothing else', 'https://', /is no source/],
    ['a host without a scheme but with slashes', '//a.example', /is no source/],
    ['a single word', 'intranet', /is no source/],
    ['a single word with a port', 'self:443', /is no source/],
    ['another one', 'data:80', /is no source/],
    ['any port of one', 'intranet:*', /is no source/],
    ['a single word with a path', 'self/', /did you mean 'self'\?/],
    ['a scheme without its colon before slashes', 'https//cdn.example', /https:\/\/cdn\.example\//],
    ['a wildcard inside a label', '*example.com', /is no source/],
    ['a wildcard in the middle', 'https://a.*.example', /is no source/],
    ['a wildcard at the end', 'https://example.*', /is no source/],
    ['two wildcards', '*.*.example', /is no source/],
    ['capitals in a host', 'https://CDN.example', /small letters/],
    ['a dot at the end', 'https://a.example.', /is no source/],
    ['two dots', 'https://a..example', /is no source/],
    ['an underscore in a host', 'https://a_b.example', /is no source/],
    ['an IPv6 address', 'https://[::1]', /is no source/],
    ['an impossible port', 'https://a.example:65536', /is no source/],
    ['a port that is no number', 'https://a.example:http', /is no source/],
    ['an empty port', 'https://a.example:', /is no source/],
    ['a user name', 'https://me@a.example', /is no source/],
    ['a query', 'https://a.example/?q=1', /no query/],
    ['a fragment', 'https://a.example/#a', /is no source/],
    ['a backslash', 'https:\\\\a.example', /is no source/],
    ['a broken percent-encoding', 'https://a.example/%zz', /is no source/],
    ['a bracket', 'https://a.example/<script>', /is no source/],
    ['a number', 1, /TypeError/],
    ['NaN', Number.NaN, /TypeError/],
    ['null', null, /TypeError/],
    ['undefined', undefined, /TypeError/],
    ['a nested array', ["'self'"], /TypeError/],
    ['an object', {}, /TypeError/],
    ['a String object', Object('https:'), /TypeError/],
    ['another symbol', Symbol('NONCE'), /TypeError/],
    ['a function', () => "'self'", /TypeError/],
  ]

  it.each(sources)('%s', (_why, source, message) => {
    const { path, message: said } = refusal({ csp: { 'img-src': ['https://ok.example', 'data:', source] } })
    expect(path).toBe('csp.img-src[2]')
    expect(said).toMatch(message)
    // Nothing in a message can break a line of a log or hide in it.
    expect(said).toMatch(/^[\x20-\x7e…]*$/)
    expect(said.length).toBeLessThan(400)
  })
})

describe('a source is accepted:', () => {
  const accepted = [
    '*',
    'https:',
    'data:',
    'blob:',
    'wss:',
    'mediastream:',
    'filesystem:',
    'https://a.example',
    'a.example',
    '*.a.example',
    'https://*.a.example',
    'https://*',
    'https://a.example:8443',
    'https://a.example:*',
    '*:8443',
    'localhost',
    'localhost:3000',
    'http://localhost:*',
    'http://127.0.0.1:3000',
    'https://intranet',
    'https://intranet:8443',
    'https://xn--bcher-kva.example',
    'https://a.example/',
    'https://a.example/js/',
    'https://a.example/Path/To.js',
    'https://a.example/a%3Bb%2Cc',
    'wss://a.example',
    'https://a.example/~b!$&()*+=:@-._',
  ] // prettier-ignore

  it.each(accepted)('%s', (source) => {
    expect(compileHeaders({ csp: { 'img-src': [source] } }).static).toEqual([
      ['content-security-policy', `img-src ${source}`],
    ])
  })

  it.each([sha256, sha384, sha512, "'report-sample'", "'inline-speculation-rules'", "'wasm-unsafe-eval'"])(
    '%s',
    (source) => {
      const policy = compileHeaders({ csp: { 'script-src': ["'self'", source] } })
      expect(policy.static[0]?.[1]).toBe(`script-src 'self' ${source}`)
    },
  )
})

describe('a directive is refused:', () => {
  const directives: readonly (readonly [why: string, csp: unknown, path: string, message: RegExp])[] = [
    ['an unknown one', { 'scrpt-src': ["'self'"] }, 'csp.scrpt-src', /did you mean script-src\?/],
    ['one in camel case', { scriptSrc: ["'self'"] }, 'csp.scriptSrc', /did you mean script-src\?/],
    ['one in capitals', { 'Script-Src': ["'self'"] }, 'csp.Script-Src', /did you mean script-src\?/],
    [
      'one that is unlike any',
      { 'everything-src': ['*'] },
      'csp.everything-src',
      /is no known directive; a newer one stands in 'allow'/,
    ],
    ['one with a semicolon', { 'img-src *; script-src': ['*'] }, 'csp.img-src *; script-src', /is no known directive/],
    ['one with a line feed', { 'img-src\n': ['*'] }, String.raw`csp.img-src\u{a}`, /is no known directive/],
    ['one with a space', { ' img-src': ['*'] }, 'csp. img-src', /did you mean img-src\?/],
    ['an empty name', { '': ['*'] }, 'csp.', /is no known directive/],
    ['an endless name', { ['a'.repeat(5000)]: ['*'] }, `csp.${'a'.repeat(60)}…`, /is no known directive/],
    ['plugin-types', { 'plugin-types': ['application/pdf'] }, 'csp.plugin-types', /no longer/],
    ['block-all-mixed-content', { 'block-all-mixed-content': true }, 'csp.block-all-mixed-content', /no longer/],
    ['referrer', { referrer: ['no-referrer'] }, 'csp.referrer', /no longer/],
    ['reflected-xss', { 'reflected-xss': ['block'] }, 'csp.reflected-xss', /no longer/],
    ['disown-opener', { 'disown-opener': true }, 'csp.disown-opener', /no longer/],
    ['navigate-to', { 'navigate-to': ["'self'"] }, 'csp.navigate-to', /no longer/],
    ['prefetch-src', { 'prefetch-src': ["'self'"] }, 'csp.prefetch-src', /no longer/],
    ['require-sri-for', { 'require-sri-for': ['script'] }, 'csp.require-sri-for', /no longer/],
    ['__proto__', JSON.parse('{"__proto__":["*"]}'), 'csp.__proto__', /is no known directive/],
    ['constructor', { constructor: ["'self'"] }, 'csp.constructor', /is no known directive/],
    ['toString', { toString: ["'self'"] }, 'csp.toString', /is no known directive/],
    ['no directive at all', {}, 'csp', /is empty/],
    ['an empty array', { 'img-src': [] }, 'csp.img-src', /say \["'none'"\]/],
    ['a hole', { 'img-src': ['https:', , 'data:'] }, 'csp.img-src[1]', /TypeError/], // oxlint-disable-line no-sparse-arrays
    ['a text', { 'img-src': "'self' https:" }, 'csp.img-src', /TypeError/],
    ['something like an array', { 'img-src': { 0: '*', length: 1 } }, 'csp.img-src', /TypeError/],
    ['a set', { 'img-src': new Set(['*']) }, 'csp.img-src', /TypeError/],
    ['true', { 'img-src': true }, 'csp.img-src', /TypeError/],
    ['false', { 'img-src': false }, 'csp.img-src', /TypeError/],
    ['undefined', { 'img-src': undefined }, 'csp.img-src', /TypeError/],
    ['null', { 'img-src': null }, 'csp.img-src', /TypeError/],
    ['a source that is there twice', { 'img-src': ['https:', 'data:', 'https:'] }, 'csp.img-src[2]', /twice/],
    ['NONCE twice', { 'script-src': [NONCE, NONCE] }, 'csp.script-src[1]', /twice/],
    ["'none' beside others", { 'img-src': ['https:', "'none'"] }, 'csp.img-src[1]', /stands alone/],
    ["'none' beside NONCE", { 'script-src': ["'none'", NONCE] }, 'csp.script-src[0]', /stands alone/],
    [
      "'strict-dynamic' without a nonce",
      { 'script-src': ["'self'", "'strict-dynamic'"] },
      'csp.script-src[1]',
      /NONCE or a hash/,
    ],
    ["'strict-dynamic' for styles", { 'style-src': [NONCE, "'strict-dynamic'"] }, 'csp.style-src[1]', /means nothing/],
    [
      "'strict-dynamic' in default-src",
      { 'default-src': [NONCE, "'strict-dynamic'"] },
      'csp.default-src[1]',
      /means nothing/,
    ],
    [
      "'strict-dynamic' for attributes",
      { 'script-src-attr': [sha256, "'strict-dynamic'"] },
      'csp.script-src-attr[1]',
      /means nothing/,
    ],
    ["'unsafe-inline' for scripts", { 'script-src': ["'self'", "'unsafe-inline'"] }, 'csp.script-src[1]', /fallback/],
    [
      "'unsafe-inline' beside a nonce alone",
      { 'script-src': [NONCE, "'unsafe-inline'"] },
      'csp.script-src[1]',
      /fallback/,
    ],
    ["'unsafe-inline' for styles", { 'style-src': ["'unsafe-inline'"] }, 'csp.style-src[0]', /fallback/],
    [
      "'unsafe-inline' for styles beside a nonce",
      { 'style-src': [NONCE, "'unsafe-inline'"] },
      'csp.style-src[1]',
      /fallback/,
    ],
    ["'unsafe-inline' in default-src", { 'default-src': ["'unsafe-inline'"] }, 'csp.default-src[0]', /fallback/],
    [
      "'unsafe-inline' for attributes",
      { 'script-src-attr': ["'unsafe-inline'"] },
      'csp.script-src-attr[0]',
      /fallback/,
    ],
    [
      "'unsafe-hashes' without a hash",
      { 'script-src': [NONCE, "'unsafe-hashes'"] },
      'csp.script-src[1]',
      /needs a hash/,
    ],
    ["'unsafe-eval' for images", { 'img-src': ["'unsafe-eval'"] }, 'csp.img-src[0]', /means nothing/],
    [
      "'unsafe-eval' for script elements",
      { 'script-src-elem': ["'unsafe-eval'"] },
      'csp.script-src-elem[0]',
      /means nothing/,
    ],
    ["'report-sample' for images", { 'img-src': ["'report-sample'"] }, 'csp.img-src[0]', /means nothing/],
    ['NONCE for images', { 'img-src': [NONCE] }, 'csp.img-src[0]', /means nothing/],
    ['NONCE for connections', { 'connect-src': [NONCE] }, 'csp.connect-src[0]', /means nothing/],
    ['NONCE for attributes', { 'script-src-attr': [NONCE] }, 'csp.script-src-attr[0]', /means nothing/],
    ['NONCE for style attributes', { 'style-src-attr': [NONCE] }, 'csp.style-src-attr[0]', /means nothing/],
    ['NONCE for ancestors', { 'frame-ancestors': [NONCE] }, 'csp.frame-ancestors[0]', /means nothing/],
    ['NONCE in a sandbox', { sandbox: [NONCE] }, 'csp.sandbox[0]', /TypeError/],
    ['NONCE in report-uri', { 'report-uri': [NONCE] }, 'csp.report-uri[0]', /TypeError/],
    ['a hash for images', { 'img-src': [sha256] }, 'csp.img-src[0]', /means nothing/],
    ['a path for ancestors', { 'frame-ancestors': ['https://a.example/shop'] }, 'csp.frame-ancestors[0]', /path/],
    [
      'too many sources',
      { 'img-src': Array.from({ length: 151 }, (_, i) => `a${i}.example`) },
      'csp.img-src',
      /more than 150/,
    ],
    [
      'too many directives',
      Object.fromEntries(Array.from({ length: 151 }, (_, i) => [`a${i}-src`, []])),
      'csp',
      /more than 150/,
    ],
    [
      'a header that is too long',
      { 'img-src': Array.from({ length: 100 }, (_, i) => `a${i}.example/${'a'.repeat(100)}`) },
      'csp',
      /8192/,
    ],
    ['an unknown sandbox flag', { sandbox: ['allow-everything'] }, 'csp.sandbox[0]', /none of/],
    ['a sandbox flag without allow-', { sandbox: ['scripts'] }, 'csp.sandbox[0]', /none of/],
    ['a sandbox flag twice', { sandbox: ['allow-forms', 'allow-forms'] }, 'csp.sandbox[1]', /twice/],
    ['an empty sandbox', { sandbox: [] }, 'csp.sandbox', /is empty/],
    ['a sandbox that is false', { sandbox: false }, 'csp.sandbox', /TypeError/],
    ['a flag with a value', { 'upgrade-insecure-requests': ['1'] }, 'csp.upgrade-insecure-requests', /TypeError/],
    ['a flag that is false', { 'upgrade-insecure-requests': false }, 'csp.upgrade-insecure-requests', /TypeError/],
    [
      'an unknown sink',
      { 'require-trusted-types-for': ['script'] },
      'csp.require-trusted-types-for[0]',
      /did you mean 'script'\?/,
    ],
    ['no sink', { 'require-trusted-types-for': [] }, 'csp.require-trusted-types-for', /is empty/],
    ['a policy name with a space', { 'trusted-types': ['a b'] }, 'csp.trusted-types[0]', /is no token/],
    ['an unknown keyword of Trusted Types', { 'trusted-types': ["'self'"] }, 'csp.trusted-types[0]', /policy's name/],
    ["'none' beside policies", { 'trusted-types': ["'none'", 'a'] }, 'csp.trusted-types[0]', /stands alone/],
    ['an unknown report group', { 'report-to': ['csp'] }, 'csp.report-to[0]', /reportingEndpoints/],
    ['a report group of every object', { 'report-to': ['constructor'] }, 'csp.report-to[0]', /reportingEndpoints/],
    ['a report address over http', { 'report-uri': ['http://a.example/r'] }, 'csp.report-uri[0]', /https/],
    ['a report address without a scheme', { 'report-uri': ['//a.example/r'] }, 'csp.report-uri[0]', /https/],
    ['a relative report address', { 'report-uri': ['reports'] }, 'csp.report-uri[0]', /https/],
    ['a report address with a semicolon', { 'report-uri': ['/r; script-src *'] }, 'csp.report-uri[0]', /is no token/],
    ['no report address', { 'report-uri': [] }, 'csp.report-uri', /is empty/],
  ] // prettier-ignore

  it.each(directives)('%s', (_why, csp, path, message) => {
    const said = refusal({ csp })
    expect(said.path).toBe(path)
    expect(said.message).toMatch(message)
  })

  it.each<[why: string, csp: unknown, path: string, message: RegExp]>([
    [
      'a keyword that begins like a hash beside strict-dynamic',
      { 'script-src': ["'shared-x'", "'strict-dynamic'", "'unsafe-inline'", 'https:'] },
      'csp.script-src[1]',
      /needs NONCE or a hash/,
    ],
    [
      'a keyword that begins like a hash beside unsafe-hashes',
      { 'script-src': ["'shared-x'", "'unsafe-hashes'"] },
      'csp.script-src[1]',
      /needs a hash/,
    ],
    ['the name of NONCE', { 'shared-x': ["'NONCE'"] }, 'csp.shared-x[0]', /imported/],
  ])('where allow names it, %s', (_why, csp, path, message) => {
    const said = refusal({ allow: ['shared-x'], csp })
    expect(said.path).toBe(path)
    expect(said.message).toMatch(message)
  })

  it("what to give instead of 'unsafe-inline' is what helps there", () => {
    const message = (directive: string): string => refusal({ csp: { [directive]: ["'unsafe-inline'"] } }).message
    expect(message('style-src')).toMatch(/; give NONCE or a hash$/)
    for (const directive of ['script-src-attr', 'style-src-attr']) {
      expect(message(directive)).toMatch(/; give 'unsafe-hashes' and a hash$/)
    }
  })

  it('more than one report group', () => {
    const reportingEndpoints = { a: 'https://a.example/r', b: 'https://b.example/r' }
    expect(refusal({ csp: { 'img-src': ['*'], 'report-to': ['a', 'b'] }, reportingEndpoints }).path).toBe(
      'csp.report-to[1]',
    )
  })
})

describe('an option is refused:', () => {
  const options: readonly (readonly [why: string, policy: unknown, path: string, message: RegExp])[] = [
    ['no policy', undefined, 'policy', /TypeError/],
    ['null', null, 'policy', /TypeError/],
    ['a text', 'strict', 'policy', /TypeError/],
    ['an array', [{}], 'policy', /TypeError/],
    ['an unknown option', { cps: {} }, 'policy', /TypeError/],
    ['__proto__', JSON.parse('{"__proto__":{"csp":{}}}'), 'policy', /TypeError/],
    ['an object that inherits', Object.create({ csp: { 'default-src': ["'none'"] } }), 'policy', /TypeError/],
    ['a map', new Map([['csp', {}]]), 'policy', /TypeError/],
    [
      'an object of a class',
      new (class {
        csp = { 'default-src': ['*'] }
      })(),
      'policy',
      /TypeError/,
    ],
    ['a symbol as a name', { [NONCE]: 'a' }, 'policy', /TypeError/],
    ['a policy that is a text', { csp: "default-src 'self'" }, 'csp', /TypeError/],
    ['a policy that is false', { csp: false }, 'csp', /TypeError/],
    ['a policy that is null', { csp: null, trustedTypes: 'enforce' }, 'csp', /TypeError/],
    ['a policy that is a map', { csp: new Map() }, 'csp', /TypeError/],
    ['an endless nesting', { csp: { 'img-src': [[[['*']]]] } }, 'csp.img-src[0]', /TypeError/],
    [
      'report-only without a target',
      { cspReportOnly: { 'default-src': ["'self'"] } },
      'cspReportOnly',
      /needs reports, report-uri/,
    ],
    [
      'sandbox in report-only',
      { cspReportOnly: { sandbox: true, 'report-uri': ['/r'] } },
      'cspReportOnly.sandbox',
      /only report/,
    ],
    [
      'upgrade in report-only',
      { cspReportOnly: { 'img-src': ['*'], 'upgrade-insecure-requests': true }, reports: '/r' },
      'cspReportOnly.upgrade-insecure-requests',
      /only report/,
    ],
    [
      'a bad source in report-only',
      { cspReportOnly: { 'img-src': ['self'] }, reports: '/r' },
      'cspReportOnly.img-src[0]',
      /'self'/,
    ],
    ['an unknown word for Trusted Types', { trustedTypes: 'enforced' }, 'trustedTypes', /did you mean enforce\?/],
    ['true for Trusted Types', { trustedTypes: true }, 'trustedTypes', /TypeError/],
    [
      'Trusted Types twice',
      { csp: { 'require-trusted-types-for': ["'script'"] }, trustedTypes: 'enforce' },
      'csp.require-trusted-types-for',
      /too/,
    ],
    [
      'Trusted Types enforced and reported',
      { csp: { 'require-trusted-types-for': ["'script'"] }, trustedTypes: 'report', reports: '/r' },
      'csp.require-trusted-types-for',
      /too/,
    ],
    [
      'Trusted Types that report nowhere',
      { csp: { 'img-src': ['*'] }, trustedTypes: 'report' },
      'cspReportOnly',
      /needs reports, report-uri/,
    ],
    ['reports without a policy', { reports: '/r' }, 'reports', /needs csp/],
    ['reports twice', { csp: { 'img-src': ['*'], 'report-uri': ['/a'] }, reports: '/r' }, 'csp.report-uri', /too/],
    ['reports over http', { csp: { 'img-src': ['*'] }, reports: 'http://a.example/r' }, 'reports', /https/],
    ['reports to another host', { csp: { 'img-src': ['*'] }, reports: '//a.example/r' }, 'reports', /https/],
    ['reports with a space', { csp: { 'img-src': ['*'] }, reports: '/r r' }, 'reports', /is no token/],
    [
      'reports without a slash',
      { csp: { 'img-src': ['*'] }, reports: 'reports' },
      'reports',
      /path that begins with \//,
    ],
    ['reports as an array', { csp: { 'img-src': ['*'] }, reports: ['/r'] }, 'reports', /TypeError/],
    ['HSTS that is a text', { hsts: 'max-age=1' }, 'hsts', /TypeError/],
    ['HSTS without maxAge', { hsts: {} }, 'hsts.maxAge', /whole seconds/],
    ['an unknown part of HSTS', { hsts: { maxage: '365d' } }, 'hsts', /TypeError/],
    ['NaN', { hsts: { maxAge: Number.NaN } }, 'hsts.maxAge', /whole seconds/],
    ['a negative time', { hsts: { maxAge: -1000 } }, 'hsts.maxAge', /whole seconds/],
    ['seconds as a number', { hsts: { maxAge: 31_536_000 } }, 'hsts.maxAge', /milliseconds; write '365d'/],
    ['no whole seconds', { hsts: { maxAge: 1500 } }, 'hsts.maxAge', /whole seconds/],
    ['a time with a semicolon', { hsts: { maxAge: '365d; preload' } }, 'hsts.maxAge', /whole seconds/],
    ['a time without a unit', { hsts: { maxAge: '31536000' } }, 'hsts.maxAge', /whole seconds/],
    ['an endless time', { hsts: { maxAge: '99999w' } }, 'hsts.maxAge', /whole seconds/],
    [
      'preload under a year',
      { hsts: { maxAge: '364d', includeSubDomains: true, preload: true } },
      'hsts.preload',
      /365d/,
    ],
    ['preload without subdomains', { hsts: { maxAge: '365d', preload: true } }, 'hsts.preload', /includeSubDomains/],
    [
      'preload while switching off',
      { hsts: { maxAge: 0, includeSubDomains: true, preload: true } },
      'hsts.preload',
      /365d/,
    ],
    [
      'a flag that is a text',
      { hsts: { maxAge: '365d', includeSubDomains: 'yes' } },
      'hsts.includeSubDomains',
      /TypeError/,
    ],
    ['preload that is a number', { hsts: { maxAge: '365d', preload: 1 } }, 'hsts.preload', /TypeError/],
    ['no features', { permissionsPolicy: {} }, 'permissionsPolicy', /is empty/],
    ['an unknown feature', { permissionsPolicy: { camra: [] } }, 'permissionsPolicy.camra', /did you mean camera\?/],
    [
      'a feature in camel case',
      { permissionsPolicy: { webShare: [] } },
      'permissionsPolicy.webShare',
      /did you mean web-share\?/,
    ],
    [
      'a feature that was removed',
      { permissionsPolicy: { 'interest-cohort': [] } },
      'permissionsPolicy.interest-cohort',
      /no known feature/,
    ],
    [
      'a feature with syntax',
      { permissionsPolicy: { 'camera=*, usb': [] } },
      'permissionsPolicy.camera=*, usb',
      /no known feature/,
    ],
    [
      'a feature of every object',
      { permissionsPolicy: { toString: [] } },
      'permissionsPolicy.toString',
      /no known feature/,
    ],
    ['a feature that is a text', { permissionsPolicy: { camera: 'self' } }, 'permissionsPolicy.camera', /TypeError/],
    ['a feature that is true', { permissionsPolicy: { camera: true } }, 'permissionsPolicy.camera', /TypeError/],
    ['self in quotes', { permissionsPolicy: { camera: ["'self'"] } }, 'permissionsPolicy.camera[0]', /neither self/],
    ['self in capitals', { permissionsPolicy: { camera: ['Self'] } }, 'permissionsPolicy.camera[0]', /neither self/],
    ['none', { permissionsPolicy: { camera: ['none'] } }, 'permissionsPolicy.camera[0]', /\[\] is for nobody/],
    ['src', { permissionsPolicy: { camera: ['src'] } }, 'permissionsPolicy.camera[0]', /neither self/],
    ['NONCE for a feature', { permissionsPolicy: { camera: [NONCE] } }, 'permissionsPolicy.camera[0]', /TypeError/],
    [
      'an origin that closes its quotes',
      { permissionsPolicy: { camera: ['https://a.example"'] } },
      'permissionsPolicy.camera[0]',
      /neither self/,
    ],
    [
      'an origin that breaks out',
      { permissionsPolicy: { camera: ['https://a.example"),usb=*'] } },
      'permissionsPolicy.camera[0]',
      /is no token/,
    ],
    [
      'an origin with a backslash',
      { permissionsPolicy: { camera: ['https://a.example\\'] } },
      'permissionsPolicy.camera[0]',
      /neither self/,
    ],
    [
      'an origin with a bracket',
      { permissionsPolicy: { camera: ['https://a.example)'] } },
      'permissionsPolicy.camera[0]',
      /neither self/,
    ],
    [
      'an origin in quotes',
      { permissionsPolicy: { camera: ['"https://a.example"'] } },
      'permissionsPolicy.camera[0]',
      /neither self/,
    ],
    [
      'an origin with a path',
      { permissionsPolicy: { camera: ['https://a.example/'] } },
      'permissionsPolicy.camera[0]',
      /neither self/,
    ],
    [
      'an origin over http',
      { permissionsPolicy: { camera: ['http://a.example'] } },
      'permissionsPolicy.camera[0]',
      /neither self/,
    ],
    [
      'an origin without a scheme',
      { permissionsPolicy: { camera: ['a.example'] } },
      'permissionsPolicy.camera[0]',
      /neither self/,
    ],
    [
      'an origin with any port',
      { permissionsPolicy: { camera: ['https://a.example:*'] } },
      'permissionsPolicy.camera[0]',
      /neither self/,
    ],
    [
      'an origin with an impossible port',
      { permissionsPolicy: { camera: ['https://a.example:70000'] } },
      'permissionsPolicy.camera[0]',
      /neither self/,
    ],
    [
      'two origins in one',
      { permissionsPolicy: { camera: ['https://a.example https://b.example'] } },
      'permissionsPolicy.camera[0]',
      /is no token/,
    ],
    ['an origin twice', { permissionsPolicy: { camera: ['self', 'self'] } }, 'permissionsPolicy.camera[1]', /twice/],
    [
      '* beside others',
      { permissionsPolicy: { camera: ['self', '*'] } },
      'permissionsPolicy.camera[1]',
      /stands alone/,
    ],
    ['an unknown referrer policy', { referrerPolicy: 'no-referer' }, 'referrerPolicy', /did you mean no-referrer\?/],
    ['two referrer policies in one', { referrerPolicy: 'no-referrer, origin' }, 'referrerPolicy', /none of/],
    ['no referrer policy', { referrerPolicy: [] }, 'referrerPolicy', /is empty/],
    ['an empty referrer policy', { referrerPolicy: '' }, 'referrerPolicy', /none of/],
    ['an unknown one in a list', { referrerPolicy: ['no-referrer', 'never'] }, 'referrerPolicy[1]', /none of/],
    ['a referrer policy twice', { referrerPolicy: ['origin', 'origin'] }, 'referrerPolicy[1]', /twice/],
    ['a referrer policy with a line feed', { referrerPolicy: 'origin\n' }, 'referrerPolicy', /none of/],
    ['another content type option', { contentTypeOptions: 'sniff' }, 'contentTypeOptions', /none of nosniff/],
    ['frame options in small letters', { frameOptions: 'deny' }, 'frameOptions', /did you mean DENY\?/],
    ['frame options that browsers ignore', { frameOptions: 'ALLOW-FROM https://a.example' }, 'frameOptions', /none of/],
    [
      'an unknown opener policy',
      { crossOriginOpenerPolicy: 'sameorigin' },
      'crossOriginOpenerPolicy',
      /did you mean same-origin\?/,
    ],
    [
      'an unknown embedder policy',
      { crossOriginEmbedderPolicy: 'require-cors' },
      'crossOriginEmbedderPolicy',
      /require-corp/,
    ],
    ['an unknown resource policy', { crossOriginResourcePolicy: 'none' }, 'crossOriginResourcePolicy', /none of/],
    ['an agent cluster that is a text', { originAgentCluster: '?1' }, 'originAgentCluster', /TypeError/],
    ['an unknown prefetch control', { dnsPrefetchControl: false }, 'dnsPrefetchControl', /TypeError/],
    [
      'an unknown cross-domain policy',
      { permittedCrossDomainPolicies: 'some' },
      'permittedCrossDomainPolicies',
      /none of/,
    ],
    ['another cache control', { cacheControl: 'no-cache' }, 'cacheControl', /none of/],
    ['no endpoints', { reportingEndpoints: {} }, 'reportingEndpoints', /is empty/],
    ['endpoints as a text', { reportingEndpoints: 'csp="https://a.example"' }, 'reportingEndpoints', /TypeError/],
    [
      'a group in capitals',
      { reportingEndpoints: { CSP: 'https://a.example/r' } },
      'reportingEndpoints.CSP',
      /bare name/,
    ],
    [
      'a group with syntax',
      { reportingEndpoints: { 'a="b",c': 'https://a.example/r' } },
      'reportingEndpoints.a="b",c',
      /bare name/,
    ],
    [
      '__proto__ as a group',
      { reportingEndpoints: JSON.parse('{"__proto__":"https://a.example/r"}') },
      'reportingEndpoints.__proto__',
      /bare name/,
    ],
    ['an endpoint that is a path', { reportingEndpoints: { csp: '/r' } }, 'reportingEndpoints.csp', /https/],
    ['an endpoint over http', { reportingEndpoints: { csp: 'http://a.example/r' } }, 'reportingEndpoints.csp', /https/],
    [
      'an endpoint that closes its quotes',
      { reportingEndpoints: { csp: 'https://a.example/"' } },
      'reportingEndpoints.csp',
      /quotes/,
    ],
    [
      'an endpoint whose host closes its quotes',
      { reportingEndpoints: { csp: 'https://a"b.example/' } },
      'reportingEndpoints.csp',
      /quotes/,
    ],
    [
      'an endpoint that breaks out',
      { reportingEndpoints: { csp: 'https://a.example/",b="https://b.example' } },
      'reportingEndpoints.csp',
      /is no token/,
    ],
    [
      'an endpoint with a backslash',
      { reportingEndpoints: { csp: 'https://a.example/\\' } },
      'reportingEndpoints.csp',
      /https/,
    ],
    [
      'an endpoint with a user name',
      { reportingEndpoints: { csp: 'https://me:secret@a.example/' } },
      'reportingEndpoints.csp',
      /user name/,
    ],
    [
      'an endpoint with a fragment',
      { reportingEndpoints: { csp: 'https://a.example/#a' } },
      'reportingEndpoints.csp',
      /fragment/,
    ],
    ['an endpoint without a host', { reportingEndpoints: { csp: 'https://' } }, 'reportingEndpoints.csp', /https/],
    [
      'an endpoint with an impossible port',
      { reportingEndpoints: { csp: 'https://a.example:99999/' } },
      'reportingEndpoints.csp',
      /https/,
    ],
    [
      'an endpoint outside ASCII',
      { reportingEndpoints: { csp: 'https://bücher.example/' } },
      'reportingEndpoints.csp',
      /is no token/,
    ],
    [
      'an endpoint that is no text',
      { reportingEndpoints: { csp: ['https://a.example/'] } },
      'reportingEndpoints.csp',
      /TypeError/,
    ],
    ['allow as a text', { allow: 'new-src' }, 'allow', /TypeError/],
    ['a name with syntax', { allow: ['new-src; script-src *'] }, 'allow[0]', /bare name/],
    ['a name in capitals', { allow: ['New-Src'] }, 'allow[0]', /bare name/],
    ['a name with a line feed', { allow: ['new-src\n'] }, 'allow[0]', /bare name/],
    ['a name that is a keyword in quotes', { allow: ["'new'"] }, 'allow[0]', /bare name/],
    ['a name twice', { allow: ['new-src', 'new-src'] }, 'allow[1]', /twice/],
    ['a name that is no text', { allow: [NONCE] }, 'allow[0]', /TypeError/],
  ] // prettier-ignore

  it.each(options)('%s', (_why, policy, path, message) => {
    const said = refusal(policy)
    expect(said.path).toBe(path)
    expect(said.message).toMatch(message)
  })
})

describe('what the policy vouches for', () => {
  it('is taken as it is', () => {
    const compiled = compileHeaders({
      csp: {
        'new-src': [NONCE, "'new-keyword'", 'app:'],
        'img-src': ["'new-keyword'", 'app:', 'app://shop'],
        'new-flag': true,
      },
      permissionsPolicy: { 'new-feature': ['self'] },
      allow: ['new-src', 'new-flag', 'new-keyword', 'app', 'new-feature'],
    })
    expect(compiled.dynamic('MTIzNDU2Nzg5MDEyMzQ1Njc4')).toEqual([
      [
        'content-security-policy',
        "new-src 'nonce-MTIzNDU2Nzg5MDEyMzQ1Njc4' 'new-keyword' app:; img-src 'new-keyword' app: app://shop; new-flag",
      ],
    ])
    expect(compiled.static).toEqual([['permissions-policy', 'new-feature=(self)']])
  })

  it.each([
    ['syntax', ['a; script-src *'], /is no token/],
    ['a literal nonce', ["'nonce-abc'"], /give NONCE/],
    ['nothing', [], /is empty/],
  ])('still has no %s in it', (_what, value, message) => {
    expect(refusal({ csp: { 'new-src': value }, allow: ['new-src'] }).message).toMatch(message)
  })

  it.each(['unsafe-inline', 'strict-dynamic', 'none', 'plugin-types', 'nonce-abc', 'sha256-abc'])(
    'does not lift the rules of %s',
    (name) => {
      const csp = name === 'plugin-types' ? { [name]: ['a'] } : { 'style-src': ["'self'", `'${name}'`] }
      expect(refusal({ csp, allow: [name] }).path).toMatch(/^csp\./)
    },
  )
})
