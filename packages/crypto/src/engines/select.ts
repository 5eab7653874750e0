import type { Engine, EngineName } from './engine.ts'
import { nativeEngine } from './native.ts'
import { portableEngine } from './portable.ts'

/**
 * Picks the engine: the named one, or the native one where the runtime has `node:crypto`.
 *
 * @throws {RangeError} when `'native'` is asked for and the runtime has no `node:crypto`.
 */
export function selectEngine(name?: EngineName): Engine {
  if (name === 'portable') return portableEngine()
  if (name !== undefined && name !== 'native')
    throw new RangeError("engine: give 'native' or 'portable', or leave it out")
  const native = nativeEngine()
  if (name === 'native' && !native)
    throw new RangeError("engine: this runtime has no node:crypto; give 'portable' or leave it out")
  return native ?? portableEngine()
}
