import { checkOptions } from '@mosaajii/core'
import { checkedCost, ownOf, timeSpan, wholeNumber } from './checks.ts'
import { checkKnownOptions } from './known-options.ts'
import type { Backoff, KeyPart, OnStoreFailure, Rule } from './rule.ts'
import type { Algorithm, WindowBackoff, WindowRule } from './window-store.ts'

/** A checked rule. */
export interface CompiledRule<S> {
  /** What stores know of it. */
  readonly window: WindowRule
  readonly key: (subject: S) => KeyPart | readonly KeyPart[]
  readonly cost: number | ((subject: S) => number) | undefined
  readonly with: readonly string[]
  readonly onStoreFailure: OnStoreFailure
}

const mostUnits = 1_000_000_000
/** An exact rule keeps each hit for itself. */
const mostHits = 1024
/** Up to this limit a rule is exact by default. */
const exactUpTo = 64
const mostSubWindows = 1000
const usualSubWindows = 60
const steepest = 10

const ruleName = /^[a-z0-9_-]{1,64}$/

const ruleOptions: readonly (keyof Rule<never>)[] = [
  'limit',
  'window',
  'key',
  'cost',
  'algorithm',
  'subWindows',
  'shadow',
  'backoff',
  'with',
  'onStoreFailure',
]

/**
 * Checks rules and works out what can be worked out once.
 *
 * @throws {TypeError | RangeError} whose message names the rule and the option, and says what to give instead.
 */
export function compileRules<S>(rules: Readonly<Record<string, Rule<S>>>): ReadonlyMap<string, CompiledRule<S>> {
  if (typeof rules !== 'object' || rules === null || Array.isArray(rules)) {
    throw new TypeError('rateLimiter: rules: give an object of rules by name')
  }
  const entries = Object.entries(rules)
  if (entries.length === 0) throw new TypeError('rateLimiter: rules: give at least one rule')
  const compiled = new Map(entries.map(([name, rule]) => [checkedName(name), compileRule(name, rule)]))
  for (const [name, rule] of compiled) {
    const unknown = rule.with.find((other) => !compiled.has(other))
    if (unknown !== undefined)
      throw new TypeError(`rateLimiter: rules.${name}.with: there is no rule '${shown(unknown)}'`)
  }
  return compiled
}

function checkedName(name: string): string {
  if (ruleName.test(name)) return name
  throw new RangeError(`rateLimiter: rules: '${shown(name)}' is no name; give 1 to 64 of a-z 0-9 _ -`)
}

/** A name as a message may show it. */
export function shown(name: unknown): string {
  return String(name)
    .slice(0, 60)
    .replaceAll(/[^\x20-\x7e]/g, '?')
}

function compileRule<S>(name: string, options: Rule<S>): CompiledRule<S> {
  const who = `rateLimiter: rules.${name}`
  checkKnownOptions(options, who, ruleOptions)
  const rule = ownOf(options)
  if (typeof rule.key !== 'function') {
    throw new TypeError(`${who}.key: give a function, for example ({ account }) => account; there is no default`)
  }
  const window = windowRule(name, rule, who)
  return Object.freeze({
    window,
    key: rule.key,
    cost: costOf(rule.cost, window.limit, `${who}.cost`),
    with: withOf(rule.with, `${who}.with`),
    onStoreFailure: failureOf(rule.onStoreFailure, window.limit, `${who}.onStoreFailure`),
  })
}

function windowRule<S>(name: string, rule: Rule<S>, who: string): WindowRule {
  const limit = wholeNumber(rule.limit, 1, mostUnits, `${who}.limit`)
  const window = timeSpan(rule.window, `${who}.window`)
  const algorithm = algorithmOf(rule.algorithm, limit, who)
  const { subWindows, shadow = false } = rule
  if (subWindows !== undefined && algorithm === 'exact') {
    throw new TypeError(`${who}.subWindows: an exact rule has none; leave it out, or take algorithm: 'strict'`)
  }
  const parts = wholeNumber(subWindows ?? usualSubWindows, 1, mostSubWindows, `${who}.subWindows`)
  if (typeof shadow !== 'boolean') throw new TypeError(`${who}.shadow: give true or false`)
  const backoff = rule.backoff === undefined ? undefined : backoffOf(rule.backoff, { limit, window, algorithm }, who)
  const quantum = algorithm === 'exact' ? 1 : Math.ceil(window / parts)
  return Object.freeze({ name, limit, window, algorithm, quantum, shadow, backoff })
}

function algorithmOf(algorithm: unknown, limit: number, who: string): Algorithm {
  const usual = limit <= exactUpTo ? 'exact' : 'strict'
  const chosen = algorithm === undefined ? usual : algorithm
  if (chosen !== 'exact' && chosen !== 'strict') throw new TypeError(`${who}.algorithm: give 'exact' or 'strict'`)
  if (chosen === 'exact' && limit > mostHits) {
    throw new RangeError(`${who}.limit: an exact rule has at most ${mostHits}; take algorithm: 'strict'`)
  }
  return chosen
}

function backoffOf(
  options: Backoff,
  rule: { readonly limit: number; readonly window: number; readonly algorithm: Algorithm },
  who: string,
): WindowBackoff {
  const where = `${who}.backoff`
  checkOptions(options, where, ['after', 'base', 'factor', 'max'])
  if (rule.algorithm !== 'exact') {
    throw new TypeError(`${where}: only exact rules have it; take algorithm: 'exact' and a limit up to ${mostHits}`)
  }
  if (rule.limit === 1) throw new RangeError(`${where}: a limit of 1 has nothing to wait between; leave it out`)
  const { after, base, factor = 2, max } = ownOf(options)
  const longest = timeSpan(max, `${where}.max`)
  if (longest > rule.window) throw new RangeError(`${where}.max: give at most the window`)
  const first = timeSpan(base, `${where}.base`)
  if (first > longest) throw new RangeError(`${where}.base: give at most max`)
  return Object.freeze({
    after: wholeNumber(after, 1, rule.limit - 1, `${where}.after`),
    base: first,
    factor: factorOf(factor, `${where}.factor`),
    max: longest,
  })
}

function factorOf(factor: unknown, who: string): number {
  if (typeof factor === 'number' && factor >= 1 && factor <= steepest) return factor
  throw new RangeError(`${who}: give a number from 1 to ${steepest}`)
}

function costOf<S>(cost: Rule<S>['cost'], limit: number, who: string): CompiledRule<S>['cost'] {
  if (cost === undefined || typeof cost === 'function') return cost
  if (checkedCost(cost, who) > limit) throw new RangeError(`${who}: it is above the limit, so no call could ever pass`)
  return cost
}

function withOf(names: unknown, who: string): readonly string[] {
  if (names === undefined) return []
  if (!Array.isArray(names) || !names.every((name) => typeof name === 'string')) {
    throw new TypeError(`${who}: give a list of names of rules`)
  }
  return Object.freeze([...names])
}

function failureOf(choice: unknown, limit: number, who: string): OnStoreFailure {
  if (choice === 'deny' || choice === 'allow') return choice
  if (typeof choice !== 'object' || choice === null) {
    throw new TypeError(
      `${who}: give 'deny', 'allow' or { localShare: 10 }: what is to happen when the store cannot be reached; there is no default`,
    )
  }
  checkOptions(choice, who, ['localShare'])
  const { localShare } = ownOf(choice as { localShare?: unknown })
  return Object.freeze({ localShare: wholeNumber(localShare, 1, limit, `${who}.localShare`) })
}
