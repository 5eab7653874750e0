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
