import fc from 'fast-check'
import type { WindowBackoff, WindowRule } from '../../src/window-store.ts'

/** The longest window that the stores keep by the millisecond; for longer ones the memory store may round up. */
export const longestFineWindow: number = 2 ** 30
const day = 86_400_000
/** The longest window that there is. */
export const longestWindow: number = 366 * day

/** Makes a rule as the limiter hands it to a store. */
export function windowRule(rule: Partial<WindowRule> & { readonly subWindows?: number } = {}): WindowRule {
  const {
    name = 'rule',
    limit = 3,
    window = 1000,
    algorithm = 'exact',
    shadow = false,
    backoff,
    subWindows = 60,
  } = rule
  const quantum = algorithm === 'exact' ? 1 : Math.ceil(window / subWindows)
  return { name, limit, window, algorithm, quantum, shadow, backoff }
}

const windows = {
  short: fc.integer({ min: 1, max: 60 }),
  usual: fc.constantFrom(97, 1000, 60_000, 900_000, day),
  long: fc.constantFrom(longestFineWindow - 1, longestFineWindow, longestFineWindow + 1, 49 * day, longestWindow),
}

/** How long the windows of a schedule are. */
export type WindowLengths = readonly (keyof typeof windows)[]

const backoffs = (limit: number, window: number): fc.Arbitrary<WindowBackoff | undefined> =>
  limit === 1
    ? fc.constant(undefined)
    : fc
        .tuple(
          fc.integer({ min: 1, max: limit - 1 }),
          fc.integer({ min: 1, max: Math.min(window, 20) }),
          fc.constantFrom(1, 1.5, 2, 10),
          fc.double({ min: 0, max: 1, noNaN: true }),
        )
        .map(([after, base, factor, part]) => ({ after, base, factor, max: base + Math.floor((window - base) * part) }))

type Shape = Omit<WindowRule, 'name' | 'shadow'>

const exact = (limits: fc.Arbitrary<number>, lengths: fc.Arbitrary<number>): fc.Arbitrary<Shape> =>
  fc.tuple(limits, lengths, fc.nat(3)).chain(([limit, window, wait]) => {
    const shape = { limit, window, algorithm: 'exact' as const, quantum: 1 }
    return (wait === 0 ? backoffs(limit, window) : fc.constant(undefined)).map((backoff) => ({ ...shape, backoff }))
  })

const strict = (
  limits: fc.Arbitrary<number>,
  lengths: fc.Arbitrary<number>,
  parts: fc.Arbitrary<number>,
): fc.Arbitrary<Shape> =>
  fc.tuple(limits, lengths, parts).map(([limit, window, subWindows]) => ({
    limit,
    window,
    algorithm: 'strict' as const,
    quantum: Math.ceil(window / subWindows),
    backoff: undefined,
  }))

const few = fc.integer({ min: 1, max: 9 })
const any = {
  exact: fc.oneof({ weight: 5, arbitrary: few }, fc.constantFrom(64, 100, 1024)),
  strict: fc.oneof(
    { weight: 5, arbitrary: fc.integer({ min: 1, max: 20 }) },
    fc.constantFrom(100, 1 << 20, (1 << 20) + 1, 1_000_000_000),
  ),
  parts: fc.oneof(fc.constantFrom(1, 2, 10, 60, 1000), fc.integer({ min: 1, max: 1000 })),
}

/**
 * Up to so many rules, named in their order.
 *
 * @param areSmall whether a few keys are enough to fill the smallest store of these rules.
 */
export function windowRules(
  max: number,
  lengths: WindowLengths,
  areSmall: boolean = false,
): fc.Arbitrary<readonly WindowRule[]> {
  const window = fc.oneof(...lengths.map((length) => windows[length]))
  const rule = areSmall
    ? fc.oneof(exact(few, window), strict(few, window, few))
    : fc.oneof(exact(any.exact, window), strict(any.strict, window, any.parts))
  return fc
    .array(fc.tuple(rule, fc.nat(4)), { minLength: 1, maxLength: max })
    .map((rules) => rules.map(([rule, shadow], i) => ({ ...rule, name: `rule-${i}`, shadow: shadow === 0 })))
}
