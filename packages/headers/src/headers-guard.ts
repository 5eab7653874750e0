import type { Answer, Facts, Guard, Slot } from '@mosaajii/core'
import { compileHeaders } from './compile.ts'
import { dynamicPairs, isCompiled } from './compiled.ts'
import { mistyped } from './errors.ts'
import { nonceSource } from './nonce-source.ts'
import type { CompiledHeaders, HeaderPolicy } from './policy.ts'

/** The slot of the nonce: `dataOf(req, cspNonce)` finds it whichever policy the request has. */
export const cspNonce: Slot<string> = Object.freeze({ as: 'cspNonce' })

/** What {@link headersGuard} takes: a policy, a compiled one, or a choice among compiled ones for each request. */
export type HeadersChoice = HeaderPolicy | CompiledHeaders | ((facts: Facts) => CompiledHeaders)

/**
 * Puts the headers of a policy on every answer, and makes the nonce of the request. Around a route with another policy the inner one replaces
 * the outer one and keeps its nonce. `X-Powered-By` and `Server` are removed when the headers are written.
 *
 * @param choice a plain policy is compiled now. A function is called for each request and answers with what `compileHeaders()` returned.
 * @returns a guard whose data is the nonce, 24 characters of base64. `check` throws a `TypeError` when a function answers with anything else.
 * @throws {HeadersError} `POLICY_REFUSED`, and what else `compileHeaders()` throws.
 * @example
 * app.use(toExpress(headersGuard(presets.strict)))
 */
export function headersGuard(choice: HeadersChoice): Guard<'cspNonce', string> {
  const choose = chooser(choice)
  const freshNonce = nonceSource()
  return {
    as: 'cspNonce',
    check: (facts) => {
      const compiled = choose(facts)
      const outer = facts.get(cspNonce)
      const nonce = outer ?? freshNonce()
      // Some other guard may have that name: what is not of the own source is checked before it goes into a header.
      const dynamic = outer === undefined ? dynamicPairs(compiled, nonce) : compiled.dynamic(outer)
      const headers = dynamic.length === 0 ? compiled.static : [...compiled.static, ...dynamic]
      const writing = compiled.cacheControl === 'no-store on html' ? writeOnHtml : removeNames
      return { pass: true, data: nonce, headers, writing }
    },
  }
}

function chooser(choice: HeadersChoice): (facts: Facts) => CompiledHeaders {
  if (typeof choice !== 'function') {
    const compiled = isCompiled(choice) ? choice : compileHeaders(choice)
    return () => compiled
  }
  return (facts) => {
    const chosen: unknown = choice(facts)
    if (isCompiled(chosen)) return chosen
    // A promise is no answer here, and when it rejects later, that must not end the process.
    Promise.resolve(chosen).catch(() => undefined)
    return mistyped('headersGuard', 'a function that returns what compileHeaders() returned')
  }
}

/** They tell an attacker which server and version to look up. */
function removeNames(answer: Answer): void {
  answer.remove('x-powered-by')
  answer.remove('server')
}

function writeOnHtml(answer: Answer): void {
  removeNames(answer)
  const type = answer.get('content-type')
  if (type === undefined || !/^\s*text\/html\s*(;|$)/i.test(type)) return
  if (answer.get('cache-control') === undefined) answer.set('cache-control', 'no-store')
}
