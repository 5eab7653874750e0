import type { HeaderPair } from '@mosaajii/core'
import { nonceGap } from './build.ts'
import { mistyped } from './errors.ts'
import { nonceSource } from './nonce-source.ts'
import type { CompiledHeaders } from './policy.ts'

/** Registered, so that two copies of this package in one process know each other's policies. */
const brand = Symbol.for('@mosaajii/headers/CompiledHeaders')

/** Fills in the nonce without looking at it. */
type Fill = (nonce: string) => readonly HeaderPair[]

interface Branded {
  /** What is made of a policy, by spreading it say, has this too, but is not what it belongs to: it may say other headers than those that were checked. */
  readonly [brand]?: Fill & { of?: CompiledHeaders }
}

/** Makes the face of a compiled policy. A header with a gap in its value waits for the nonce. */
export function compiledHeaders(
  headers: readonly HeaderPair[],
  warnings: readonly string[],
  cacheControl: CompiledHeaders['cacheControl'],
): CompiledHeaders {
  const fixed = headers.filter(([, value]) => !value.includes(nonceGap))
  const waiting = headers.filter((header) => !fixed.includes(header))
  const cut = waiting.map(([name, value]) => [name, value.split(nonceGap)] as const)
  const fill: Branded[typeof brand] = (nonce: string) => cut.map(([name, parts]) => [name, parts.join(nonce)])
  const fresh = nonceSource()
  const dynamic: Fill = (nonce) => fill(checkedNonce(nonce))
  const compiled: CompiledHeaders = Object.freeze({
    [brand]: fill,
    static: Object.freeze(fixed),
    dynamic,
    pairs: (nonce?: string) => [...fixed, ...dynamic(nonce ?? fresh())],
    usesNonce: cut.length > 0,
    warnings: Object.freeze(warnings),
    cacheControl,
  })
  fill.of = compiled
  return compiled
}

/** Whether a value came from `compileHeaders()`, also of another copy of this package. */
export function isCompiled(value: unknown): value is CompiledHeaders {
  const branded = value as Branded | null | undefined
  return branded !== undefined && branded?.[brand]?.of === value
}

/** The headers that hold the nonce, for a nonce that needs no check: one of our own source. */
export function dynamicPairs(compiled: CompiledHeaders, nonce: string): readonly HeaderPair[] {
  return (compiled as unknown as Required<Branded>)[brand](nonce)
}

function checkedNonce(nonce: unknown): string {
  if (typeof nonce === 'string' && /^(?=.{22,256}$)[\w+/-]+={0,2}$/.test(nonce)) return nonce
  return mistyped('nonce', '22 to 256 characters of base64')
}
