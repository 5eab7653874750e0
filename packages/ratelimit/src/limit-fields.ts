import { checkOptions, type HeaderPair } from '@mosaajii/core'
import type { CallPlan } from './call-plans.ts'
import { ownOf } from './checks.ts'
import type { Decision, RuleState } from './decision.ts'
import { LimiterDecision, type Shown } from './limiter-decision.ts'
import {
  type FieldItem,
  limitHeaders,
  mergeItems,
  partitionKey,
  policyItem,
  quotedName,
  type ShownLimits,
  tighter,
} from './rate-limit-fields.ts'
import { StateItem } from './state-item.ts'

/** What answers tell of limits. */
export interface LimitFieldOptions {
  /** Whether answers have `RateLimit-Policy` and `RateLimit`. Default true. */
  readonly fields?: boolean
  /**
   * Whether answers also have the old `X-RateLimit-Limit`, `-Remaining` and `-Reset` (in seconds from now), of the rule with the least that remains.
   * Default false.
   */
  readonly legacy?: boolean
  /** What clients are told instead of a rule's own name: printable ASCII. */
  readonly policyNames?: Readonly<Record<string, string>>
}

/** The options that {@link LimitFields} reads. */
export const fieldOptionNames: readonly (keyof LimitFieldOptions)[] = ['fields', 'legacy', 'policyNames']

const noHeaders: readonly HeaderPair[] = Object.freeze([])
const nothing: ShownLimits = Object.freeze({ items: Object.freeze([]), tightest: undefined })

type KeyHash = (rule: string) => string

/** Makes the headers that tell of decisions. The texts that do not change are made once. */
export class LimitFields {
  readonly #fields: boolean
  readonly #legacy: boolean
  readonly #names: ReadonlyMap<string, string>
  readonly #items = new Map<string, KnownItem>()
  /** Of the last call: the rules of a guard are always the same. */
  #told: ToldPlan | undefined
  /** What a decision of the only guard of a request told. Made once, as most requests have one. */
  readonly #shownAlone: Shown = (decision) => this.#shown(decision, nothing, undefined)

  /**
   * @param rules the names of all rules.
   * @throws {TypeError | RangeError} for a wrong option; the message begins with `who`.
   */
  constructor(options: LimitFieldOptions, who: string, rules?: readonly string[]) {
    const { fields = true, legacy = false, policyNames = {} } = ownOf(options)
    if (typeof fields !== 'boolean') throw new TypeError(`${who}: fields: give true or false`)
    if (typeof legacy !== 'boolean') throw new TypeError(`${who}: legacy: give true or false`)
    checkOptions(policyNames, `${who}: policyNames`, rules ?? Object.keys(policyNames))
    this.#fields = fields
    this.#legacy = legacy
    this.#names = new Map(Object.entries(policyNames))
    const names = (rules ?? Object.keys(policyNames)).map(this.policyName)
    for (const name of names) quotedName(name)
    if (new Set(names).size < names.length) {
      throw new TypeError(`${who}: policyNames: two rules have one name; clients could not tell them apart`)
    }
  }

  /** How clients know a rule. */
  readonly policyName = (rule: string): string => this.#names.get(rule) ?? rule

  /**
   * The headers of an answer.
   *
   * @param outer the decision of a guard further out, whose headers these replace.
   * @param keyHash for a rule: what tells the client's counter from those of others, base64; absent: nothing does.
   */
  headers(decision: Decision, outer: Decision | undefined, keyHash?: KeyHash): readonly HeaderPair[] {
    // One that somebody made for a test has no place to remember what it told.
    const place = decision instanceof LimiterDecision ? decision : undefined
    if (outer === undefined && keyHash === undefined) {
      if (place !== undefined) place.shown = this.#shownAlone
      if (!this.#fields && !this.#legacy) return noHeaders
      const isPlain = place !== undefined && !this.#legacy
      return isPlain ? this.#plainHeaders(place) : limitHeaders(this.#shownAlone(decision))
    }
    const around = outer instanceof LimiterDecision ? outer.shown?.bind(undefined, outer) : undefined
    const shown: Shown = (told) => this.#shown(told, around?.() ?? nothing, keyHash)
    if (place !== undefined) place.shown = shown
    return limitHeaders(shown(decision))
  }

  /** What the other way comes to, without making anything but the texts: most requests have one guard. */
  #plainHeaders(decision: LimiterDecision): readonly HeaderPair[] {
    const { plan, states } = decision
    const told = this.#told?.plan === plan ? this.#told : (this.#told = this.#toldPlan(plan))
    const { items, policies } = told
    let list = ''
    for (let i = 0; i < items.length; i++) {
      const item = items[i]
      const state = states[i]
      if (item === undefined || state === undefined || !isStateKnown(decision, item.rule)) continue
      const text = item.state.text(state)
      list = list === '' ? text : `${list}, ${text}`
    }
    if (policies === '') return noHeaders
    // Of each answer's own: what one caller writes into a pair is not to be told to the next. Frozen ones take Node 20 longer to read.
    const policy: HeaderPair = ['RateLimit-Policy', policies]
    return list === '' ? [policy] : [policy, ['RateLimit', list]]
  }

  #toldPlan(plan: CallPlan<never>): ToldPlan {
    const items = plan.rules.map(({ window }) => (window.shadow ? undefined : this.#known(window.name, window)))
    return { plan, items, policies: items.flatMap((item) => item?.policy ?? []).join(', ') }
  }

  #shown(decision: Decision, outer: ShownLimits, keyHash: KeyHash | undefined): ShownLimits {
    if (!this.#fields && !this.#legacy) return outer
    const items: FieldItem[] = []
    let { tightest } = outer
    for (const [rule, state] of Object.entries<RuleState | undefined>(decision.rules)) {
      // A rule that is only tried out is nobody's business.
      if (state === undefined || state.shadow) continue
      const isKnown = isStateKnown(decision, rule)
      if (this.#fields) items.push(this.#item(rule, state, isKnown, keyHash))
      if (this.#legacy && isKnown) tightest = tighter(tightest, state)
    }
    return { items: mergeItems(outer.items, items), tightest }
  }

  #item(rule: string, state: RuleState, isKnown: boolean, keyHash?: KeyHash): FieldItem {
    const { name, policy, state: item } = this.#known(rule, state)
    const pk = keyHash === undefined ? '' : partitionKey(keyHash(rule))
    return { name, policy: policy + pk, state: isKnown ? item.text(state) + pk : undefined }
  }

  /** A rule of another limiter may have the same name, so what was made before is looked at. */
  #known(rule: string, { limit, window }: Pick<RuleState, 'limit' | 'window'>): KnownItem {
    const known = this.#items.get(rule)
    if (known !== undefined && known.limit === limit && known.window === window) return known
    const name = quotedName(this.policyName(rule))
    const item = { rule, name, policy: policyItem(name, { limit, window }), state: new StateItem(name), limit, window }
    this.#items.set(rule, item)
    return item
  }
}

/** Where no store was asked, nobody knows how far the counters are, but for those that a memory of refusals speaks of. */
function isStateKnown(decision: Decision, rule: string): boolean {
  const { source } = decision
  // Asked for only here: a decision makes the list of those that are violated each time.
  return source === 'denyCache' ? decision.violated.includes(rule) : source !== 'failure'
}

/** The name as the fields have it, the item of `RateLimit-Policy`, what makes those of `RateLimit`, and what they are made of. */
interface KnownItem {
  readonly rule: string
  readonly name: string
  readonly policy: string
  readonly state: StateItem
  readonly limit: number
  readonly window: number
}

/** What stays the same in all answers about the rules of one call. */
interface ToldPlan {
  readonly plan: CallPlan<never>
  /** By the rules of the plan; `undefined` for one that is only tried out. */
  readonly items: readonly (KnownItem | undefined)[]
  /** Empty where nothing is told. */
  readonly policies: string
}
