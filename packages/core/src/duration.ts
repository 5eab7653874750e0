const unitsInMs = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 } as const

/** A length of time: milliseconds, or a whole number with a unit such as `'250ms'`, `'30s'`, `'15m'`, `'8h'`, `'90d'`, `'2w'`. */
export type Duration = number | `${number}${keyof typeof unitsInMs}`

/**
 * Reads a length of time.
 *
 * @param value milliseconds, or a whole number and one of `ms s m h d w`, without a space.
 * @returns whole milliseconds, at least 1.
 * @throws {TypeError} when the text has another form.
 * @throws {RangeError} when the result is not a whole number of milliseconds from 1 to `Number.MAX_SAFE_INTEGER`.
 * @example
 * duration('90d') // 7776000000
 * duration(1500) // 1500
 */
export function duration(value: Duration): number {
  const ms = typeof value === 'number' ? value : parse(value)
  if (!Number.isSafeInteger(ms) || ms < 1) {
    throw new RangeError('duration: give a whole number of milliseconds that is at least 1')
  }
  return ms
}

function parse(text: unknown): number {
  const match = typeof text === 'string' && text.length <= 20 ? /^(\d+)(ms|s|m|h|d|w)$/.exec(text) : null
  if (!match)
    throw new TypeError("duration: give milliseconds or a text such as '250ms', '30s', '15m', '8h', '90d' or '2w'")
  return Number(match[1]) * unitsInMs[match[2] as keyof typeof unitsInMs]
}
