import { checkOptions } from '@mosaajii/core'

const window = "window: '15m'"
const limit = 'limit: 100'
const key = 'key: (facts) => addressKey(facts.address)'
const answer = 'problems() answers, or an error handler that asks isRateLimitRefusal(error)'

/** What to write, and where; or what else to do. */
type Advice = readonly [write: string, place: string] | string

/** What options of other limiters are called here, and where ours go when they are given elsewhere. */
const words: ReadonlyMap<string, Advice> = new Map<string, Advice>([
  ['windowMs', [window, 'a rule']],
  ['timeWindow', [window, 'a rule']],
  ['duration', [window, 'a rule']],
  ['window', [window, 'a rule']],
  ['max', [limit, 'a rule']],
  ['points', [limit, 'a rule']],
  ['limit', [limit, 'a rule']],
  ['keyGenerator', [key, 'a rule']],
  ['key', [key, 'a rule']],
  ['standardHeaders', ['fields: true', 'the options of a guard']],
  ['legacyHeaders', ['legacy: true', 'the options of a guard']],
  ['skip', 'there is none: a guard counts what it stands before; mount the rest before it'],
  ['message', answer],
  ['handler', answer],
])

/**
 * As `checkOptions` of core, and says what an option that people know from other limiters is called here.
 *
 * @throws {TypeError} as `checkOptions` does.
 */
export function checkKnownOptions(options: unknown, who: string, known: readonly string[]): void {
  if (typeof options === 'object' && options !== null) {
    const unknown = Object.keys(options).find((name) => !known.includes(name)) ?? ''
    const advice = words.get(unknown)
    if (advice !== undefined) throw new TypeError(`${who}: unknown option '${unknown}'; ${told(advice, known)}`)
  }
  checkOptions(options, who, known)
}

function told(advice: Advice, known: readonly string[]): string {
  if (typeof advice === 'string') return advice
  const [write, place] = advice
  const isHere = known.includes(write.split(':', 1)[0] ?? '')
  return isHere ? `write ${write}` : `write ${write} in ${place}`
}
