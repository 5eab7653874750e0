import { type CompiledRule, shown } from './rules.ts'

/** What a list of names means: the rules to ask, those of `with` included. */
export interface CallPlan<S> {
  readonly rules: readonly CompiledRule<S>[]
  /** Some rule only looks on. */
  readonly hasShadow: boolean
}

const mostRules = 16
/** An application has a handful of lists. One that makes up ever new ones pays for each, not with memory. */
const mostKept = 4096

/** A list of names that begins like this one goes on in `next`. */
interface Branch<S> {
  plan: CallPlan<S> | undefined
  readonly next: Map<string, Branch<S>>
}

/** A list that stays as it is now. @throws {TypeError} when it is none. */
function copyOfNames<N extends string>(names: readonly N[], who: string): readonly N[] {
  checkList(names, who)
  return Object.freeze([...names])
}

function checkList(names: unknown, who: string): void {
  if (!Array.isArray(names)) throw new TypeError(`${who}: give a list of names of rules, for example ['api']`)
}

/** Works out each list of names once, and finds it again without making anything. */
export class CallPlans<S> {
  readonly #rules: ReadonlyMap<string, CompiledRule<S>>
  readonly #root: Branch<S> = { plan: undefined, next: new Map() }
  #kept = 0

  constructor(rules: ReadonlyMap<string, CompiledRule<S>>) {
    this.#rules = rules
    // What `with` adds up to is known now, so a group that is too large does not wait for its first call.
    for (const name of rules.keys()) this.plan([name], `rateLimiter: rules.${name}.with`)
  }

  /** @throws {TypeError | RangeError} when it is no list of 1 to 16 names of rules, each once, or comes to more rules by `with`. */
  plan(names: readonly string[], who: string): CallPlan<S> {
    checkList(names, who)
    // Each name is read once, so what is found is what was asked for.
    let branch: Branch<S> | undefined = this.#root
    for (let i = 0; i < names.length && branch !== undefined; i++) branch = branch.next.get(names[i] as string)
    if (branch?.plan !== undefined) return branch.plan
    // What is checked and what is kept must be one list: one that reads otherwise each time would be kept under the names of another.
    const asked = copyOfNames(names, who)
    return this.#keep(asked, this.#make(asked, who))
  }

  /** The rules that are named, without those of `with`. @throws as `plan` does. */
  named(names: readonly string[], who: string): readonly CompiledRule<S>[] {
    const asked = copyOfNames(names, who)
    this.plan(asked, who)
    return asked.map((name) => this.#rule(name, who))
  }

  #make(names: readonly string[], who: string): CallPlan<S> {
    if (names.length === 0 || names.length > mostRules) throw new RangeError(`${who}: give 1 to ${mostRules} names`)
    const twice = names.find((name, i) => names.indexOf(name) !== i)
    if (twice !== undefined) throw new TypeError(`${who}: '${shown(twice)}' is there twice; name each rule once`)
    const rules = new Set<CompiledRule<S>>()
    for (const name of names) this.#add(rules, name, who)
    if (rules.size > mostRules) throw new RangeError(`${who}: with their 'with' these are more than ${mostRules} rules`)
    return Object.freeze({ rules: [...rules], hasShadow: [...rules].some(({ window }) => window.shadow) })
  }

  #add(rules: Set<CompiledRule<S>>, name: string, who: string): void {
    const rule = this.#rule(name, who)
    if (rules.has(rule)) return
    rules.add(rule)
    for (const other of rule.with) this.#add(rules, other, who)
  }

  #rule(name: string, who: string): CompiledRule<S> {
    const rule = this.#rules.get(name)
    if (rule === undefined) {
      throw new TypeError(`${who}: there is no rule '${shown(name)}'; there are ${[...this.#rules.keys()].join(', ')}`)
    }
    return rule
  }

  #keep(names: readonly string[], plan: CallPlan<S>): CallPlan<S> {
    let branch = this.#root
    for (const name of names) {
      let next = branch.next.get(name)
      if (next === undefined) {
        if (this.#kept >= mostKept) return plan
        this.#kept++
        next = { plan: undefined, next: new Map() }
        branch.next.set(name, next)
      }
      branch = next
    }
    branch.plan = plan
    return plan
  }
}
