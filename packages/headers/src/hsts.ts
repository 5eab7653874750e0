import { type Duration, duration } from '@mosaajii/core'
import type { Build } from './build.ts'
import { refused } from './errors.ts'
import { checkOptions, flagOf } from './options.ts'
import type { HstsPolicy } from './policy.ts'

const secondsOfYear = 31_536_000

/** The parts of `hsts`. */
export const hstsOptions: readonly string[] = ['maxAge', 'includeSubDomains', 'preload']

/** The value of `Strict-Transport-Security`. */
export function hstsText(value: unknown, path: string, build: Build): string {
  checkOptions(value, path, hstsOptions)
  const { maxAge, includeSubDomains = false, preload = false } = value as HstsPolicy
  const seconds = secondsOf(maxAge, `${path}.maxAge`)
  const subdomains = flagOf(includeSubDomains, `${path}.includeSubDomains`)
  if (flagOf(preload, `${path}.preload`) && (seconds < secondsOfYear || !subdomains)) {
    throw refused(`${path}.preload`, "needs includeSubDomains and a maxAge of '365d'")
  }
  if (seconds > 0 && seconds < secondsOfYear / 2) {
    build.warn(`${path}.maxAge`, `${seconds} seconds protect little; a number is milliseconds`)
  }
  return `max-age=${seconds}${subdomains ? '; includeSubDomains' : ''}${preload ? '; preload' : ''}`
}

function secondsOf(value: Duration, path: string): number {
  try {
    const seconds = value === 0 ? 0 : duration(value) / 1000
    // RFC 6797 sets no limit; browsers keep the number in 32 bits.
    if (Number.isInteger(seconds) && seconds < 2 ** 31) return seconds
  } catch {
    // The message below says all of it.
  }
  throw refused(path, "give whole seconds such as '365d', or 0 to make browsers forget")
}
