import { checkOptions, type Duration, duration } from '@mosaajii/core'
import type { Build } from './build.ts'
import { refuse } from './errors.ts'
import { flagOf } from './options.ts'

const secondsOfYear = 31_536_000

const flags = ['includeSubDomains', 'preload']

/** The parts of `hsts`. */
export const hstsOptions: readonly string[] = ['maxAge', ...flags]

/** The value of `Strict-Transport-Security`. */
export function hstsText(value: unknown, path: string, build: Build): string {
  checkOptions(value, path, hstsOptions)
  const hsts = value as Readonly<Record<string, unknown>>
  const seconds = secondsOf(hsts['maxAge'], `${path}.maxAge`)
  const asked = flags.filter((name) => hsts[name] !== undefined && flagOf(hsts[name], `${path}.${name}`))
  if (hsts['preload'] && (seconds < secondsOfYear || asked.length < 2)) {
    refuse(`${path}.preload`, "needs includeSubDomains and a maxAge of '365d'")
  }
  if (seconds > 0 && seconds < secondsOfYear / 2) {
    // 31536000 as elsewhere, where it means seconds, would be nine hours.
    if (typeof hsts['maxAge'] === 'number') refuse(`${path}.maxAge`, "a number is milliseconds; write '365d'")
    build.warn(`${path}.maxAge`, `${seconds} seconds are few`)
  }
  return [`max-age=${seconds}`, ...asked].join('; ')
}

function secondsOf(value: unknown, path: string): number {
  try {
    const seconds = value === 0 ? 0 : duration(value as Duration) / 1000
    // RFC 6797 sets no limit; browsers keep the number in 32 bits.
    if (Number.isInteger(seconds) && seconds < 2 ** 31) return seconds
  } catch {
    // The message below says all of it.
  }
  return refuse(path, "needs whole seconds such as '365d', or 0")
}
