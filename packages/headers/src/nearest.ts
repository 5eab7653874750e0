import { refuse } from './errors.ts'
import { shown } from './quoted.ts'

/** Refuses a word that is not among those that are known or vouched for, and names the one that was probably meant. */
export function checkKnown(
  word: string,
  path: string,
  known: readonly string[],
  what: string,
  allow?: ReadonlySet<string>,
  hint = "; a newer one stands in 'allow'",
): void {
  if (known.includes(word) || allow?.has(word)) return
  const distance = (one: string): number => slips(bare(word), bare(one))
  const [nearest = ''] = [...known].sort((one, other) => distance(one) - distance(other))
  const near = distance(nearest) < Math.min(3, word.length)
  refuse(path, `${shown(word)} is ${what}${near ? `; did you mean ${nearest}?` : hint}`)
}

/** How many characters are left of the longer one without what both begin and end with. */
function slips(word: string, known: string): number {
  if (word && word[0] === known[0]) return slips(word.slice(1), known.slice(1))
  if (word && word.at(-1) === known.at(-1)) return slips(word.slice(0, -1), known.slice(0, -1))
  return Math.max(word.length, known.length)
}

function bare(word: string): string {
  return word.toLowerCase().replaceAll(/[^a-z0-9]/g, '')
}
