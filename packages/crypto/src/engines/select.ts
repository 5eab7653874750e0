import type { Engine, EngineName, RandomSource } from './engine.ts'
import { nativeEngine } from './native.ts'
import { portableEngine } from './portable.ts'

/**
 * Picks the engine: the named one, or the native one where the runtime has `node:crypto`.
 *
 * @param random for tests: where nonces and keys come from. Default: the runtime's own random source.
 * @throws {RangeError} for another name, and for `'native'` where the runtime has no `node:crypto`.
 */
export function selectEngine(name?: EngineName, random?: RandomSource): Engine {
  if (name === 'portable') return portableEngine(random)
  if (name !== undefined && name !== 'native')
    throw new RangeError("engine: give 'native' or 'portable', or leave it out")
  const native = nativeEngine(random)
  if (name === 'native' && !native) {
    throw new RangeError("engine: this runtime has no node:crypto; give 'portable' or leave it out")
  }
  return native ?? portableEngine(random)
}
