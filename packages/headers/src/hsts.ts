import { duration } from '@mosaajii/core'
import type { Build } from './build.ts'
import { refused } from './errors.ts'
import { checkOptions, propertiesOf } from './options.ts'

const secondsOfYear = 31_536_000
const mostSeconds = 2 ** 31 - 1

/** The value of `Strict-Transport-Security`. */
export function hstsText(value: unknown, path: string, build: Build): string {
  checkOptions(value, path, ['maxAge', 'includeSubDomains', 'preload'])
  const { maxAge, ...flags } = Object.fromEntries(propertiesOf(value, path))
  const seconds = secondsOf(maxAge, `${path}.maxAge`)
  const subdomains = flagOf(flags['includeSubDomains'], `${path}.includeSubDomains`)
  const preload = flagOf(flags['preload'], `${path}.preload`)
  if (preload && (seconds < secondsOfYear || !subdomains)) {
    throw refused(
      `${path}.preload`,
      "browser makers take only policies with includeSubDomains and a maxAge of '365d' or more",
    )
  }
  if (seconds > 0 && seconds < secondsOfYear / 2) {
    build.warn(
      `${path}.maxAge`,
      `${seconds} seconds protect little (a number is milliseconds); raise it to '365d' once all works`,
    )
  }
  return `max-age=${seconds}${subdomains ? '; includeSubDomains' : ''}${preload ? '; preload' : ''}`
}

function secondsOf(value: unknown, path: string): number {
  if (typeof value !== 'string' && typeof value !== 'number')
    throw new TypeError(`${path}: give a length of time such as '365d'`)
  const seconds = value === 0 ? 0 : lengthOf(value, path) / 1000
  if (!Number.isInteger(seconds) || seconds > mostSeconds) throw refused(path, 'give whole seconds, at most 68 years')
  return seconds
}

function lengthOf(value: string | number, path: string): number {
  try {
    return duration(value as Parameters<typeof duration>[0])
  } catch {
    throw refused(path, "give a length of time such as '365d'; 0 makes browsers forget what they were told")
  }
}

function flagOf(value: unknown, path: string): boolean {
  if (value !== undefined && typeof value !== 'boolean') throw new TypeError(`${path}: give true or false`)
  return value === true
}
