import { type Duration, duration } from '@mosaajii/core'

/** The longest window and the longest block: 366 days in milliseconds. */
const longestTime = 366 * 86_400_000

/** @throws {RangeError} when it is not a whole number from `least` to `most`. */
export function wholeNumber(value: unknown, least: number, most: number, who: string): number {
  if (!Number.isSafeInteger(value) || (value as number) < least || (value as number) > most) {
    throw new RangeError(`${who}: give a whole number from ${least} to ${most}`)
  }
  return value as number
}

/** A length of time in milliseconds. @throws {TypeError | RangeError} that names the option, for what is none or longer than 366 days. */
export function timeSpan(value: Duration, who: string): number {
  const ms = spanOf(value, who)
  if (ms > longestTime) throw new RangeError(`${who}: give at most 366 days`)
  return ms
}

function spanOf(value: Duration, who: string): number {
  try {
    return duration(value)
  } catch (error) {
    const advice = (error as Error).message.replace('duration: ', '')
    throw error instanceof RangeError ? new RangeError(`${who}: ${advice}`) : new TypeError(`${who}: ${advice}`)
  }
}

/**
 * @throws {RangeError} when it is not a positive safe integer. Anything else as a cost is a way past the limit.
 * @throws {TypeError} when it is a promise.
 */
export function checkedCost(cost: unknown, who: string): number {
  if (Number.isSafeInteger(cost) && (cost as number) > 0) return cost as number
  refusePromise(cost, who)
  throw new RangeError(`${who}: give a whole number that is at least 1`)
}

/**
 * For what functions of the application give: a counter is chosen at once, so nothing can wait.
 *
 * @throws {TypeError} for a promise. What becomes of it is nobody's business then: without a handler its rejection would end the process.
 */
export function refusePromise(value: unknown, who: string): void {
  if (!isThenable(value)) return
  ignoreOutcome(value)
  throw new TypeError(`${who}: it is a promise; await what it needs before the call, and give it in the subject`)
}

/** Lets a promise that nobody waits for fail in silence. */
export function ignoreOutcome(value: unknown): void {
  if (isThenable(value)) Promise.resolve(value).catch(() => undefined)
}

function isThenable(value: unknown): boolean {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'
}

/** A copy that has what the object itself has: nothing that it inherits, which may come from anywhere. */
export function ownOf<T extends object>(value: T): T {
  return { __proto__: null, ...value }
}
