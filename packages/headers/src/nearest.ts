/** `; did you mean …?` with the known word that has the same letters, or that differs from it in one place of at most two; or nothing. */
export function didYouMean(word: string, known: readonly string[]): string {
  const meant = known.find((one) => slips(word, one) === 0) ?? known.find((one) => slips(word, one) < 3)
  return meant === undefined ? '' : `; did you mean ${meant}?`
}

/** How many characters are left of the longer one without what both begin and end with. */
function slips(word: string, known: string): number {
  const [a, b] = [bare(word), bare(known)]
  const longer = Math.max(a.length, b.length)
  let begin = 0
  while (begin < longer && a[begin] === b[begin]) begin++
  let end = 0
  while (end < Math.min(a.length, b.length) - begin && a.at(-1 - end) === b.at(-1 - end)) end++
  return begin + end === 0 ? longer + 3 : longer - begin - end
}

function bare(word: string): string {
  return word.toLowerCase().replaceAll(/[^a-z0-9]/g, '')
}
