import { once } from 'node:events'
import type { EventSink } from '@mosaajii/core'
import {
  admit,
  type Decision,
  type DecisionSource,
  type ManualRuleName,
  memoryStore,
  type OnStoreFailure,
  presets,
  type RateLimiter,
  rateLimiter,
  type WindowStore,
} from '@mosaajii/ratelimit'
import type { Settings } from './settings.ts'

/** Whom the limits count by. The facts of a request are one. */
export interface Caller {
  /** `undefined` where the connection has none. */
  readonly address: string | undefined
}

/** One limit as a caller sees it. */
export interface LimitView {
  readonly name: ManualRuleName
  readonly limit: number
  /** In milliseconds. */
  readonly window: number
  readonly remaining: number
  /** In how many milliseconds there is more; 0: it cannot grow. */
  readonly resetMs: number
  /** Who says so: the store, or while it cannot be reached this process by its own share (`local`); `failure`: nobody, and nothing passes. */
  readonly source: DecisionSource
}

/** The limits of the shop. */
export interface Limits {
  readonly limiter: RateLimiter<Caller, ManualRuleName>
  /** Where they are counted. */
  readonly store: 'memory' | 'redis'
  /** Whether they can be counted there just now. */
  isReachable(): boolean
  /** How far a caller is. Counts nothing. */
  look(caller: Caller): Promise<readonly LimitView[]>
  /**
   * Lets a caller try a secret of the administrator. A right one costs nothing; of wrong ones so many pass as the rule `authentication` says, and
   * then the right one is refused as well, so that nobody learns that it was right.
   *
   * @param outer the decision of the request, whose fields a refusal has too.
   * @param verify throws when the secret is wrong.
   */
  attempt(caller: Caller, outer: Decision, verify: () => void): Promise<void>
  close(): Promise<void>
}

/** What {@link openLimits} is made of. */
export type LimitsOptions = Pick<Settings, 'limits' | 'redis'> & { readonly events: EventSink }

/** How long the start waits for Redis, in milliseconds. */
const longestWait = 2000

const shown: readonly ManualRuleName[] = ['global', 'api', 'authentication']

/** Makes the limits of the operations manual: in the memory of this process, or on Redis, where several processes count together. */
export async function openLimits({ limits, redis, events }: LimitsOptions): Promise<Limits> {
  const { store, isReachable, close } = redis === undefined ? inMemory() : await onRedis(redis)
  const limiter = rateLimiter({ rules: rulesOf(limits), store, events })
  return {
    limiter,
    store: redis === undefined ? 'memory' : 'redis',
    isReachable,
    // Each for itself: while Redis is gone one that refuses everything would speak for the others.
    look: (caller) => Promise.all(shown.map((name) => lookAt(limiter, name, caller))),
    attempt: async (caller, outer, verify) => {
      // Counted first: of attempts that come at once none must pass unseen.
      const decision = await limiter.check(['authentication'], caller)
      admit(decision, { outer })
      verify()
      // When the store is gone just now, the right one has cost an attempt.
      await limiter.refund(decision).catch(() => undefined)
    },
    close,
  }
}

async function lookAt(limiter: Limits['limiter'], name: ManualRuleName, caller: Caller): Promise<LimitView> {
  const { rules, source } = await limiter.peek([name], caller)
  return { name, source, ...rules[name] }
}

function rulesOf({ global, api }: Settings['limits']) {
  const onStoreFailure = { global: share(global), api: share(api) }
  const rules = presets.manual<Caller>({
    address: ({ address }) => address,
    // There is one account: whoever has its token.
    account: () => 'admin',
    onStoreFailure,
  })
  return { ...rules, global: { ...rules.global, limit: global }, api: { ...rules.api, limit: api } }
}

/** What a process lets through while Redis is gone: a tenth. */
function share(limit: number): OnStoreFailure {
  return { localShare: Math.ceil(limit / 10) }
}

interface OpenStore {
  readonly store: WindowStore
  readonly isReachable: () => boolean
  readonly close: () => Promise<void>
}

function inMemory(): OpenStore {
  return { store: memoryStore({ maxBytes: 32 * 2 ** 20 }), isReachable: () => true, close: () => Promise.resolve() }
}

async function onRedis({ url, prefix }: NonNullable<Settings['redis']>): Promise<OpenStore> {
  const [{ Redis }, { limiterRedisOptions, redisStore }] = await Promise.all([
    import('ioredis'),
    import('@mosaajii/ratelimit/redis'),
  ])
  const client = new Redis(url, { ...limiterRedisOptions })
  // The limiter tells when it cannot reach Redis, once for each outage; without a listener ioredis prints every attempt.
  client.on('error', () => undefined)
  // A shop whose Redis is not there yet opens all the same, with what each process lets through alone.
  await once(client, 'ready', { signal: AbortSignal.timeout(longestWait) }).catch(() => undefined)
  const close = async (): Promise<void> => {
    client.disconnect()
  }
  return { store: redisStore({ client, prefix }), isReachable: () => client.status === 'ready', close }
}
