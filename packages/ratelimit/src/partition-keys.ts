import { checkOptions } from '@mosaajii/core'
import { ownOf } from './checks.ts'
import { Fingerprint } from './fingerprint.ts'
import { keyOf, type RateLimiter } from './rate-limiter.ts'

/** How partition keys are made. */
export interface PartitionKeyOptions {
  /** 16 random bytes, the same in all processes that answer a client. */
  readonly secret: Uint8Array
}

/**
 * Makes the `pk` of fields: SipHash-2-4 of the rule and the key, under a secret. A client sees whether two answers speak of one counter, and nobody sees whose
 * it is.
 *
 * @returns for a rule and a subject 8 bytes as base64.
 * @throws {TypeError} for a wrong secret; the message begins with `who`.
 */
export function partitionKeys<S>(
  limiter: RateLimiter<S>,
  options: PartitionKeyOptions,
  who: string,
): (rule: string, subject: S) => string {
  checkOptions(options, `${who}: partitionKey`, ['secret'])
  const { secret } = ownOf(options)
  if (!(secret instanceof Uint8Array) || secret.length !== 16) {
    throw new TypeError(`${who}: partitionKey.secret: give 16 random bytes`)
  }
  const fingerprint = new Fingerprint(secret)
  return (rule, subject) => {
    fingerprint.hash(`${rule}:${keyOf(limiter, rule, subject)}`)
    return base64(fingerprint.low, fingerprint.high)
  }
}

/** Two 32-bit words as the base64 of their eight bytes. */
function base64(low: number, high: number): string {
  const words = [low, high].flatMap((word) => [word & 255, (word >>> 8) & 255, (word >>> 16) & 255, word >>> 24])
  return btoa(String.fromCharCode(...words))
}
