import type { RuleState } from './decision.ts'
import { integer, seconds } from './rate-limit-fields.ts'

const zero = 0x30
const timeParameter = codesOf(';t=')

/**
 * Makes the items of `RateLimit` for one name: draft-ietf-httpapi-ratelimit-headers-11, section 4.1. `t` says for how long there is no more than `r`; it
 * is left out when there will never be more.
 *
 * The characters are written one by one. A text that is joined of parts is a rope until somebody reads it, as is done with a header at once, and
 * to copy a rope takes longer than all this.
 */
export class StateItem {
  readonly #begin: readonly number[]
  /** By their number, the characters of the last text: the next one begins alike, and mostly is as long. */
  readonly #codes: number[][] = []

  /** @param name what `quotedName` made. */
  constructor(name: string) {
    this.#begin = codesOf(`${name};r=`)
  }

  /** For example `"api";r=99;t=60`. What no store should say of a counter, such as NaN, is told as 0. */
  text({ remaining, resetMs }: Pick<RuleState, 'remaining' | 'resetMs'>): string {
    const units = integer(remaining)
    const wait = integer(seconds(resetMs))
    const unitsEnd = this.#begin.length + digitsOf(units)
    const end = wait === 0 ? unitsEnd : unitsEnd + timeParameter.length + digitsOf(wait)
    const codes = (this.#codes[end] ??= this.#begun(end))
    writeDigits(units, codes, unitsEnd)
    if (wait !== 0) {
      for (let i = 0; i < timeParameter.length; i++) codes[unitsEnd + i] = timeParameter[i] as number
      writeDigits(wait, codes, end)
    }
    return String.fromCharCode.apply(String, codes)
  }

  #begun(length: number): number[] {
    return Array.from({ length }, (_, at) => this.#begin[at] ?? zero)
  }
}

function codesOf(text: string): readonly number[] {
  return Array.from(text, (character) => character.charCodeAt(0))
}

function digitsOf(value: number): number {
  let digits = 1
  for (let more = 10; value >= more; more *= 10) digits++
  return digits
}

/** The largest number that the engine reckons with as a whole one, which takes a third less time. */
const largestWhole = 0x7f_ff_ff_ff

/** Writes a whole number that is not negative before a place. */
function writeDigits(value: number, codes: number[], end: number): void {
  let at = end
  let large = value
  while (large > largestWhole) {
    const tens = Math.floor(large / 10)
    codes[--at] = zero + large - 10 * tens
    large = tens
  }
  let left = large | 0
  do {
    const tens = (left / 10) | 0
    codes[--at] = zero + left - 10 * tens
    left = tens
  } while (left > 0)
}
