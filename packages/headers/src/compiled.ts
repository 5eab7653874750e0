import type { HeaderPair } from '@mosaajii/core'
import { nonceGap } from './build.ts'
import { mistyped } from './errors.ts'
import { nonceSource } from './nonce-source.ts'
import type { CompiledHeaders } from './policy.ts'

/** Registered, so that two copies of this package in one process know each other's policies. */
const brand = Symbol.for('@mosaajii/headers/CompiledHeaders')

/** Fills in the nonce without looking at it. */
type Fill = (nonce: string) => readonly HeaderPair[]

/** Makes the face of a compiled policy. A header with a gap in its value waits for the nonce. */
export function compiledHeaders(
  headers: readonly HeaderPair[],
  warnings: readonly string[],
  cacheControl: CompiledHeaders['cacheControl'],
): CompiledHeaders {
  const fixed = headers.filter(([, value]) => !value.includes(nonceGap))
  const waiting = headers.filter((header) => !fixed.includes(header))
  const cut = waiting.map(([name, value]) => [name, value.split(nonceGap)] as const)
  const fill: Fill = (nonce) => cut.map(([name, parts]) => [name, parts.join(nonce)])
  const fresh = nonceSource()
  const dynamic: Fill = (nonce) => fill(checkedNonce(nonce))
  return Object.freeze({
    [brand]: fill,
    static: Object.freeze(fixed),
    dynamic,
    pairs: (nonce?: string) => [...fixed, ...dynamic(nonce ?? fresh())],
    usesNonce: cut.length > 0,
    warnings: Object.freeze(warnings),
    cacheControl,
  })
}

/** Whether a value came from `compileHeaders()`, also of another copy of this package. */
export function isCompiled(value: unknown): value is CompiledHeaders {
  // A copy that was spread from one is not frozen: what it says may differ from what was checked.
  return Object.isFrozen(value) && typeof (value as { [brand]?: unknown } | undefined)?.[brand] === 'function'
}

/** The headers that hold the nonce, for a nonce that needs no check: one of our own source. */
export function dynamicPairs(compiled: CompiledHeaders, nonce: string): readonly HeaderPair[] {
  return (compiled as unknown as { readonly [brand]: Fill })[brand](nonce)
}

function checkedNonce(nonce: unknown): string {
  if (typeof nonce === 'string' && /^(?=.{22,256}$)[\w+/-]+={0,2}$/.test(nonce)) return nonce
  return mistyped('nonce', '22 to 256 characters of base64')
}
