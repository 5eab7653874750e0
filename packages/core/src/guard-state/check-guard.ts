import type { Guard } from '../guard.ts'

const namePattern = /^[A-Za-z][A-Za-z0-9]{0,63}$/

/**
 * Checks a guard when middleware is made of it. Its name becomes a property of `res.locals` and the like, so it must be a plain word and none
 * that every object has.
 *
 * @throws {TypeError} when it is no guard or its name cannot be used.
 */
export function checkGuard(guard: Guard<string, unknown>, who: string): void {
  if (typeof guard !== 'object' || guard === null || typeof guard.check !== 'function') {
    throw new TypeError(`${who}: give a guard, an object with 'as' and 'check'`)
  }
  if (typeof guard.as !== 'string' || !namePattern.test(guard.as) || guard.as in Object.prototype) {
    throw new TypeError(
      `${who}: a guard's 'as' is a word such as 'cspNonce': a letter, then up to 63 letters or digits`,
    )
  }
}

/**
 * On the `check` of guards of packages of ours whose headers can always be sent (RFC 9110, sections 5.1 and 5.5), have no name twice and are no
 * `Set-Cookie`. They only need the name of the symbol. Where it was not true, Node would refuse the header after the handler has run, and on Fastify that may end the process.
 * What stands there is the `check` itself: no other that is made of it (a spread guard, a proxy, a wrapper that copies properties) has it too.
 */
const soundHeaders: unique symbol = Symbol.for('@mosaajii/core/sound-headers') as never

/** The `check` of a guard if its headers need no look before Node's own. */
export function soundCheckOf(guard: { readonly check: object }): object | undefined {
  return (guard.check as { readonly [soundHeaders]?: unknown })[soundHeaders] === guard.check ? guard.check : undefined
}
