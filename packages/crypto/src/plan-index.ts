/** What {@link planIndex} needs to know about a column. */
export interface IndexPlan {
  /** How many rows the table has, or will have by the time you plan again. */
  readonly rows: number
  /** How many different values the column has in them. */
  readonly distinct: number
}

const fewest = 16
const most = 2 ** 40

/**
 * Chooses how many bits a blind index keeps of its HMAC.
 *
 * A blind index is searchable because equal values have equal tokens, and that is also what it gives away: who reads the table sees
 * which rows share a token and how often each token occurs, and can match the frequent ones with the frequent names. Keeping only a few
 * bits makes several different values share each token, so that equal tokens no longer prove equal values. The price is that a search
 * reads rows of other values too, which `where()` drops after opening them.
 *
 * The rule is the one of CipherSweet's documentation ("blind index planning"): of n values, expect at least 2 and at most the square
 * root of n to share a token. This returns `floor(log2(distinct / 2))`, the most selective width that keeps to it: 2 to 4 values share
 * a token. Below 16 distinct values no width keeps to it (a column of 4 card brands is readable from its frequencies alone).
 *
 * Rows that repeat a value stay visible as a group whatever the width: with 1,000,000 rows of 1,000 surnames a common surname is a tall
 * bar. Two indexes over one column give away the bits of both. Where the database shall keep a value unique, a short token would
 * refuse different values too: use `bits: 256` there, and know that it shows equal values exactly.
 *
 * The width is part of the index key, so a new width means a rebuilt index: plan for the table that you expect, not for today's.
 *
 * @returns a width in bits, 3 to 39, for `field.blindIndex({ bits })`.
 * @throws {TypeError} when an option is unknown, missing or not a number.
 * @throws {RangeError} when a number is not a whole number in range, or there are too few different values for a blind index.
 * @example
 * planIndex({ rows: 50_000, distinct: 40_000 }) // 14
 */
export function planIndex(plan: IndexPlan): number {
  if (typeof plan !== 'object' || plan === null) throw new TypeError('planIndex: give { rows, distinct }')
  const unknown = Object.keys(plan).find((name) => name !== 'rows' && name !== 'distinct')
  if (unknown !== undefined) throw new TypeError(`planIndex: there is no option ${unknown}; give rows and distinct`)
  const rows = checkCount(plan.rows, 'rows')
  const distinct = checkCount(plan.distinct, 'distinct')
  if (distinct > rows) {
    throw new RangeError(
      'planIndex: distinct is greater than rows; count the different values of the column in the same rows',
    )
  }
  if (distinct < fewest) {
    throw new RangeError(
      `planIndex: a column of fewer than ${fewest} different values is readable from how often each occurs; ` +
        'leave it without an index and filter after opening, or index it together with another value',
    )
  }
  let bits = 3
  // Whole powers of two, because Math.log2 may round across one.
  while (2 ** (bits + 2) <= distinct) bits++
  return bits
}

function checkCount(value: unknown, name: string): number {
  if (typeof value !== 'number') throw new TypeError(`planIndex: give ${name} as a number`)
  if (!Number.isSafeInteger(value) || value < 1 || value > most) {
    throw new RangeError(`planIndex: ${name} must be a whole number from 1 to 2^40`)
  }
  return value
}
