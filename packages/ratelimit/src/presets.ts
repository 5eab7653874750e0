import { checkOptions } from '@mosaajii/core'
import { addressKey } from '@mosaajii/core/address'
import { ownOf, refusePromise } from './checks.ts'
import { RateLimitError } from './errors.ts'
import type { OnStoreFailure, Rule } from './rule.ts'

/** The rules of {@link presets.manual}. */
export type ManualRuleName = 'global' | 'api' | 'authentication' | 'authentication-account' | 'authentication-address'

/** How {@link presets.manual} finds out whom a call is about. */
export interface ManualOptions<S> {
  /** The client's IP address, for example `facts.address`. IPv6 addresses count by their /64, which is what one client has. */
  readonly address: (subject: S) => string | undefined
  /** The account that is tried, in the one spelling under which it is looked up: where `Ada` and `ada` sign in alike, small letters. */
  readonly account: (subject: S) => string | number | undefined
  /** What happens to a rule when the store cannot be reached. Default: a tenth of the limit a process for `global` and `api`, `'deny'` for the others. */
  readonly onStoreFailure?: { readonly [N in ManualRuleName]?: OnStoreFailure }
}

const ruleNames: readonly ManualRuleName[] = [
  'global',
  'api',
  'authentication',
  'authentication-account',
  'authentication-address',
]

/**
 * The rate limits of the operations manual: `global` 1000 in 15 minutes, `api` 100 a minute, `authentication` 5 in 15 minutes.
 *
 * The manual's five tries by account alone would let anybody lock a cashier out from elsewhere, and by address alone would stop a shop behind one
 * address. So `authentication` counts account and address together, and brings two more rules with it: one by account with 100 tries and one by address
 * with 50, which slow down before they stop. From 20 tries on, those of an account wait 1, 2, 4 up to 30 seconds each; from 25 on, those of an address
 * up to a minute.
 *
 * @throws {TypeError} for an unknown option, or where `address` or `account` is no function.
 * @example
 * const rules = presets.manual({
 *   address: (attempt: { address: string | undefined; account: string }) => attempt.address,
 *   account: (attempt) => attempt.account,
 * })
 * const limiter = rateLimiter({ rules })
 * await limiter.check(['authentication'], { address: '192.0.2.7', account: 'ada' })
 */
function manual<S>(options: ManualOptions<S>): Readonly<Record<ManualRuleName, Rule<S>>> {
  const who = 'presets.manual'
  checkOptions(options, who, ['address', 'account', 'onStoreFailure'])
  const { address, account, onStoreFailure = {} } = ownOf(options)
  for (const [name, read] of Object.entries({ address, account })) {
    if (typeof read !== 'function') throw new TypeError(`${who}: ${name}: give a function of the subject`)
  }
  checkOptions(onStoreFailure, `${who}: onStoreFailure`, ruleNames)
  const failing = ownOf(onStoreFailure)
  const keyOf = addressKeys()
  const byAddress = (rule: ManualRuleName) => (subject: S) => keyOf(known(rule, 'address', address(subject)))
  const byAccount = (rule: ManualRuleName) => (subject: S) => known(rule, 'account', account(subject))
  const [client, name] = [byAddress('authentication'), byAccount('authentication')]
  const {
    global = { localShare: 100 },
    api = { localShare: 10 },
    authentication = 'deny',
    'authentication-account': accounts = 'deny',
    'authentication-address': addresses = 'deny',
  } = failing
  return Object.freeze({
    global: { limit: 1000, window: '15m', key: byAddress('global'), onStoreFailure: global },
    api: { limit: 100, window: '1m', key: byAddress('api'), onStoreFailure: api },
    authentication: {
      limit: 5,
      window: '15m',
      key: (subject) => [name(subject), client(subject)],
      with: ['authentication-account', 'authentication-address'],
      onStoreFailure: authentication,
    },
    'authentication-account': {
      limit: 100,
      window: '15m',
      algorithm: 'exact',
      key: byAccount('authentication-account'),
      backoff: { after: 20, base: '1s', factor: 2, max: '30s' },
      onStoreFailure: accounts,
    },
    'authentication-address': {
      limit: 50,
      window: '15m',
      algorithm: 'exact',
      key: byAddress('authentication-address'),
      backoff: { after: 25, base: '1s', factor: 2, max: '1m' },
      onStoreFailure: addresses,
    },
  } satisfies Record<ManualRuleName, Rule<S>>)
}

/** Several rules ask for the key of one address in a row: the last one is remembered. */
function addressKeys(): (address: string) => string {
  let lastAddress: string | undefined
  let lastKey = ''
  return (address) => {
    if (address === lastAddress) return lastKey
    lastKey = checkedAddressKey(address)
    lastAddress = address
    return lastKey
  }
}

/** Says which of the two it is that nobody knows. */
function known<T>(rule: ManualRuleName, part: 'address' | 'account', value: T | undefined): T {
  if (value === undefined) {
    const advice = `${part} gave undefined; check a call only when its ${part} is known`
    throw new RateLimitError('RATE_KEY_MISSING', `rule '${rule}': ${advice}`)
  }
  refusePromise(value, `rule '${rule}': ${part}`)
  return value
}

function checkedAddressKey(address: string): string {
  try {
    return addressKey(address)
  } catch {
    const message = 'presets.manual: address: it gave no IP address; give what facts.address holds'
    throw new RateLimitError('RATE_KEY_INVALID', message, { status: 400 })
  }
}

/** Rules to begin with. */
export const presets: { readonly manual: typeof manual } = Object.freeze({ manual })
