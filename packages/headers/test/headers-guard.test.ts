import type { Answer, Facts, Verdict } from '@mosaajii/core'
import {
  compileHeaders,
  cspNonce,
  type HeaderPolicy,
  type HeadersChoice,
  headersGuard,
  presets,
} from '@mosaajii/headers'
import { describe, expect, test } from 'vitest'
import { facts } from './support/facts.ts'

type Passed = Extract<Verdict<string>, { pass: true }>

function checked(choice: HeadersChoice, request: Facts = facts()): Passed {
  const verdict = headersGuard(choice).check(request)
  if (verdict instanceof Promise || !verdict.pass) throw new Error('it did not pass at once')
  return verdict
}

/** An answer that is about to be written. */
function answer(headers: Record<string, string>, status = 200): Answer & { readonly headers: Map<string, string> } {
  const map = new Map(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))
  return {
    status,
    headers: map,
    get: (name) => map.get(name.toLowerCase()),
    set: (name, value) => void map.set(name.toLowerCase(), value),
    remove: (name) => void map.delete(name.toLowerCase()),
  }
}

describe('the policy', () => {
  test('plain or compiled, the headers are the same', () => {
    const compiled = compileHeaders(presets.strict)
    for (const choice of [presets.strict, compiled]) {
      const { data, headers } = checked(choice)
      expect(headers).toEqual(compiled.pairs(data))
    }
  })

  test('a plain one is compiled at construction, and what is refused is refused then', () => {
    const policy: { csp: Record<string, string[]> } = { csp: { 'default-src': ["'none'"] } }
    const guard = headersGuard(policy)
    policy.csp['default-src'] = ['*']
    expect(guard.check(facts())).toMatchObject({ headers: [['content-security-policy', "default-src 'none'"]] })
    expect(() => headersGuard({ csp: { 'default-src': ['none'] } })).toThrow(
      expect.objectContaining({ code: 'POLICY_REFUSED' }),
    )
  })

  test('a function chooses among compiled ones, for each request', () => {
    const [strict, api] = [compileHeaders(presets.strict), compileHeaders(presets.api)]
    const guard = headersGuard(({ target }) => (target.startsWith('/api/') ? api : strict))
    expect(guard.check(facts({ target: '/api/stock' }))).toMatchObject({ headers: api.pairs() })
    const { data, headers } = guard.check(facts({ target: '/' })) as Passed
    expect(headers).toEqual(strict.pairs(data))
  })

  test.each([
    undefined,
    null,
    presets.strict,
    {},
    'strict',
    Promise.resolve(compileHeaders(presets.api)),
    { dynamic: 1 },
  ])('a function that answers with %s is told what to do', (chosen) => {
    const guard = headersGuard((() => chosen) as unknown as HeadersChoice)
    expect(() => guard.check(facts())).toThrow(/compileHeaders\(\)/)
    expect(() => guard.check(facts())).toThrow(TypeError)
  })

  const own = compileHeaders(presets.strict)
  test.each([
    ['a copy', { ...own, static: [] }],
    ['a frozen copy', Object.freeze({ ...own, static: [] })],
    ['what inherits from it', Object.freeze(Object.create(own, { static: { value: [] } }) as typeof own)],
    ['a proxy', new Proxy(own, {})],
  ])('what may say other headers than a compiled one is not taken for one: %s', (_name, copy) => {
    expect(() => headersGuard(copy)).toThrow(TypeError)
    expect(() => headersGuard(() => copy).check(facts())).toThrow(TypeError)
  })

  test.each([undefined, null, 'strict', 7, []])('%s is no policy', (choice) => {
    expect(() => headersGuard(choice as unknown as HeaderPolicy)).toThrow(TypeError)
  })
})

describe('the nonce', () => {
  test('is one a request: an inner guard takes that of the outer one', () => {
    const outer = checked(presets.strict)
    const inner = checked(presets.manual, facts({ data: new Map([[cspNonce, outer.data]]) }))
    expect(inner.data).toBe(outer.data)
    expect(inner.headers).toEqual(compileHeaders(presets.manual).pairs(outer.data))
  })

  test('goes into the enforced policy and into the one that only reports', () => {
    const { data, headers = [] } = checked({
      ...presets.strict,
      cspReportOnly: { 'script-src': presets.strict.csp?.['script-src'] ?? [], 'report-uri': ['/csp-reports'] },
    })
    const policies = headers.filter(([name]) => name.startsWith('content-security-policy'))
    expect(policies).toHaveLength(2)
    for (const [, value] of policies) expect(value).toContain(`'nonce-${data}'`)
  })

  test('is there for an inner guard also where the outer policy has no use for it', () => {
    expect(checked(presets.api).data).toMatch(/^[A-Za-z0-9+/]{24}$/)
  })

  test.each(["a'; script-src *", 'a\r\nX: y', '', 'short', "x' 'unsafe-inline"])(
    'that some other guard called cspNonce holds %j never reaches a header',
    (nonce) => {
      expect(() => checked(presets.strict, facts({ data: new Map([[cspNonce, nonce]]) }))).toThrow(TypeError)
    },
  )
})

describe('when headers are written', () => {
  const written = (choice: HeadersChoice, headers: Record<string, string>) => {
    const one = answer({ Server: 'inner/1.0', 'X-Powered-By': 'Express', ...headers })
    checked(choice).writing?.(one)
    return Object.fromEntries(one.headers)
  }

  test('what names the server is removed', () => {
    expect(written(presets.api, {})).toEqual({})
    expect(written(presets.strict, { 'Content-Type': 'text/plain' })).toEqual({ 'content-type': 'text/plain' })
  })

  test.each(['text/html', 'text/html; charset=utf-8', 'TEXT/HTML', ' text/html ;charset=utf-8'])(
    'no-store on %s',
    (type) => {
      expect(written(presets.strict, { 'Content-Type': type })['cache-control']).toBe('no-store')
    },
  )

  test.each(['text/htmlx', 'application/json', 'text/plain; x=text/html', 'image/png', ''])('not on %j', (type) => {
    expect(written(presets.strict, { 'Content-Type': type })).not.toHaveProperty('cache-control')
  })

  test('what the handler says of caching wins', () => {
    const said = { 'Content-Type': 'text/html', 'cache-control': 'private, max-age=60' }
    expect(written(presets.strict, said)['cache-control']).toBe('private, max-age=60')
  })

  test('a policy that says nothing of caching changes nothing', () => {
    expect(written({ contentTypeOptions: 'nosniff' }, { 'Content-Type': 'text/html' })).toEqual({
      'content-type': 'text/html',
    })
  })
})

test('a function that returns a promise is refused at once, and what the promise rejects with ends nothing', async () => {
  const unhandled: unknown[] = []
  const note = (error: unknown): void => void unhandled.push(error)
  process.on('unhandledRejection', note)
  try {
    const chooser = () => Promise.reject(new Error('later'))
    const guard = headersGuard(chooser as unknown as () => ReturnType<typeof compileHeaders>)
    expect(() => guard.check(facts())).toThrow(TypeError)
    await new Promise((resolve) => setTimeout(resolve, 10))
    expect(unhandled).toEqual([])
  } finally {
    process.off('unhandledRejection', note)
  }
})
