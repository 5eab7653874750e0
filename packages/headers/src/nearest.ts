/** Longer words are not compared: nobody means them by a slip of the fingers. */
const longestWord = 40
const mostSlips = 2

/**
 * The word that was probably meant: one with the same letters and digits, or one that is at most two slips away.
 *
 * @example
 * nearest('scriptSrc', ['script-src', 'style-src']) // 'script-src'
 * nearest("'strict-dynamc'", ["'strict-dynamic'"]) // "'strict-dynamic'"
 */
export function nearest(word: string, known: readonly string[]): string | undefined {
  if (word.length > longestWord) return undefined
  const same = known.find((one) => bare(one) === bare(word))
  if (same !== undefined) return same
  const ranked = known.map((one) => [slips(bare(word), bare(one)), one] as const).sort(([a], [b]) => a - b)
  const [best] = ranked
  return best !== undefined && best[0] <= mostSlips && best[0] <= bare(word).length / 2 ? best[1] : undefined
}

/** `; did you mean …?`, or nothing. */
export function didYouMean(word: string, known: readonly string[]): string {
  const meant = nearest(word, known)
  return meant === undefined ? '' : `; did you mean ${meant}?`
}

function bare(word: string): string {
  return word.toLowerCase().replaceAll(/[^a-z0-9]/g, '')
}

/** Levenshtein's distance. */
function slips(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index)
  for (let i = 0; i < from.length; i++) {
    const next = [i + 1]
    for (let j = 0; j < to.length; j++) {
      const changed = (row[j] as number) + (from[i] === to[j] ? 0 : 1)
      next.push(Math.min(changed, (row[j + 1] as number) + 1, (next[j] as number) + 1))
    }
    row = next
  }
  return row[to.length] as number
}
