import type { Cluster, Redis } from 'ioredis'

/** The commands that are used. */
export interface Commands {
  exists(key: string): Promise<unknown>
  evalshaBuffer(sha: string, keys: number, ...parameters: string[]): Promise<unknown>
  evalBuffer(script: string, keys: number, ...parameters: string[]): Promise<unknown>
}

type Settings = Readonly<Record<string, unknown>>

/** What a setting must be, and why. */
type Requirement = readonly [name: string, value: unknown, why: string]

const ofConnection: readonly Requirement[] = [
  ['maxRetriesPerRequest', 0, 'a call that failed must not be sent again, or it counts twice'],
  ['autoResendUnfulfilledCommands', false, 'a call whose connection broke must not be sent again, or it counts twice'],
]
const ofBoth: readonly Requirement[] = [
  ['enableOfflineQueue', false, 'a call must fail at once while Redis is gone, and not wait for it'],
]
const ofCluster: readonly Requirement[] = [
  ['retryDelayOnFailover', 0, 'a call whose connection broke must not be sent again, or it counts twice'],
  ['retryDelayOnClusterDown', 0, 'a call must fail at once while the cluster is down, and not wait for it'],
  ['retryDelayOnTryAgain', 0, 'a call must fail at once while a slot moves, and not wait for it'],
]

/** What to write instead. */
const forServers = 'new Redis(url, { ...limiterRedisOptions })'
const forClusters = 'new Cluster(nodes, { ...limiterClusterOptions })'

/** A Redis client's settings that make it fail at once, and never send a call twice. */
export interface LimiterRedisOptions {
  readonly enableOfflineQueue: false
  readonly maxRetriesPerRequest: 0
  readonly autoResendUnfulfilledCommands: false
  readonly connectTimeout: number
  readonly socketTimeout: number
  readonly retryStrategy: () => number
  readonly reconnectOnError: (error: Error) => boolean
}

/**
 * What to give to `new Redis(url, …)` for a limiter: the three settings that {@link redisStore} insists on, and a reconnection that is quick enough.
 * `socketTimeout` ends a connection whose other end has vanished, and `reconnectOnError` leaves a server that has become a replica.
 *
 * @example
 * const client = new Redis('redis://127.0.0.1:6379', { ...limiterRedisOptions })
 */
export const limiterRedisOptions: LimiterRedisOptions = Object.freeze({
  enableOfflineQueue: false,
  maxRetriesPerRequest: 0,
  autoResendUnfulfilledCommands: false,
  connectTimeout: 1000,
  socketTimeout: 1000,
  retryStrategy: () => 100,
  reconnectOnError: (error: Error) => error.message.startsWith('READONLY'),
})

/** The same for a cluster's client. */
export interface LimiterClusterOptions {
  readonly enableOfflineQueue: false
  readonly retryDelayOnFailover: 0
  readonly retryDelayOnClusterDown: 0
  readonly retryDelayOnTryAgain: 0
  readonly slotsRefreshTimeout: number
  readonly slotsRefreshInterval: number
  readonly clusterRetryStrategy: () => number
  readonly redisOptions: Omit<LimiterRedisOptions, 'enableOfflineQueue' | 'retryStrategy'>
}

const { enableOfflineQueue: _queue, retryStrategy: _strategy, ...ofNodes } = limiterRedisOptions

/**
 * What to give to `new Cluster(nodes, …)` for a limiter: what {@link redisStore} insists on, and a quick look at who serves which slot after a
 * failover.
 *
 * @example
 * const client = new Cluster([{ host: '127.0.0.1', port: 7000 }], { ...limiterClusterOptions })
 */
export const limiterClusterOptions: LimiterClusterOptions = Object.freeze({
  enableOfflineQueue: false,
  retryDelayOnFailover: 0,
  retryDelayOnClusterDown: 0,
  retryDelayOnTryAgain: 0,
  slotsRefreshTimeout: 250,
  slotsRefreshInterval: 1000,
  clusterRetryStrategy: () => 100,
  redisOptions: Object.freeze(ofNodes),
})

/**
 * Checks that a client fails at once and never sends a call twice.
 *
 * @throws {TypeError} that names the setting and says what it must be.
 */
export function checkClient(client: unknown): asserts client is (Redis | Cluster) & Commands {
  if (!isClient(client)) throw new TypeError(`redisStore: client: give a client of ioredis: ${forServers}`)
  const { options, isCluster } = client
  if (isCluster) {
    require(options, [...ofBoth, ...ofCluster], 'client', forClusters)
    checkReads(options['scaleReads'])
    require(settingsOf(options['redisOptions']), ofConnection, 'client: redisOptions', forClusters)
    checkConnection(settingsOf(options['redisOptions']))
  } else {
    require(options, [...ofBoth, ...ofConnection], 'client', forServers)
  }
  checkConnection(options)
}

function isClient(client: unknown): client is Commands & { readonly options: Settings; readonly isCluster: boolean } {
  if (typeof client !== 'object' || client === null) return false
  const { evalshaBuffer, evalBuffer, options, isCluster } = client as Record<string, unknown>
  return (
    typeof evalshaBuffer === 'function' &&
    typeof evalBuffer === 'function' &&
    typeof options === 'object' &&
    typeof isCluster === 'boolean'
  )
}

function settingsOf(options: unknown): Settings {
  return typeof options === 'object' && options !== null ? (options as Settings) : {}
}

/** @param whole how to give all of them at once. */
function require(options: Settings, requirements: readonly Requirement[], where: string, whole: string): void {
  for (const [name, value, why] of requirements) {
    if (options[name] !== value) {
      throw new TypeError(
        `redisStore: ${where}: give ${name}: ${String(value)}; ${why}. All settings at once: ${whole}`,
      )
    }
  }
}

/** The client's own default is the one that is wanted. */
function checkReads(scaleReads: unknown): void {
  if (scaleReads === undefined || scaleReads === 'master') return
  throw new TypeError(
    "redisStore: client: leave scaleReads out, or give 'master'; a replica's answer does not say whether its primary is there",
  )
}

/** What would change keys or answers on the way. */
function checkConnection(options: Settings): void {
  const { keyPrefix, stringNumbers } = options
  if (typeof keyPrefix === 'string' && keyPrefix.includes('{')) {
    throw new TypeError(
      "redisStore: client: keyPrefix: leave '{' out; it would decide which node of a cluster holds a counter",
    )
  }
  if (stringNumbers === true)
    throw new TypeError('redisStore: client: leave stringNumbers out; no number here needs it')
}
